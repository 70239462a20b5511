"""What makes codes sparse, against its formulas."""

import pytest
import torch

from reverie.maths.sparsity import kl_to_target, top


@pytest.mark.parametrize("k", [1, 3, 10, 20])
def test_top_keeps_exactly_k_and_the_largest(k):
    torch.manual_seed(0)
    x = torch.randn(50, 10)
    kept = top(x, k)
    assert ((kept != 0).sum(1) == min(k, 10)).all()
    for row, whole in zip(kept, x):
        assert set(row[row != 0].tolist()) == set(whole.sort(descending=True)[0][:k].tolist())


def test_top_keeps_exactly_k_of_equal_numbers():
    assert (top(torch.ones(4, 9), 3) != 0).sum(1).tolist() == [3] * 4


def test_a_gradient_reaches_those_that_pass_and_no_others():
    x = torch.randn(5, 8, requires_grad=True)
    kept = top(x, 2)
    kept.sum().backward()
    assert torch.equal(x.grad, (kept != 0).float())


def test_the_kl_and_its_gradient_are_ng_s():
    """KL = ρ log(ρ / ρ̂) + (1 - ρ) log((1 - ρ) / (1 - ρ̂)); its slope -ρ / ρ̂ + (1 - ρ) / (1 - ρ̂)."""
    mean = torch.tensor([0.01, 0.05, 0.3, 0.9], dtype=torch.float64, requires_grad=True)
    found = kl_to_target(mean, 0.05)
    bernoulli = torch.distributions.Bernoulli
    wanted = torch.distributions.kl_divergence(bernoulli(torch.tensor(0.05, dtype=torch.float64)), bernoulli(mean))
    assert torch.allclose(found, wanted, atol=1e-8)
    found.sum().backward()
    assert torch.allclose(mean.grad, (-0.05 / mean + 0.95 / (1 - mean)).detach(), rtol=1e-9)


def test_a_unit_that_is_never_or_always_active_costs_a_finite_sum():
    assert kl_to_target(torch.tensor([0.0, 1.0]), 0.1).isfinite().all()
