"""Recurrent layers: the papers' equations by hand, torch's packed sequences, and how they start."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from reverie.nets.recurrent import CELLS, Recurrent, turned

B, T, D, H = 5, 7, 3, 4
LENGTHS = torch.tensor([7, 1, 4, 6, 2])
each_cell = pytest.mark.parametrize("cell", list(CELLS))


def inputs() -> torch.Tensor:
    return torch.randn(B, T, D, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def made(cell: str, layers: int = 1, both_ways: bool = False) -> Recurrent:
    torch.manual_seed(0)
    net = Recurrent(cell, D, H, layers, both_ways, 0.0).double()
    for p in net.parameters():  # biases too, so that each one matters
        nn.init.normal_(p, 0.0, 0.5)
    return net


def gates(layer: nn.RNNBase, count: int) -> list[tuple[torch.Tensor, ...]]:
    """W, U, b and c of each gate, in torch's order."""
    parts = (layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, layer.bias_hh_l0)
    return list(zip(*[p.chunk(count) for p in parts]))


def elman(layer: nn.RNNBase, x: torch.Tensor) -> torch.Tensor:
    """Elman 1990: h = tanh(W x + U h + b)."""
    ((w, u, b, c),) = gates(layer, 1)
    h, states = x.new_zeros(B, H), []
    for t in range(T):
        h = torch.tanh(x[:, t] @ w.T + b + h @ u.T + c)
        states.append(h)
    return torch.stack(states, 1)


def long_short_term(layer: nn.RNNBase, x: torch.Tensor) -> torch.Tensor:
    """Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000: c = f c + i g, h = o tanh(c)."""
    of = gates(layer, 4)
    h, memory, states = x.new_zeros(B, H), x.new_zeros(B, H), []
    for t in range(T):
        i, f, g, o = (x[:, t] @ w.T + b + h @ u.T + c for w, u, b, c in of)
        memory = torch.sigmoid(f) * memory + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(memory)
        states.append(h)
    return torch.stack(states, 1)


def gated(layer: nn.RNNBase, x: torch.Tensor) -> torch.Tensor:
    """Cho et al. 2014, equations 5 to 8: h = z h + (1 - z) n, but with r after the product:
    n = tanh(W x + b + r (U h + c))."""
    (wr, ur, br, cr), (wz, uz, bz, cz), (wn, un, bn, cn) = gates(layer, 3)
    h, states = x.new_zeros(B, H), []
    for t in range(T):
        r = torch.sigmoid(x[:, t] @ wr.T + br + h @ ur.T + cr)
        z = torch.sigmoid(x[:, t] @ wz.T + bz + h @ uz.T + cz)
        n = torch.tanh(x[:, t] @ wn.T + bn + r * (h @ un.T + cn))
        h = z * h + (1 - z) * n
        states.append(h)
    return torch.stack(states, 1)


BY_HAND = {"rnn": elman, "lstm": long_short_term, "gru": gated}


@each_cell
def test_states_are_those_of_the_papers_equations(cell):
    net, x = made(cell), inputs()
    assert torch.allclose(net(x), BY_HAND[cell](net.layers[0].on, x), atol=1e-12)


@each_cell
def test_the_way_back_is_the_same_equations_over_the_item_turned_around(cell):
    net, x = made(cell, both_ways=True), inputs()
    states = net(x, LENGTHS)
    for i, n in enumerate(LENGTHS.tolist()):
        item = x[i : i + 1, :n].flip(1).expand(B, -1, -1)
        alone = BY_HAND[cell](net.layers[0].back, nn.functional.pad(item, (0, 0, 0, T - n)))[0, :n].flip(0)
        assert torch.allclose(states[i, :n, H:], alone, atol=1e-12)


@each_cell
@pytest.mark.parametrize("lengths", [LENGTHS, None])
def test_both_ways_over_two_layers_equal_torchs_packed_sequences(cell, lengths):
    net, x = made(cell, layers=2, both_ways=True), inputs()
    theirs = CELLS[cell](D, H, 2, batch_first=True, bidirectional=True).double()
    for k, layer in enumerate(net.layers):
        for way, tail in ((layer.on, ""), (layer.back, "_reverse")):
            for name, p in way.named_parameters():
                getattr(theirs, name.replace("_l0", f"_l{k}{tail}")).data.copy_(p)
    whole = torch.full((B,), T) if lengths is None else lengths
    packed = pack_padded_sequence(x, whole, batch_first=True, enforce_sorted=False)
    wanted, _ = pad_packed_sequence(theirs(packed)[0], batch_first=True)
    there = (torch.arange(T) < whole[:, None])[..., None]
    assert torch.allclose(net(x, lengths) * there, wanted, atol=1e-12)


def test_turning_around_twice_is_nothing_and_leaves_what_is_beyond():
    x = inputs()
    y = turned(x, LENGTHS)
    assert torch.equal(turned(y, LENGTHS), x)
    for i, n in enumerate(LENGTHS.tolist()):
        assert torch.equal(y[i, :n], x[i, :n].flip(0))
        assert torch.equal(y[i, n:], x[i, n:])
    assert torch.equal(turned(x, torch.full((B,), T)), turned(x, None))


@each_cell
def test_each_gate_starts_orthogonal_and_only_forgetting_is_biased(cell):
    torch.manual_seed(0)
    layer = Recurrent(cell, D, H, 1, False, 0.0).layers[0].on
    count = layer.weight_hh_l0.shape[0] // H
    for w, u, *_ in gates(layer, count):
        assert torch.allclose(u @ u.T, torch.eye(H), atol=1e-5)
        assert w.abs().max() <= (6 / (D + H)) ** 0.5  # Glorot's limit
    biases = torch.stack([b + c for _, _, b, c in gates(layer, count)])
    wanted = torch.zeros(count, H)
    if cell == "lstm":
        wanted[1] = 1  # f of i, f, g, o
    assert torch.equal(biases, wanted)


def test_dropout_stands_between_layers_in_training_only():
    torch.manual_seed(0)
    net, x = Recurrent("lstm", D, H, 2, False, 0.5).double(), inputs()
    assert not torch.equal(net(x), net(x))
    assert torch.equal(net.layers[0](x), net.layers[0](x))
    net.eval()
    assert torch.equal(net(x), net.layers[1](net.layers[0](x)))
