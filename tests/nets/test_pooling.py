"""One vector from many."""

import torch
from torch import nn

from reverie.nets.pooling import Attend, last, mean

X = torch.randn(3, 5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
LENGTHS = torch.tensor([5, 2, 1])
THERE = torch.arange(5) < LENGTHS[:, None]


def attend() -> Attend:
    torch.manual_seed(0)
    return Attend(4).double()


def test_weights_sum_to_1_and_are_0_on_padding():
    weights = attend().weights(X, THERE)
    assert torch.allclose(weights.sum(1), torch.ones(3, dtype=torch.float64))
    assert weights[~THERE].abs().max() == 0
    assert (weights[THERE] > 0).all()


def test_attention_is_the_papers_formula():
    pool = attend()
    for i, n in enumerate(LENGTHS.tolist()):
        h = X[i, :n]
        u = torch.tanh(h @ pool.dense.weight.T + pool.dense.bias)
        e = torch.exp(u @ pool.ask.weight[0])
        assert torch.allclose(pool(X, THERE)[i], (e / e.sum()) @ h)
    assert torch.allclose(pool(X), pool(X, torch.ones(3, 5, dtype=torch.bool)))


def test_asked_for_nothing_attention_is_the_mean():
    pool = attend()
    nn.init.zeros_(pool.ask.weight)
    assert torch.allclose(pool(X, THERE), mean(X, THERE))


def test_the_mean_is_over_what_is_there_even_beside_what_is_no_number():
    x = X.masked_fill(~THERE[..., None], torch.nan)
    wanted = torch.stack([X[i, :n].mean(0) for i, n in enumerate(LENGTHS.tolist())])
    assert torch.allclose(mean(x, THERE), wanted)
    assert torch.allclose(mean(X), X.mean(1))


def test_the_last_state_is_at_an_items_end_and_of_the_way_back_at_its_beginning():
    found = last(X, LENGTHS, 3)
    for i, n in enumerate(LENGTHS.tolist()):
        assert torch.equal(found[i], torch.cat([X[i, n - 1, :3], X[i, 0, 3:]]))
    assert torch.equal(last(X, None, 4), X[:, -1])
