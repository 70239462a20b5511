"""Stacks of cells with a state: the papers' equations stepped by hand, dropout's masks, and the carried state."""

from math import sqrt

import pytest
import torch
from torch import nn

from reverie.nets.carried import Carried
from reverie.nets.recurrent import CELLS
from reverie.nets.stacked import FromZero, Reader, Stack, TokenNet, locked

B, T, D, H, LAYERS, V = 3, 6, 4, 5, 2, 7
EXACT = {"rtol": 0.0, "atol": 1e-12}  # float64: only the order of summation differs
each_cell = pytest.mark.parametrize("cell", list(CELLS))


def made(cell: str, dropout: float = 0.0, by_step: bool = False) -> Stack:
    torch.manual_seed(0)
    stack = Stack(cell, D, H, LAYERS, dropout, by_step).double()
    for p in stack.parameters():  # biases too, so that each one matters
        nn.init.normal_(p, 0.0, 0.5)
    return stack


def net(cell: str = "lstm", embedding: int = H, tied: bool = True, **how) -> TokenNet:
    torch.manual_seed(0)
    network = TokenNet(
        Stack(cell, embedding, H, LAYERS, how.get("dropout", 0.0), how.get("by_step", False)), V, embedding, tied
    )
    with torch.no_grad():
        for p in network.parameters():  # biases too: a layer of zeros says zero
            p.add_(0.3 * torch.randn_like(p))
    return network.double().eval()


def gates(layer: nn.RNNBase, count: int) -> list[tuple[torch.Tensor, ...]]:
    """W, U, b and c of each gate, in torch's order."""
    parts = (layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, layer.bias_hh_l0)
    return list(zip(*[p.chunk(count) for p in parts]))


