"""Convolutions of stride 2 equal torch's own, with first and second derivatives."""

import pytest
import torch
from torch.nn import functional as F

from reverie.nets import strided
from reverie.nets.strided import gather, is_here, spread

CLOSE = {"rtol": 1e-10, "atol": 1e-10}  # float64: only the order of summation differs
# kernel, small, large: an even kernel rounds halves down, an odd one up
SIZES = [(4, (3, 2), (6, 4)), (4, (3, 2), (7, 4)), (5, (3, 3), (5, 6)), (3, (1, 4), (1, 7)), (6, (2, 2), (5, 5))]


def double(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def derivatives(f, inputs):
    """Output of f, gradients of a function of it, and those of a function of these: as a penalty's on a gradient."""
    inputs = [x.clone().requires_grad_() for x in inputs]
    y = f(*inputs)
    first = torch.autograd.grad((y * double(*y.shape, seed=9)).sum() + y.pow(3).sum(), inputs, create_graph=True)
    second = torch.autograd.grad(sum(g.pow(3).sum() for g in first), inputs)
    return [y, *first, *second]


@pytest.mark.parametrize("channels", [1, 3, 6])
@pytest.mark.parametrize(("kernel", "small", "large"), SIZES)
def test_spreading_is_the_transposed_convolution(channels, kernel, small, large):
    inputs, padding = (double(2, 5, *small), double(5, channels, kernel, kernel, seed=1)), (kernel - 1) // 2
    odd = [b - (2 * (a - 1) - 2 * padding + kernel) for a, b in zip(small, large)]

    def plain(x, w):
        return F.conv_transpose2d(x, w, None, 2, padding, odd)

    ours = derivatives(lambda x, w: spread(x, w, padding, large), inputs)
    for own, theirs in zip(ours, derivatives(plain, inputs), strict=True):
        torch.testing.assert_close(own, theirs, **CLOSE)


@pytest.mark.parametrize("channels", [1, 3, 6])
@pytest.mark.parametrize(("kernel", "small", "large"), SIZES)
@pytest.mark.parametrize("bias", [True, False])
def test_gathering_is_the_convolution(channels, kernel, small, large, bias):
    padding = (kernel - 1) // 2
    inputs = [double(2, channels, *large), double(5, channels, kernel, kernel, seed=1)]
    inputs += [double(5, seed=2)] if bias else []
    ours = derivatives(lambda x, w, b=None: gather(x, w, b, padding), inputs)
    plain = derivatives(lambda x, w, b=None: F.conv2d(x, w, b, 2, padding), inputs)
    assert ours[0].shape[2:] == small
    for own, theirs in zip(ours, plain, strict=True):
        torch.testing.assert_close(own, theirs, **CLOSE)


def test_only_what_is_asked_for_gets_a_gradient():
    x, w, b = double(2, 3, 6, 4), double(5, 3, 4, 4), double(5)
    for wanted in ([x], [w], [b], [x, b]):
        for one in (x, w, b):
            one.requires_grad_(any(one is other for other in wanted))
            one.grad = None
        gather(x, w, b, 1).sum().backward()
        assert [one.grad is not None for one in (x, w, b)] == [
            any(one is other for other in wanted) for one in (x, w, b)
        ]


def test_a_gradient_of_pictures_alone_does_not_compute_the_weights_share(monkeypatch):
    x, w, b = double(2, 3, 6, 4).requires_grad_(), double(5, 3, 4, 4).requires_grad_(), double(5).requires_grad_()
    asked = []
    inner = strided.weight_share
    monkeypatch.setattr(strided, "weight_share", lambda *given: asked.append(1) or inner(*given))
    (gradient,) = torch.autograd.grad(gather(x, w, b, 1).pow(2).sum(), x, create_graph=True)
    assert not asked
    gradient.square().sum().backward()
    assert asked


def test_other_devices_and_mixed_precision_are_left_to_torch():
    x, w = torch.zeros(2, 3, 6, 4), torch.zeros(5, 3, 4, 4)
    assert is_here(x, w)
    assert not is_here(x.to("meta"), w.to("meta"))
    assert not is_here(x.bfloat16(), w)
    with torch.autocast("cpu", torch.bfloat16):
        assert not is_here(x, w)
