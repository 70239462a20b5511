"""Batch norm of an ensemble, and the scale of a series' past."""

import pytest
import torch

from reverie.nets.feed import MemberNorm, own_scale


def test_each_member_is_normalised_by_itself():
    torch.manual_seed(0)
    x = torch.randn(50, 3, 4) * torch.tensor([1.0, 10.0, 0.2])[:, None] + torch.tensor([0.0, 5.0, -5.0])[:, None]
    y = MemberNorm(3, 4)(x)
    wanted = (x - x.mean(0)) / (x.var(0, correction=0) + 1e-5).sqrt()
    assert torch.allclose(y, wanted, atol=1e-4)


def test_the_scale_is_mean_and_deviation_along_time():
    x = torch.tensor([[[1.0, 5.0], [3.0, 5.0]]])
    mean, deviation = own_scale(x, torch.ones_like(x, dtype=torch.bool))
    assert mean.tolist() == [[[2.0, 5.0]]]
    assert deviation.tolist() == [[[1.0, 1.0]]]  # a channel that does not vary keeps its unit


@pytest.mark.parametrize("value", [0.1, 0.3, -2.3])
@pytest.mark.parametrize("length", [24, 336])
def test_a_constant_past_keeps_its_unit_whatever_its_mean_rounds_to(value, length):
    past = torch.full((2, length, 1), value)
    there = torch.ones_like(past, dtype=torch.bool)
    past[1, ::3], there[1, ::3] = 7.0, False
    assert own_scale(past, there)[1].tolist() == [[[1.0]], [[1.0]]]


def test_the_scale_is_of_what_is_there():
    x, there = torch.tensor([[[1.0], [99.0], [3.0]]]), torch.tensor([[[True], [False], [True]]])
    mean, deviation = own_scale(x, there)
    assert (mean.item(), deviation.item()) == (2.0, 1.0)
    mean, deviation = own_scale(x, torch.zeros_like(there))
    assert (mean.item(), deviation.item()) == (0.0, 1.0)
