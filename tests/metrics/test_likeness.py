"""PSNR and SSIM against closed forms and torchmetrics."""

from math import log10

import numpy as np
import pytest
import torch
from torchmetrics.functional.image import peak_signal_noise_ratio

from reverie.metrics import likeness


@pytest.mark.parametrize(("kind", "most"), [(np.uint8, 255), (np.uint16, 65535)])
def test_a_constant_error_has_the_closed_forms(kind, most):
    """PSNR 20 log10(most / error); of two flat pictures SSIM is (2 a b + c) / (a² + b² + c), c = 0.01²."""
    a, b = most // 2, most // 3
    one, two = (np.full((2, 16, 12, 3), v, kind) for v in (a, b))
    assert likeness.psnr(one, two).tolist() == pytest.approx([20 * log10(most / (a - b))] * 2)
    u, v = a / most, b / most
    assert likeness.ssim(one, two).tolist() == pytest.approx(
        [(2 * u * v + 1e-4) / (u * u + v * v + 1e-4)] * 2, rel=1e-6
    )


def test_psnr_is_torchmetrics():
    rng = np.random.default_rng(0)
    one, two = rng.integers(0, 256, (2, 3, 8, 8, 1), dtype=np.uint8)
    theirs = [
        peak_signal_noise_ratio(torch.from_numpy(a / 255.0), torch.from_numpy(b / 255.0), data_range=1.0)
        for a, b in zip(one, two)
    ]
    assert likeness.psnr(one, two).tolist() == pytest.approx([float(x) for x in theirs])


def test_nothing_that_differs_is_infinite_and_one():
    x = np.random.default_rng(0).integers(0, 256, (2, 20, 20, 2), dtype=np.uint8)
    assert likeness.psnr(x, x).isinf().all()
    assert likeness.ssim(x, x).tolist() == pytest.approx([1, 1])
    assert likeness.ssim(x[:, :10], x[:, :10]) is None
