"""Logistic probabilities in whole numbers are the true ones to a stated error, rise everywhere and stay in 64 bits."""

from math import e, log

import pytest
import torch

from reverie.maths.fixed import DIGITS, LARGEST, NUMBER, ONE, PLACE, SMALLEST, exponential, fixed, logistic, mixture


def places(x: torch.Tensor) -> torch.Tensor:
    return (x.double() * 2**PLACE).round().long()


def test_powers_of_e_are_exact_to_their_last_digits():
    """mpmath-free: e^-1 to 17 digits, and e^-(a + b) = e^-a · e^-b."""
    assert exponential(1, 1) / 2**DIGITS == pytest.approx(1 / e, rel=1e-15)
    product = exponential(1, 3) * exponential(5, 7) >> DIGITS
    assert abs(product - exponential(22, 21)) <= 4


@pytest.mark.parametrize("scale", [2.0**-12, 0.01, 0.3, 1.0, 20.0])
def test_a_cumulative_probability_is_a_sigmoid(scale):
    """But for the scale's step of 1/32 (off by 1.6 % at most, which moves a sigmoid by 0.224 times that), and the line
    between entries 2^-8 apart (at most 0.0963 / 8 · 2^-16)."""
    distance = torch.linspace(-4, 4, 2_001, dtype=torch.float64)
    said = logistic(places(distance), fixed(torch.tensor(log(scale)))).double() / 2**ONE
    true = torch.sigmoid(distance / scale)
    assert float((said - true).abs().max()) < 0.224 * (e ** (1 / 64) - 1) + 1e-6
    exact = torch.sigmoid(distance)  # of a scale that is a step: only the line is left
    said = logistic(places(distance), torch.zeros((), dtype=torch.int64)).double() / 2**ONE
    assert float((said - exact).abs().max()) < 0.0963 / 8 * 2**-16 + 2**-16 * 0.25 + 2**-28


def test_it_never_falls_and_ends_at_0_and_1():
    g = torch.Generator().manual_seed(0)
    distance = torch.cat([torch.randint(-(2**33), 2**33, (20_000,), generator=g), torch.tensor([-(2**33), 2**33])])
    distance = distance.sort().values
    for scale in range(SMALLEST, LARGEST + 1):
        said = logistic(distance, torch.tensor(scale << NUMBER))
        assert bool((said.diff() >= 0).all())
        if scale <= -2:
            assert (int(said[0]), int(said[-1])) == (0, 1 << ONE)


def test_a_mixture_weighs_its_parts_by_their_softmax():
    mean, scale = torch.tensor([[-0.25, 0.5]]), torch.tensor([[-3.0, -2.0]])
    logits = torch.tensor([[0.7, -1.1]])
    place = torch.linspace(-1, 1, 101)
    said = mixture(places(place)[None], *(fixed(p) for p in (mean, scale, logits))).double() / 2**ONE
    true = (torch.sigmoid((place[:, None] - mean) / scale.exp()) * logits.softmax(-1)).sum(-1)
    assert float((said[0] - true).abs().max()) < 2**-8 * 0.25 + 1e-4  # the logits' step of 2^-8 moves a share so far


def test_hostile_scales_and_logits_are_bounded_not_wrapped():
    far = torch.tensor([[-(2**40), 2**40]])
    said = mixture(torch.tensor([[0, 2**30]]), torch.zeros(1, 2, dtype=torch.int64), far, far)
    assert 0 <= int(said.min()) <= int(said.max()) <= 1 << ONE
    for sign in (-1, 1):  # a mean far off, and sure of it
        said = mixture(
            torch.tensor([[0, 2**30]]), torch.tensor([[sign * 2**28]]), far[:, :1], torch.zeros_like(far[:, :1])
        )
        assert said.tolist() == [[0, 0] if sign > 0 else [1 << ONE] * 2]
