"""The logistic game's losses against its value function."""

import math

import pytest
import torch

from reverie.maths.games import discriminator_loss, generator_loss

LOGITS = torch.tensor([-3.0, -0.5, 0.0, 1.0, 4.0], dtype=torch.float64)


def value(on_real, on_fake):
    """V(D, G) of equation 1, written out."""
    return on_real.sigmoid().log().sum() + (1 - on_fake.sigmoid()).log().sum()


def test_the_discriminator_climbs_the_value_and_the_minimax_generator_descends_it():
    real, fake = LOGITS, LOGITS.flip(0) * 0.7
    assert discriminator_loss(real, fake).item() == pytest.approx(-value(real, fake).item(), rel=1e-12)
    own = value(real, fake) - real.sigmoid().log().sum()  # what of it hangs on the generator
    assert generator_loss(fake, "minimax").item() == pytest.approx(own.item(), rel=1e-12)
    assert generator_loss(fake, "non_saturating").item() == pytest.approx(-fake.sigmoid().log().sum().item(), rel=1e-12)


@pytest.mark.parametrize(
    ("game", "slope"),
    [("minimax", lambda d: -d), ("non_saturating", lambda d: d - 1)],
)
def test_slopes_in_the_logit_are_minus_d_and_d_minus_one(game, slope):
    """Of log(1 - σ(l)) and of -log σ(l): the first vanishes where the discriminator is sure of a made item."""
    logits = LOGITS.clone().requires_grad_()
    (found,) = torch.autograd.grad(generator_loss(logits, game), logits)
    torch.testing.assert_close(found, slope(LOGITS.sigmoid()), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("far", [-800.0, 800.0])
def test_losses_stay_finite_far_out(far):
    at = torch.tensor([far], dtype=torch.float64)
    assert discriminator_loss(at, -at).item() == pytest.approx(1600.0 if far < 0 else 0.0)
    assert generator_loss(at, "non_saturating").item() == pytest.approx(max(0.0, -far))
    assert generator_loss(at, "minimax").item() == pytest.approx(-max(0.0, far))


def test_undecided_costs_two_log_two_and_one():
    zero = torch.zeros(3, dtype=torch.float64)
    assert discriminator_loss(zero, zero).item() / 3 == pytest.approx(math.log(4), rel=1e-12)
    assert generator_loss(zero, "non_saturating").item() / 3 == pytest.approx(math.log(2), rel=1e-12)
    assert generator_loss(zero, "minimax").item() / 3 == pytest.approx(-math.log(2), rel=1e-12)
