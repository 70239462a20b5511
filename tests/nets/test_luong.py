"""The recurrent translator against its equations, item by item, and word by word against all at once."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from reverie.nets.luong import Luong
from reverie.nets.packed import Packed

WIDTH = 6
SOURCES, TARGETS = torch.tensor([5, 2, 7, 4]), torch.tensor([3, 6, 4, 6])


def network(layers: int) -> Luong:
    torch.manual_seed(0)
    net = Luong((11, 9), False, WIDTH, layers, 0.0).double().eval()
    for p in net.parameters():
        p.data *= 5
    return net


def tokens() -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(2)
    return torch.randint(3, 11, (4, 7), generator=g), torch.randint(3, 9, (4, 6), generator=g)


def by_hand(net: Luong, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """One item, the paper's section 3: (S,), (T,) -> (T, D). Encoder layer by layer, each way by itself."""
    x, states = net.source(source)[None], []
    for k in range(net.encoder.num_layers):
        ways = []
        for back in (False, True):
            way = nn.LSTM(x.shape[2], WIDTH // 2, batch_first=True).double()
            names = [
                f"{n}_l{k}" + ("_reverse" if back else "") for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            ]
            for p, name in zip(way.parameters(), names):
                p.data.copy_(getattr(net.encoder, name))
            y, (h, c) = way(x.flip(1) if back else x)
            ways.append((y.flip(1) if back else y, h[0], c[0]))
        x, h, c = (torch.cat(parts, -1) for parts in zip(*ways))
        states.append((h, c))
    memory, said, out = x[0], torch.zeros(1, WIDTH, dtype=torch.float64), []
    for word in target:
        y = torch.cat([net.target(word)[None], said], 1)
        for k, cell in enumerate(net.decoder):
            states[k] = cell(y, states[k])
            y = states[k][0]
        weights = (y[0] @ net.score.weight @ memory.T).softmax(0)
        said = torch.tanh(F.linear(torch.cat([weights @ memory, y[0]]), net.join.weight))[None]
        out.append(said[0])
    return torch.stack(out)


@torch.no_grad()
@pytest.mark.parametrize("layers", [1, 2])
def test_it_is_the_papers_equations(layers):
    net, (source, target) = network(layers), tokens()
    at = Packed(TARGETS)
    said = net(source, Packed(SOURCES), target, at)
    for k in range(4):
        wanted = by_hand(net, source[k, : SOURCES[k]], target[k, : TARGETS[k]])
        assert torch.allclose(said[at.item == k], wanted, atol=1e-10)


@torch.no_grad()
@pytest.mark.parametrize("layers", [1, 2])
def test_token_by_token_is_all_at_once(layers):
    """Two rows of each item, which write different targets, are exchanged on the way; then items are left out."""
    net, (source, target) = network(layers), tokens()
    other = target.roll(1, 1)
    rows = torch.stack([target, other], 1).flatten(0, 1)  # (8, T)
    at = Packed(torch.full((4,), 6))
    wanted = torch.stack([net(source, Packed(SOURCES), t, at).view(4, 6, -1) for t in (target, other)], 1).flatten(0, 1)
    wanted = F.linear(wanted, net.target.weight).log_softmax(2)
    writer = net.writer(source, SOURCES)
    for time in range(3):
        # the rows of an item begin alike, and take their own way with their first token
        assert torch.allclose(writer.step(rows[:, time]), wanted[:, time], atol=1e-10)
    keep = torch.tensor([5, 4, 0, 0])
    writer.keep(keep, torch.tensor([2, 0]))
    for time in range(3, 6):
        assert torch.allclose(writer.step(rows[keep, time]), wanted[keep, time], atol=1e-10)


def test_weights_begin_within_a_tenth():
    net = Luong((50, 50), True, 16, 2, 0.0)
    every = torch.cat([p.detach().flatten() for p in net.parameters()])
    assert every.abs().max() <= 0.1
    assert float(every.std()) == pytest.approx(0.1 / 3**0.5, rel=0.02)


def test_an_odd_width_is_refused_with_the_cure():
    with pytest.raises(ValueError, match=r"width 7: odd. .* pass an even one"):
        Luong((9, 9), True, 7, 1, 0.0)
