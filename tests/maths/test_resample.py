"""Doubling and halving against a convolution written out by hand."""

import pytest
import torch
from torch.nn import functional as F

from reverie.maths.resample import binomial, blurred, conv_downsampled, conv_upsampled, downsampled, upsampled

CLOSE = {"rtol": 1e-12, "atol": 1e-12}
FILTER = (1 / 8, 3 / 8, 3 / 8, 1 / 8)
SIZES = [(2, 2), (3, 2), (4, 4), (5, 7)]


def double(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def line(x, length, place):
    """Σ over i of x[i] · filter[place(o, i)] for each o, 0 outside of both."""
    return [sum(v * FILTER[place(o, i)] for i, v in enumerate(x) if 0 <= place(o, i) < 4) for o in range(length)]


def by_hand(x, size, place):
    """Along the rows, then along the columns, of each channel."""
    made = torch.empty(*x.shape[:2], *size, dtype=x.dtype)
    for b, c in [(b, c) for b in range(len(x)) for c in range(x.shape[1])]:
        rows = [line(row.tolist(), size[1], place) for row in x[b, c]]
        columns = [line(column, size[0], place) for column in zip(*rows)]
        made[b, c] = torch.tensor(columns, dtype=x.dtype).t()
    return made


def doubling(o, i):
    """Output o lies between the inputs (o - 1) / 2 and (o + 1) / 2: three quarters of the nearer, a quarter of the
    other."""
    return o + 1 - 2 * i


def halving(o, i):
    """Output o is centred between the inputs 2o and 2o + 1."""
    return i + 1 - 2 * o


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("less", [(0, 0), (1, 0), (1, 1)])
def test_doubling_is_the_filter_over_a_map_with_zeros_between(size, less):
    x = double(2, 3, *size)
    large = tuple(2 * side - cut for side, cut in zip(size, less))
    made = upsampled(x, binomial().double(), large)
    torch.testing.assert_close(made, 4 * by_hand(x, large, doubling), **CLOSE)


@pytest.mark.parametrize("size", SIZES)
def test_halving_is_every_second_value_of_the_filtered_map_and_rounds_up(size):
    x = double(2, 3, *size)
    small = tuple((side + 1) // 2 for side in size)
    torch.testing.assert_close(downsampled(x, binomial().double()), by_hand(x, small, halving), **CLOSE)


def test_the_filter_sums_to_one_and_neither_way_changes_a_level():
    """A gain of 1 at frequency 0: away from the edge, where zeros begin, a constant stays what it is."""
    taps = binomial().double()
    assert float(taps.sum()) == 1.0
    x = torch.full((1, 2, 8, 10), 0.7, dtype=torch.float64)
    torch.testing.assert_close(upsampled(x, taps, (16, 20))[:, :, 1:-1, 1:-1], torch.full((1, 2, 14, 18), 0.7).double())
    torch.testing.assert_close(downsampled(x, taps)[:, :, 1:-1, 1:-1], torch.full((1, 2, 2, 3), 0.7).double())
    torch.testing.assert_close(blurred(x, taps, 1, 1, 2)[:, :, 2:-1, 2:-1], torch.full((1, 2, 5, 7), 0.7).double())


def test_the_highest_frequency_is_filtered_out_before_halving():
    """Plus and minus one in turn: without the filter, halving would see a constant."""
    x = (1 - 2 * (torch.arange(8) % 2)).double().expand(1, 1, 8, 8)
    assert downsampled(x, binomial().double())[..., 1:-1].abs().max() < 1e-12


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("less", [(0, 0), (1, 0), (1, 1)])
def test_the_convolution_of_the_small_map_is_that_of_the_doubled_one(size, less):
    """Doubled with room around it, then the 3×3 convolution (turned) at the places of the picture."""
    x, weight, taps = double(2, 3, *size), double(4, 3, 3, 3, seed=1), binomial().double()
    large = tuple(2 * side - cut for side, cut in zip(size, less))
    room = upsampled(F.pad(x, (2, 2, 2, 2)), taps, tuple(2 * side + 8 for side in size))
    plain = F.conv2d(room, weight.flip(2, 3), padding=1)[:, :, 4 : 4 + large[0], 4 : 4 + large[1]]
    torch.testing.assert_close(conv_upsampled(x, weight, taps, large), plain, **CLOSE)


@pytest.mark.parametrize("size", SIZES)
def test_the_convolution_at_every_second_place_is_that_of_the_filtered_map(size):
    """Filtered by the halving's filter, with room, at all places; its even ones are what the convolution is made at."""
    x, weight, bias, taps = double(2, 3, *size), double(4, 3, 3, 3, seed=1), double(4, seed=2), binomial().double()
    h, w = size
    filtered = F.conv2d(F.pad(x, (6, 6, 6, 6)), taps.expand(3, 1, 4, 4), groups=3)  # place p is output p - 5
    everywhere = F.conv2d(filtered, weight, bias)  # place p is centred at input p - 3.5
    plain = everywhere[:, :, 4 : 4 + h + h % 2 : 2, 4 : 4 + w + w % 2 : 2]
    torch.testing.assert_close(conv_downsampled(x, weight, taps, bias), plain, **CLOSE)


def test_first_and_second_derivatives_are_those_of_the_sums():
    taps = binomial().double()
    x, weight = double(1, 2, 3, 3).requires_grad_(), double(2, 2, 3, 3, seed=1).requires_grad_()
    bent = [
        lambda x: upsampled(x, taps, (6, 5)).pow(3),
        lambda x: downsampled(x, taps).pow(3),
        lambda x: conv_upsampled(x, weight, taps, (5, 6)).pow(3),
        lambda x: conv_downsampled(x, weight, taps).pow(3),
    ]
    for f in bent:
        assert torch.autograd.gradcheck(f, x)
        assert torch.autograd.gradgradcheck(f, x)
