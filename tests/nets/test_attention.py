"""Attention whose heads share keys and values: the same as whole attention with these repeated."""

import pytest
import torch

from reverie.nets.attention import Cache, CausalSelfAttention
from reverie.nets.rotary import turns

CLOSE = {"rtol": 1e-12, "atol": 1e-12}  # float64
WIDTH, HEADS, DEPTH = 24, 6, 4


def grouped(groups: int) -> CausalSelfAttention:
    torch.manual_seed(0)
    return CausalSelfAttention(WIDTH, HEADS, bias=True, groups=groups).double()


def repeated(one: CausalSelfAttention) -> CausalSelfAttention:
    """Whole attention, each of whose heads has the keys and values of its group: heads 0, 1 of group 0 …"""
    whole = CausalSelfAttention(WIDTH, HEADS, bias=True).double()
    with torch.no_grad():
        for name, own in whole.qkv.named_parameters():
            rows = getattr(one.qkv, name).unflatten(0, (-1, DEPTH))  # of heads
            q, k, v = rows.split((HEADS, one.groups, one.groups))
            of = [head // (HEADS // one.groups) for head in range(HEADS)]
            own.copy_(torch.cat([q, k[of], v[of]]).flatten(0, 1))
        whole.out.load_state_dict(one.out.state_dict())
    return whole


def tokens(count: int = 7) -> torch.Tensor:
    return torch.randn(2, count, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("groups", [1, 2, 3])
@pytest.mark.parametrize("rotary", [False, True])
def test_grouped_queries_are_whole_attention_with_repeated_keys_and_values(groups, rotary):
    one, x = grouped(groups), tokens()
    turn = turns(7, DEPTH) if rotary else None
    torch.testing.assert_close(one(x, turn=turn), repeated(one)(x, turn=turn), **CLOSE)
    assert one.qkv.out_features == WIDTH + 2 * groups * DEPTH


def test_no_groups_are_as_many_as_heads():
    assert torch.equal(grouped(0)(tokens()), grouped(HEADS)(tokens()))


def test_attention_is_the_paper_s_equation():
    """Vaswani et al., equation 1, with later tokens left out; head by head."""
    one, x = grouped(0), tokens()
    q, k, v = one.qkv(x).split(WIDTH, 2)
    heads = []
    for h in range(HEADS):
        a, b, c = (part[..., h * DEPTH : (h + 1) * DEPTH] for part in (q, k, v))
        scores = a @ b.transpose(1, 2) / DEPTH**0.5
        later = torch.ones(7, 7, dtype=torch.bool).triu(1)
        heads.append(scores.masked_fill(later, -torch.inf).softmax(-1) @ c)
    torch.testing.assert_close(one(x), one.out(torch.cat(heads, 2)), **CLOSE)


@pytest.mark.parametrize("groups", [0, 2])
def test_the_cache_keeps_one_row_a_group(groups):
    one, x = grouped(groups), tokens()
    cache = Cache(1, 2, one.groups, 7, x, DEPTH)
    parts = []
    with torch.no_grad():
        for part in x.split([3, 1, 1, 2], 1):
            parts.append(one(part, cache, 0))
            cache.advance(part.shape[1])
        torch.testing.assert_close(torch.cat(parts, 1), one(x), **CLOSE)
    assert cache.kept[0].shape == (2, 2, groups or HEADS, 7, DEPTH)


def test_groups_that_do_not_divide_the_heads_are_refused():
    with pytest.raises(ValueError, match=r"groups 4: does not divide the heads, 6. Pass one that does, or 0"):
        grouped(4)
