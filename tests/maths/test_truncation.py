"""Normal numbers without their tails, against what drawing again gives."""

from math import erf, exp, inf, pi, sqrt

import pytest
import torch

from reverie.maths.truncation import truncated


@pytest.mark.parametrize("threshold", [0.04, 0.5, 1.0, 2.0])
def test_has_the_moments_of_the_truncated_normal(threshold):
    """E[z²] = 1 - 2 t φ(t) / (2 Φ(t) - 1). Of 100,001 quantiles, the mean of z² errs by the quantiles' step."""
    p = (torch.arange(100_001, dtype=torch.float64) + 0.5) / 100_001
    z = truncated(torch.special.ndtri(p), threshold)
    density = exp(-(threshold**2) / 2) / sqrt(2 * pi)
    assert z.square().mean().item() == pytest.approx(1 - 2 * threshold * density / erf(threshold / sqrt(2)), rel=1e-4)
    assert z.mean().abs() < 1e-12
    assert z.abs().max() <= threshold


def test_has_the_distribution_of_drawing_again():
    """Kolmogorov's distance of 20,000 draws each is below 1.95 √(2/n) with probability 0.999."""
    torch.manual_seed(0)
    n, threshold = 20_000, 1.0
    ours = truncated(torch.randn(n, dtype=torch.float64), threshold).sort().values
    again = torch.randn(4 * n, dtype=torch.float64)
    again = again[again.abs() <= threshold][:n].sort().values
    assert len(again) == n
    both = torch.cat([ours, again])
    gap = (torch.searchsorted(ours, both, right=True) - torch.searchsorted(again, both, right=True)).abs().max() / n
    assert gap < 1.95 * sqrt(2 / n)
    assert truncated(torch.randn(n), threshold).unique().numel() > 0.99 * n  # none of them is clamped


def test_every_number_keeps_its_place_and_no_threshold_is_no_change():
    z = torch.linspace(-9, 9, 181)
    assert truncated(z, inf) is z
    torch.testing.assert_close(truncated(z[abs(z) < 4], 30.0), z[abs(z) < 4], rtol=1e-5, atol=1e-6)
    made = truncated(z, 0.5)
    assert (made.diff() >= 0).all()
    assert made.isfinite().all()
    assert made.dtype == z.dtype