def elman(layer: nn.RNNBase, x: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
    """Elman 1990, Mikolov et al. 2010: h = tanh(W x + U h + b)."""
    ((w, u, b, c),) = gates(layer, 1)
    return torch.tanh(x @ w.T + b + state[0] @ u.T + c)[None]


def long_short_term(layer: nn.RNNBase, x: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
    """Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000: c = f c + i g, h = o tanh(c)."""
    i, f, g, o = (x @ w.T + b + state[0] @ u.T + c for w, u, b, c in gates(layer, 4))
    memory = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
    return torch.stack([torch.sigmoid(o) * torch.tanh(memory), memory])


def gated(layer: nn.RNNBase, x: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
    """Cho et al. 2014, equations 5 to 8: h = z h + (1 - z) n, in torch's variant, where the reset gate comes after the
    recurrent product: n = tanh(W x + b + r (U h + c)), in place of U (r h)."""
    (wr, ur, br, cr), (wz, uz, bz, cz), (wn, un, bn, cn) = gates(layer, 3)
    h = state[0]
    r = torch.sigmoid(x @ wr.T + br + h @ ur.T + cr)
    z = torch.sigmoid(x @ wz.T + bz + h @ uz.T + cz)
    n = torch.tanh(x @ wn.T + bn + r * (h @ un.T + cn))
    return (z * h + (1 - z) * n)[None]


BY_HAND = {"rnn": elman, "lstm": long_short_term, "gru": gated}


def stepped(cell: str, stack: Stack, x: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Token by token, layer by layer."""
    state, said = state.clone(), []
    for t in range(x.shape[1]):
        y = x[:, t]
        for k, layer in enumerate(stack.layers):
            state[:, k] = BY_HAND[cell](layer, y, state[:, k])
            y = state[0, k].clone()
        said.append(y)
    return torch.stack(said, 1), state


@each_cell
@pytest.mark.parametrize("begins", ["from zero", "from a state"])
def test_a_stack_is_its_cells_equations_stepped_by_hand(cell, begins):
    stack, x = made(cell), torch.randn(B, T, D, dtype=torch.float64)
    state = torch.randn(stack.parts, LAYERS, B, H, dtype=torch.float64) * (begins == "from a state")
    with torch.no_grad():
        said, end = stack(x, state if begins == "from a state" else None)
        by_hand, last = stepped(cell, stack, x, state)
    torch.testing.assert_close(said, by_hand, **EXACT)
    torch.testing.assert_close(end, last, **EXACT)


@each_cell
@pytest.mark.parametrize("parts", [[T], [1] * T, [2, 1, 3]])
def test_reading_token_by_token_is_a_whole_pass(cell, parts):
    network = net(cell)
    tokens = torch.randint(V, (B, T), generator=torch.Generator().manual_seed(1))
    told = torch.randn(B, 1, H, dtype=torch.float64)
    with torch.no_grad():
        whole = network(tokens, told)[0]
        reader = Reader(network, told)
        at = 0
        for part in tokens.split(parts, 1):
            at += part.shape[1]
            torch.testing.assert_close(reader.read(part), whole[:, at - 1], **EXACT)


def test_what_leaves_is_the_pass_from_zero():
    network, tokens = net(), torch.arange(T)[None]
    with torch.no_grad():
        assert torch.equal(FromZero(network)(tokens), network(tokens)[0])


@pytest.mark.parametrize(("embedding", "projects"), [(H, False), (3, True)])
def test_tied_logits_are_products_with_the_tokens_own_vectors(embedding, projects):
    """The vector of token v times what the layers say; read, a vector counts sqrt(D) times."""
    network = net(embedding=embedding)
    assert (network.project is not None) == projects
    tokens = torch.arange(T)[None]
    with torch.no_grad():
        network.out.bias.copy_(torch.arange(V, dtype=torch.float64))
        y = network.stack(network.tokens.weight[tokens] * sqrt(embedding), None)[0]
        if projects:
            y = y @ network.project.weight.T
        expected = y @ network.tokens.weight.T + torch.arange(V)
        torch.testing.assert_close(network(tokens)[0], expected, **EXACT)
    assert network.out.weight is network.tokens.weight
    assert net(embedding=embedding, tied=False).out.weight.shape == (V, H)


def test_vectors_and_logits_start_at_the_size_that_is_said():
    """Over 20,000 numbers, five standard errors: read vectors have variance 1 either way."""
    torch.manual_seed(0)
    for tied in (True, False):
        network = TokenNet(Stack("rnn", 100, 8, 1, 0.0, False), 200, 100, tied)
        spread = float((network.tokens.weight * network.scale).detach().std())
        assert spread == pytest.approx(1.0, abs=5 / sqrt(2 * 20_000))
        assert float(network.tokens.weight.detach().std()) == pytest.approx(
            0.1 if tied else 1.0, rel=5 / sqrt(2 * 20_000)
        )


# ------------------------------------------------------------------------------------------------------------- dropout


def test_a_mask_by_item_is_one_for_all_steps_and_another_for_each_item():
    torch.manual_seed(0)
    x = torch.ones(50, 4, 400, dtype=torch.float64)
    kept = locked(x, 0.3, True)
    assert torch.equal(kept, kept[:, :1].expand_as(kept))
    assert len({tuple(row) for row in kept[:, 0].tolist()}) == 50
    assert sorted(kept.unique().tolist()) == pytest.approx([0.0, 1 / 0.7])
    assert float(kept[:, 0].mean()) == pytest.approx(1.0, abs=5 * sqrt(0.3 / 0.7 / 20_000))  # five standard errors
    assert locked(x, 0.3, False) is x


def zeros(network: TokenNet) -> list[torch.Tensor]:
    """Where dropout made zeros, in the order of the passes: what each layer and the output layer were handed."""
    seen: list[torch.Tensor] = []
    hooks = [
        m.register_forward_pre_hook(lambda _, args: seen.append(args[0] == 0))
        for m in (*network.stack.layers, network.out)
    ]
    network.train()(torch.randint(V, (4, 9)))
    for hook in hooks:
        hook.remove()
    return seen


def test_by_item_inputs_layers_and_outputs_are_dropped_alike_at_all_steps():
    torch.manual_seed(0)
    for dropped in zeros(net(dropout=0.5)):
        assert dropped.any()
        assert torch.equal(dropped, dropped[:, :1].expand_as(dropped))


def test_by_step_only_what_a_layer_hands_to_the_next_is_dropped():
    torch.manual_seed(0)
    inputs, between, outputs = zeros(net(dropout=0.5, by_step=True))
    assert not inputs.any()
    assert not outputs.any()
    assert not torch.equal(between, between[:, :1].expand_as(between))


# ------------------------------------------------------------------------------------------------------- carried state


def filled(shards: int = 3, rows: int = 4) -> Carried:
    carried = Carried(2, LAYERS, H)
    carried.cut(shards, rows)
    carried.states.copy_(torch.randn(carried.states.shape, generator=torch.Generator().manual_seed(0)))
    return carried


def test_rows_that_follow_nothing_begin_from_zero_and_the_others_from_their_own():
    carried = filled()
    begin = carried.before(torch.tensor([True, False, True]), 1)
    assert begin.shape == (2, LAYERS, 3, H)
    assert torch.equal(begin[:, :, 0], carried.states[1, :, :, 0])
    assert (begin[:, :, 1] == 0).all()
    carried.states[1, :, :, 1] = torch.nan  # what is not gone on from can't spread
    assert carried.before(torch.tensor([True, False, True]), 1).isfinite().all()


def test_shards_share_nothing_and_their_changes_add_up():
    carried, before = filled(), filled().states.clone()
    ends = [torch.full((2, LAYERS, rows, H), float(s + 1)) for s, rows in enumerate((4, 4, 3))]  # 11 rows on 3 shards
    changes = [carried.change(end, s) for s, end in enumerate(ends)]
    assert torch.equal(carried.states, before)  # telling changes nothing
    for s, change in enumerate(changes):
        assert not change["carried"][[k for k in range(3) if k != s]].any()
    carried.absorb({"carried": sum(change["carried"] for change in changes)})
    for s, end in enumerate(ends):
        assert torch.equal(carried.states[s, :, :, : end.shape[2]], end)


def test_a_saved_state_is_loaded_for_as_many_shards_and_rows_as_it_has():
    carried, other = filled(2, 7), Carried(2, LAYERS, H)
    other.load_state_dict(carried.state_dict())
    assert torch.equal(other.states, carried.states)
