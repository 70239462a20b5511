"""Layers of progressive and style GANs."""

from math import sqrt

import pytest
import torch
from torch.nn import functional as F

from reverie.nets.equalised import EqualConv2d, EqualLinear, minibatch_deviation, pixel_norm
from reverie.training.seeds import generator

CLOSE = {"rtol": 1e-12, "atol": 1e-12}


def double(*shape):
    return torch.randn(shape, dtype=torch.float64, generator=generator(0, "x"))


def test_a_dense_layer_is_its_weight_over_the_root_of_the_inputs():
    layer = EqualLinear(6, 3, gain=sqrt(2), rate=0.01, bias=1.0).double()
    x = double(4, 6)
    expected = x @ layer.weight.t() * 0.01 * sqrt(2 / 6) + 1
    torch.testing.assert_close(layer(x), expected, **CLOSE)
    assert layer.bias.detach().tolist() == pytest.approx([100] * 3)


def test_a_rate_slows_learning_by_its_square_and_leaves_the_output_as_large():
    """One step of plain descent moves the scaled weight by rate² as much; one of Adam by rate."""
    x, moved = double(5, 6), {}
    for rate in (1.0, 0.1):
        layer = EqualLinear(6, 3, rate=rate).double()
        with torch.no_grad():
            layer.weight.copy_(double(3, 6) / rate)
        before = layer(x)
        layer(x).sum().backward()
        with torch.no_grad():
            layer.weight -= layer.weight.grad
            layer.bias -= layer.bias.grad
        moved[rate] = (layer(x) - before).detach()
        torch.testing.assert_close(before, x @ double(3, 6).t() / sqrt(6), **CLOSE)
    torch.testing.assert_close(moved[0.1], moved[1.0] * 0.01, **CLOSE)


def test_a_convolution_is_its_weight_over_the_root_of_what_an_output_sees():
    layer = EqualConv2d(5, 2, 3, gain=sqrt(2)).double()
    x = double(2, 5, 4, 7)
    torch.testing.assert_close(layer(x), F.conv2d(x, layer.weight * sqrt(2 / 45), padding=1), **CLOSE)
    assert EqualConv2d(5, 2, 4, padding=0)(torch.zeros(1, 5, 4, 4)).shape == (1, 2, 1, 1)


def test_after_pixel_norm_the_mean_square_of_each_place_is_one():
    y = pixel_norm(double(2, 7, 3, 4))
    torch.testing.assert_close(y.square().mean(1), torch.ones(2, 3, 4, dtype=torch.float64), rtol=1e-6, atol=0)


def test_minibatch_deviation_is_the_mean_deviation_of_items_that_lie_apart_in_the_batch():
    x = double(8, 3, 2, 2)
    y = minibatch_deviation(x, 4)
    torch.testing.assert_close(y[:, :3], x, rtol=0, atol=0)
    for first in (0, 1):  # groups are items 0, 2, 4, 6 and 1, 3, 5, 7
        members = x[first::2]
        by_hand = (members - members.mean(0)).square().mean(0).sqrt().mean()
        torch.testing.assert_close(y[first::2, 3], by_hand.expand(4, 2, 2), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("batch", "group", "size"), [(8, 4, 4), (6, 4, 2), (7, 4, 1), (2, 4, 2)])
def test_a_group_divides_the_batch(batch, group, size):
    x = double(batch, 3, 2, 2)
    y = minibatch_deviation(x, group)[:, 3, 0, 0]
    assert len(y.unique()) == (batch // size if size > 1 else 1)
    if size == 1:
        assert float(y[0]) == pytest.approx(1e-4)  # the root of EPS: one item does not differ from itself


def test_items_that_are_alike_are_seen_to_be():
    x = double(1, 3, 2, 2).expand(4, -1, -1, -1)
    assert float(minibatch_deviation(x)[0, 3, 0, 0]) == pytest.approx(1e-4)
