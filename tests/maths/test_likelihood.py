"""Log-probabilities against torch.distributions."""

from math import log

import pytest
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence

from reverie.maths.likelihood import (
    kl_terms,
    kl_to_standard_normal,
    log_bernoulli,
    log_discretised_logistic,
    log_mean_exp,
    log_normal,
)

MU, LOG_VAR, X = (torch.randn(7, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(k)) for k in range(3))


def test_kl():
    exact = kl_divergence(Normal(MU, (0.5 * LOG_VAR).exp()), Normal(0.0, 1.0)).sum(1)
    assert torch.allclose(kl_to_standard_normal(MU, LOG_VAR), exact, rtol=1e-12)


def test_log_normal():
    exact = Normal(MU, (0.5 * LOG_VAR).exp()).log_prob(X).sum(1)
    assert torch.allclose(log_normal(X, MU, LOG_VAR), exact, rtol=1e-12)


def test_log_bernoulli():
    x = (X > 0).double()
    assert torch.allclose(log_bernoulli(x, MU), Bernoulli(logits=MU).log_prob(x).sum(1), rtol=1e-12)


def test_log_bernoulli_of_an_intensity_is_the_expectation_over_draws():
    zero, one = torch.zeros_like(MU[:, :1]), torch.ones_like(MU[:, :1])
    mixed = 0.7 * log_bernoulli(zero, MU[:, :1]) + 0.3 * log_bernoulli(one, MU[:, :1])
    assert torch.allclose(log_bernoulli(0.3 * one, MU[:, :1]), mixed, rtol=1e-12)


def test_log_mean_exp():
    x = torch.tensor([[1.0], [3.0]], dtype=torch.float64).log() - 1000  # would underflow if exponentiated
    assert torch.allclose(log_mean_exp(x), torch.tensor([log(2.0) - 1000], dtype=torch.float64), rtol=1e-12)


@pytest.mark.parametrize("log_scale", [-9.0, -3.0, 0.0, 4.0])
def test_a_discretised_logistic_s_probabilities_add_up_to_1(log_scale):
    """Over all 256 levels, of scales from far below a cell to far above the range, with the mean inside and outside."""
    levels = torch.linspace(0, 1, 256, dtype=torch.float64)[:, None]
    half, scale = torch.tensor(0.5 / 255, dtype=torch.float64), torch.tensor(log_scale, dtype=torch.float64)
    for mean in (-0.3, 0.0, 0.41, 1.0, 1.7):
        middle = torch.full_like(levels, mean)
        terms = log_discretised_logistic(levels, middle, scale[None], half[None])
        assert terms.isfinite().all()
        assert float(terms.exp().sum()) == pytest.approx(1.0, abs=1e-10)


def test_a_discretised_logistic_in_the_middle_is_the_difference_of_two_sigmoids():
    x, half = torch.tensor([[0.4]], dtype=torch.float64), torch.tensor([0.1], dtype=torch.float64)
    found = log_discretised_logistic(x, x - 0.05, torch.tensor([log(0.2)], dtype=torch.float64), half)
    sigmoid = (torch.tensor([0.15, -0.05], dtype=torch.float64) / 0.2).sigmoid()
    assert torch.allclose(found.exp(), sigmoid[0] - sigmoid[1], rtol=1e-12)


def test_kl_terms_are_each_dimension_s():
    assert torch.allclose(kl_terms(MU, LOG_VAR).sum(1), kl_to_standard_normal(MU, LOG_VAR))
    exact = kl_divergence(Normal(MU, (0.5 * LOG_VAR).exp()), Normal(0.0, 1.0))
    assert torch.allclose(kl_terms(MU, LOG_VAR), exact, rtol=1e-12)
