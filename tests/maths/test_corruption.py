"""Corruptions have the statistics that their papers state."""

import torch

from reverie.maths.corruption import gaussian, hidden, salt_and_pepper


def error(p: float, n: int) -> float:
    """Four standard errors of a share."""
    return 4 * (p * (1 - p) / n) ** 0.5


def test_parts_are_hidden_with_their_probability_each_alone():
    torch.manual_seed(0)
    hide = hidden(2_000, 50, 0.3, torch.zeros(()))
    assert abs(float(hide.float().mean()) - 0.3) < error(0.3, hide.numel())
    rows, columns = hide.float().mean(1), hide.float().mean(0)
    assert abs(float(rows.var()) / (0.21 / 50) - 1) < 4 * (2 / 2_000) ** 0.5  # binomial, so independent in an item
    assert abs(float(columns.var()) / (0.21 / 2_000) - 1) < 4 * (2 / 50) ** 0.5


def test_gaussian_noise_has_mean_0_and_its_deviation():
    torch.manual_seed(0)
    x = torch.rand(1_000, 100, dtype=torch.float64)
    noise = gaussian(x, 0.4, 0.4) - x
    assert abs(float(noise.mean())) < 4 * 0.4 / noise.numel() ** 0.5
    assert abs(float(noise.std()) / 0.4 - 1) < 4 / (2 * noise.numel()) ** 0.5
    each = noise.std(1) / 0.4
    assert (each - 1).abs().max() < 5 / 200**0.5  # the same for each item


def test_a_range_gives_each_item_a_deviation_of_its_own():
    torch.manual_seed(0)
    x = torch.zeros(4_000, 200, dtype=torch.float64)
    each = gaussian(x, 0.1, 0.5).std(1)
    assert abs(float(each.mean()) - 0.3) < 4 * (0.4 / 12**0.5) / 4_000**0.5 + 0.001
    assert abs(float(each.std()) - 0.4 / 12**0.5) < 0.01  # a uniform's, and that of an estimate from 200 numbers
    assert 0.07 < float(each.min()) < 0.12
    assert 0.48 < float(each.max()) < 0.62


def test_salt_and_pepper_come_as_often():
    torch.manual_seed(0)
    x = torch.full((1_000, 100), 0.4)
    spoilt = salt_and_pepper(x, 0.3)
    for value, share in ((1.0, 0.15), (0.0, 0.15), (0.4, 0.7)):
        found = float((spoilt == value).float().mean())
        assert abs(found - share) < error(share, x.numel())
