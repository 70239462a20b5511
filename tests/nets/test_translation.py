"""The translator against torch's own transformer layers with its weights, and word by word against all at once."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from reverie.nets.packed import Packed
from reverie.nets.translation import Translator, sinusoids

WIDTH, HEADS, FEED, LAYERS = 16, 4, 24, 2
SOURCES, TARGETS = torch.tensor([5, 2, 7]), torch.tensor([3, 6, 4])


def network(norm: str, tied: bool = False) -> Translator:
    torch.manual_seed(0)
    net = Translator((11, 11 if tied else 9), tied, WIDTH, LAYERS, HEADS, FEED, 0.0, norm).double().eval()
    for p in net.parameters():  # norms and biases too
        p.data += 0.1 * torch.randn_like(p)
    return net


def tokens() -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(2)
    return torch.randint(3, 11, (3, 7), generator=g), torch.randint(3, 9, (3, 6), generator=g)


def attention(own, theirs) -> None:
    theirs.in_proj_weight.data.copy_(own.qkv.weight)
    theirs.out_proj.weight.data.copy_(own.out.weight)
    theirs.in_proj_bias.data.zero_()
    theirs.out_proj.bias.data.zero_()


def dense(own, theirs) -> None:
    theirs.linear1.load_state_dict(own.feed.up.state_dict())
    theirs.linear2.load_state_dict(own.feed.down.state_dict())


def reference(net: Translator, norm: str, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Torch's layers on padded batches: (B, T, D)."""
    shape = {"dropout": 0.0, "batch_first": True, "norm_first": norm == "before", "dtype": torch.float64}
    hidden = torch.arange(source.shape[1]) >= SOURCES[:, None]
    x = net.source(source) * WIDTH**0.5 + sinusoids(torch.arange(source.shape[1]), WIDTH, net.source.weight)
    for own in net.encoder:
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, FEED, **shape).eval()
        attention(own.attention, layer.self_attn)
        dense(own, layer)
        for theirs, around in ((layer.norm1, own.first), (layer.norm2, own.last)):
            theirs.load_state_dict(around.norm.state_dict())
        x = layer(x, src_key_padding_mask=hidden)
    memory = net.read(x)
    y = net.target(target) * WIDTH**0.5 + sinusoids(torch.arange(target.shape[1]), WIDTH, net.source.weight)
    later = torch.ones(target.shape[1], target.shape[1], dtype=torch.bool).triu(1)
    for own in net.decoder:
        layer = nn.TransformerDecoderLayer(WIDTH, HEADS, FEED, **shape).eval()
        attention(own.attention, layer.self_attn)
        attention(own.memory, layer.multihead_attn)
        dense(own, layer)
        for theirs, around in ((layer.norm1, own.first), (layer.norm2, own.second), (layer.norm3, own.last)):
            theirs.load_state_dict(around.norm.state_dict())
        y = layer(y, memory, tgt_mask=later, memory_key_padding_mask=hidden)
    return net.told(y)


@torch.no_grad()
@pytest.mark.parametrize("norm", ["after", "before"])
@pytest.mark.parametrize("group", [1, 2, 3])
def test_it_is_torchs_transformer(norm, group):
    net, (source, target) = network(norm), tokens()
    at = Packed(TARGETS, group)
    said = net(source, Packed(SOURCES, group), target, at)
    wanted = reference(net, norm, source, target)
    assert torch.allclose(said, wanted[at.item, at.time], atol=1e-10)


@torch.no_grad()
@pytest.mark.parametrize("norm", ["after", "before"])
def test_token_by_token_is_all_at_once(norm):
    """Two rows of each item, which write different targets, are exchanged on the way; then an item is left out."""
    net, (source, target) = network(norm), tokens()
    other = target.roll(1, 1)
    rows = torch.stack([target, other], 1).flatten(0, 1)  # (6, T)
    at = Packed(torch.full((3,), 6))
    wanted = torch.stack([net(source, Packed(SOURCES), t, at).view(3, 6, -1) for t in (target, other)], 1).flatten(0, 1)
    wanted = F.linear(wanted, net.target.weight).log_softmax(2)
    writer = net.writer(source, SOURCES)
    for time in range(3):
        assert torch.allclose(writer.step(rows[:, time]), wanted[:, time], atol=1e-10)
    keep = torch.tensor([5, 4, 0, 0])
    writer.keep(keep, torch.tensor([2, 0]))
    for time in range(3, 6):
        assert torch.allclose(writer.step(rows[keep, time]), wanted[keep, time], atol=1e-10)


@torch.no_grad()
def test_a_token_is_said_from_those_before_it_alone():
    net, (source, target) = network("after"), tokens()
    at = Packed(TARGETS)
    before = net(source, Packed(SOURCES), target, at)
    target[:, 2:] = 3 + (target[:, 2:] - 2) % 6
    after = net(source, Packed(SOURCES), target, at)
    assert torch.equal(before[at.time < 2], after[at.time < 2])
    assert not torch.isclose(before[at.time == 2], after[at.time == 2]).all(1).any()


def test_positions_are_the_papers_numbers():
    """Section 3.5: PE(pos, 2i) = sin(pos / 10000^(2i/d)), PE(pos, 2i+1) = cos of the same."""
    found = sinusoids(torch.tensor([0, 1, 7]), 8, torch.zeros(1, dtype=torch.float64))
    for row, position in zip(found.tolist(), (0, 1, 7)):
        for i in range(4):
            angle = torch.tensor(position / 10_000 ** (2 * i / 8), dtype=torch.float64)
            assert row[i] == pytest.approx(angle.sin().item(), abs=1e-12)
            assert row[4 + i] == pytest.approx(angle.cos().item(), abs=1e-12)


def test_tied_it_has_one_table():
    net = network("after", tied=True)
    assert net.source.weight is net.target.weight
    assert sum(p.shape == (11, WIDTH) for p in net.parameters()) == 1


def test_heads_that_do_not_divide_the_width_are_refused_with_the_cure():
    with pytest.raises(ValueError, match="width 16: not even, or no multiple of heads 3"):
        Translator((9, 9), True, 16, 1, 3, 8, 0.0, "after")
