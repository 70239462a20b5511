"""The hinge loss in closed form."""

import pytest
import torch

from reverie.maths.hinge import discriminator_hinge, generator_hinge

REAL = torch.tensor([-2.0, 0.0, 0.5, 1.0, 3.0], dtype=torch.float64)
FAKE = torch.tensor([-3.0, -1.0, -0.5, 0.0, 2.0], dtype=torch.float64)


def test_each_side_pays_what_it_lacks_of_the_margin():
    """Real: 3, 1, ½, 0, 0; made: 0, 0, ½, 1, 3."""
    assert discriminator_hinge(REAL, FAKE).item() == 9.0
    assert generator_hinge(FAKE).item() == 2.5


def test_beyond_the_margin_nothing_is_gained():
    on_real, on_fake = REAL.clone().requires_grad_(), FAKE.clone().requires_grad_()
    slopes = torch.autograd.grad(discriminator_hinge(on_real, on_fake), [on_real, on_fake])
    assert slopes[0].tolist()[:3] == [-1.0] * 3
    assert slopes[0][4].item() == 0.0
    assert slopes[1].tolist()[2:] == [1.0] * 3
    assert slopes[1][0].item() == 0.0


def test_the_best_discriminator_of_two_points_is_the_sign():
    """Where p real and q made items lie at one place, p max(0, 1 - d) + q max(0, 1 + d) is least at d = sign(p - q),
    with 2 min(p, q) (Lim & Ye 2017)."""
    d = torch.linspace(-3, 3, 601, dtype=torch.float64)
    for p, q in ((3, 1), (1, 4)):
        paid = torch.stack([discriminator_hinge(x.repeat(p), x.repeat(q)) for x in d])
        assert d[paid.argmin()].item() == pytest.approx(1 if p > q else -1)
        assert paid.min().item() == pytest.approx(2 * min(p, q))
