"""Spectral norm against the singular value decomposition."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from reverie.nets.spectral import (
    Spectral,
    SpectralConv2d,
    SpectralEmbedding,
    SpectralLinear,
    SpectralPooledConv,
    SpectralUpsampledConv,
    power_iterations,
)

CLOSE = {"rtol": 1e-9, "atol": 1e-9}  # float64: only the order of summation differs
MAKES = [
    lambda: SpectralLinear(7, 5),
    lambda: SpectralEmbedding(6, 4),
    lambda: SpectralConv2d(3, 6),
    lambda: SpectralConv2d(6, 2, 1, bias=False),
    lambda: SpectralUpsampledConv(3, 4),
    lambda: SpectralPooledConv(4, 3),
]


def top(layer):
    """The largest singular value of the weight as a matrix (out, the rest)."""
    return torch.linalg.matrix_norm(layer.weight.detach().reshape(len(layer.weight), -1), 2)


@pytest.mark.parametrize("make", MAKES)
def test_sigma_is_the_largest_singular_value_and_the_normalised_weight_has_norm_one(make):
    torch.manual_seed(0)
    layer = make().double().to(memory_format=torch.channels_last)
    power_iterations(nn.Sequential(layer), 2_000)
    torch.testing.assert_close(layer.sigma().detach(), top(layer), **CLOSE)
    w = layer.normalised().detach()
    torch.testing.assert_close(torch.linalg.matrix_norm(w.reshape(len(w), -1), 2).item(), 1.0, **CLOSE)


def test_an_iteration_turns_u_by_the_squared_ratio_of_singular_values():
    """In two dimensions, by hand: W = diag(2, 1). With u = (cos, sin) of angle a the iteration gives v ∝ (2 cos, sin),
    u ∝ (4 cos, sin): tan a shrinks fourfold each time."""
    layer = SpectralLinear(2, 2, bias=False).double()
    layer.weight.data = torch.diag(torch.tensor([2.0, 1.0], dtype=torch.float64))
    layer.u.copy_(torch.tensor([0.6, 0.8], dtype=torch.float64))
    for k in range(1, 4):
        layer.iterate()
        assert (layer.u[1] / layer.u[0]).item() == pytest.approx(0.8 / 0.6 / 4**k, rel=1e-12)
        assert layer.u.norm().item() == pytest.approx(1)
        assert layer.v.norm().item() == pytest.approx(1)


def test_a_forward_pass_writes_nothing_and_an_iteration_does():
    torch.manual_seed(0)
    layer = SpectralConv2d(3, 4)
    before = copy.deepcopy(dict(layer.named_buffers()))
    layer(torch.randn(2, 3, 5, 5)).sum().backward()
    assert all(torch.equal(b, before[k]) for k, b in layer.named_buffers())
    power_iterations(layer)
    assert not any(torch.equal(b, before[k]) for k, b in layer.named_buffers())


@pytest.mark.parametrize("make", MAKES)
def test_the_gradient_flows_through_sigma(make):
    """Of Σ c · W / σ(W), by differences of the exact σ: at its first singular vectors dσ is uᵀ dW v (equation 10)."""
    torch.manual_seed(1)
    layer = make().double()
    power_iterations(layer, 4_000)
    c = torch.randn_like(layer.weight)
    (slope,) = torch.autograd.grad((layer.normalised() * c).sum(), layer.weight)
    way, h, said = torch.randn_like(layer.weight), 1e-5, []
    for sign in (1, -1):
        with torch.no_grad():
            layer.weight.add_(way, alpha=sign * h)
            said.append((layer.weight / top(layer) * c).sum().item())
            layer.weight.add_(way, alpha=-sign * h)
    # the difference errs by h² times the third derivative
    assert (slope * way).sum().item() == pytest.approx((said[0] - said[1]) / (2 * h), rel=1e-6, abs=1e-6)


def test_layers_are_torchs_with_the_normalised_weight():
    torch.manual_seed(0)
    x = torch.randn(2, 4, 6, 7, dtype=torch.float64)
    for layer, plain in (
        (SpectralConv2d(4, 3), lambda w, b: F.conv2d(x, w, b, padding=1)),
        (SpectralUpsampledConv(4, 3), lambda w, b: F.conv2d(F.interpolate(x, scale_factor=2), w, b, padding=1)),
        (SpectralPooledConv(4, 3), lambda w, b: F.avg_pool2d(F.conv2d(x, w, b, padding=1), 2)),
    ):
        layer.double()
        layer.bias.data.normal_()
        torch.testing.assert_close(layer(x), plain(layer.weight / layer.sigma(), layer.bias), **CLOSE)
    linear, rows = SpectralLinear(4, 3).double(), torch.randn(5, 4, dtype=torch.float64)
    torch.testing.assert_close(linear(rows), F.linear(rows, linear.weight / linear.sigma(), linear.bias), **CLOSE)
    embedding, number = SpectralEmbedding(6, 4), torch.tensor([5, 0, 5])
    torch.testing.assert_close(embedding(number), embedding.weight[number] / embedding.sigma())


def test_a_layer_is_normalised_within_mixed_precision_too():
    """bfloat16 alone would err by 0.4 %."""
    torch.manual_seed(0)
    layer = SpectralLinear(300, 200)
    with torch.autocast("cpu", torch.bfloat16):
        within = layer.sigma()
    torch.testing.assert_close(within, layer.sigma())
    assert within.dtype == torch.float32


def test_a_network_that_is_only_counted_costs_no_iterations():
    with torch.device("meta"):
        layer = SpectralLinear(10, 10)
        power_iterations(layer, 10**9)
    assert isinstance(layer, Spectral)
