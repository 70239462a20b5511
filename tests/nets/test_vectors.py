"""Vectors that networks make are of the form of real items, and come back as items."""

import pytest
import torch

from reverie.nets.vectors import Vectors, straight
from toys import pictures, rows, series


@pytest.mark.parametrize("data", [pictures, rows, series])
def test_real_items_come_back_from_their_vectors(data):
    spec, items = data(8)
    batch = items.take(torch.arange(8))
    vectors = Vectors(spec)
    x = vectors.real(batch)
    assert x.shape == (8, vectors.size)
    back = vectors.fields(x)
    for name in spec.fields:
        torch.testing.assert_close(back[name], batch[name], rtol=0, atol=1e-6)


def test_numbers_with_bounds_are_bounded_and_others_are_not():
    spec, _ = rows(8)
    outputs = torch.full((3, Vectors(spec).size), 5.0)
    assert (Vectors(spec).made(outputs)[:, :2] == 5.0).all()
    spec, _ = pictures(8)
    made = Vectors(spec).made(torch.full((3, 784), 5.0))
    torch.testing.assert_close(made, torch.full((3, 784), 5.0).tanh())


def test_a_made_category_looks_like_a_real_one_and_is_learnt_through_the_softmax():
    logits = torch.tensor([[0.1, 2.0, -1.0], [3.0, 0.0, 0.5]], dtype=torch.float64, requires_grad=True)
    made = straight(logits)
    torch.testing.assert_close(made, torch.tensor([[-1.0, 1, -1], [1, -1, -1]], dtype=torch.float64))
    weight = torch.randn(2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    (found,) = torch.autograd.grad((weight * made).sum(), logits)
    (soft,) = torch.autograd.grad((weight * 2 * logits.softmax(1)).sum(), logits)
    torch.testing.assert_close(found, soft)
