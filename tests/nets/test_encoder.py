"""The transformer encoder against torch's own, and what has no influence."""

import math

import pytest
import torch
from torch import nn

from reverie.nets.encoder import EPS, Encoder, SelfAttention, sinusoids

B, T, D, HEADS, HIDDEN = 4, 6, 8, 2, 24
THERE = torch.arange(T) < torch.tensor([6, 1, 4, 3])[:, None]


def inputs() -> torch.Tensor:
    return torch.randn(B, T, D, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def made(layers: int = 2) -> Encoder:
    torch.manual_seed(0)
    net = Encoder(D, HEADS, HIDDEN, layers).double()
    for p in net.parameters():
        nn.init.normal_(p, 0.0, 0.3)
    return net


def theirs(net: Encoder) -> nn.TransformerEncoder:
    """Torch's, with the same weights."""
    layer = nn.TransformerEncoderLayer(
        D, HEADS, HIDDEN, 0.0, "gelu", layer_norm_eps=EPS, batch_first=True, norm_first=True, dtype=torch.float64
    )
    other = nn.TransformerEncoder(layer, len(net.layers), nn.LayerNorm(D, EPS, dtype=torch.float64), False)
    for ours, one in zip(net.layers, other.layers):
        one.self_attn.in_proj_weight.data.copy_(ours.attention.qkv.weight)
        one.self_attn.in_proj_bias.data.copy_(ours.attention.qkv.bias)
        one.self_attn.out_proj.load_state_dict(ours.attention.out.state_dict())
        for name, part in (("linear1", ours.up), ("linear2", ours.down), ("norm1", ours.norm1), ("norm2", ours.norm2)):
            getattr(one, name).load_state_dict(part.state_dict())
    other.norm.load_state_dict(net.norm.state_dict())
    return other


@pytest.mark.parametrize("there", [None, THERE])
def test_it_equals_torchs_encoder_with_the_same_weights(there):
    net, x = made(), inputs()
    wanted = theirs(net)(x, src_key_padding_mask=None if there is None else ~there)
    seen = torch.ones(B, T, dtype=torch.bool) if there is None else there
    assert torch.allclose(net(x, there)[seen], wanted[seen], atol=1e-12)


def test_attention_weights_sum_to_1_over_what_is_there():
    """Values that are all alike come out as they are; of values that are 1 on padding alone, nothing comes out."""
    torch.manual_seed(0)
    attention = SelfAttention(D, HEADS).double()
    nn.init.eye_(attention.out.weight)
    x = inputs()
    with torch.no_grad():
        attention.qkv.weight[2 * D :] = 0
        attention.qkv.bias[2 * D :] = 1
    assert torch.allclose(attention(x, THERE), torch.ones(B, T, D, dtype=torch.float64))
    with torch.no_grad():
        attention.qkv.bias[2 * D :] = 0
        attention.qkv.weight[2 * D :, 0] = 1  # a value is the vector's first number
    x[:, :, 0] = (~THERE).double()
    assert attention(x, THERE).abs().max() == 0
    assert attention(x).abs().max() > 0


def test_what_is_not_there_has_no_influence():
    net, x = made(), inputs()
    other = torch.where(THERE[..., None], x, 100.0)
    assert torch.allclose(net(other, THERE)[THERE], net(x, THERE)[THERE], atol=1e-12)


def test_without_places_it_does_not_see_order():
    """Which is why places are added to what comes in."""
    net, x = made(), inputs()
    order = torch.randperm(T, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(net(x[:, order]), net(x)[:, order], atol=1e-12)


def test_sinusoids_are_the_papers():
    found = sinusoids(50, 10)
    for t, k in ((0, 0), (1, 3), (49, 4), (17, 2)):
        angle = t / 10_000 ** (2 * k / 10)
        assert found[t, 2 * k].item() == pytest.approx(math.sin(angle), abs=1e-6)
        assert found[t, 2 * k + 1].item() == pytest.approx(math.cos(angle), abs=1e-6)
    assert sinusoids(5, 3).shape == (5, 3)


def test_queries_keys_and_values_start_each_for_themselves():
    """Glorot's limit of a square matrix, and not that of one three times as high: reached to 1 % by 4,096 draws."""
    torch.manual_seed(0)
    for part in SelfAttention(64, 4).qkv.weight.chunk(3):
        assert part.abs().max().item() == pytest.approx((6 / 128) ** 0.5, rel=0.01)


def test_dropout_is_in_training_only():
    torch.manual_seed(0)
    net, x = Encoder(D, HEADS, HIDDEN, 1, 0.5).double(), inputs()
    assert not torch.equal(net(x), net(x))
    assert torch.equal(net.eval()(x), net(x))


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(ValueError, match="heads 3: does not divide the width, 8"):
        SelfAttention(8, 3)
