"""Probabilities of whole steps: they add up to 1, are differences of the cumulative one, and have gradients far out."""

import pytest
import torch

from reverie.maths.logistic import log_steps

MEAN, SCALE, LOGITS = (torch.tensor(v, dtype=torch.float64) for v in ([-0.7, 3.2], [-1.0, 0.8], [0.3, -0.4]))


def cumulative(x: torch.Tensor) -> torch.Tensor:
    return (torch.sigmoid((x[:, None] - MEAN) / SCALE.exp()) * LOGITS.softmax(0)).sum(1)


def test_over_all_whole_numbers_they_add_up_to_1():
    x = torch.arange(-200, 201, dtype=torch.float64)
    assert float(log_steps(x, 1.0, MEAN, SCALE, LOGITS).exp().sum()) == pytest.approx(1, abs=1e-12)


def test_they_are_differences_of_the_cumulative_probability():
    x = torch.linspace(-9, 9, 181, dtype=torch.float64)
    true = cumulative(x + 0.5) - cumulative(x - 0.5)
    assert torch.allclose(log_steps(x, 1.0, MEAN, SCALE, LOGITS).exp(), true, rtol=1e-10, atol=0)


def test_the_ends_take_all_that_lies_beyond_them():
    x = torch.linspace(0, 1, 256, dtype=torch.float64)
    mean, scale = torch.tensor([-0.2, 1.1], dtype=torch.float64), torch.tensor([-1.0, -2.0], dtype=torch.float64)
    said = log_steps(x, 1 / 255, mean, scale, LOGITS, (0.0, 1.0)).exp()
    assert float(said.sum()) == pytest.approx(1, abs=1e-12)
    assert float(said[0]) > 10 * float(said[1])


def test_far_from_the_mean_it_is_finite_with_a_gradient_that_leads_back():
    mean = torch.zeros(1, requires_grad=True)
    total = log_steps(torch.tensor([4_000.0]), 1.0, mean, torch.tensor([-3.0]), torch.zeros(1))
    total.sum().backward()
    assert bool(total.isfinite().all())
    assert float(mean.grad) > 0
