"""Log-probabilities against torch.distributions."""

from math import log

import torch
from torch.distributions import Bernoulli, Normal, kl_divergence

from reverie.maths.likelihood import kl_to_standard_normal, log_bernoulli, log_mean_exp, log_normal

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
