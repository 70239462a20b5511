"""Convolutional networks: exact short cuts, any size."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from reverie.nets.conv import (
    Collapse,
    Discriminator,
    Doubled,
    Generator,
    PooledConv,
    Project,
    UpsampledConv,
    conv_mean_pool,
    halvings,
    stages,
    upsample_conv,
)

CLOSE = {"rtol": 1e-10, "atol": 1e-10}  # float64: only the order of summation differs


def double(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def gradients(f, inputs):
    """Output of f, gradients of a random linear function of it, and those of a norm of these gradients."""
    inputs = [x.clone().requires_grad_() for x in inputs]
    y = f(*inputs)
    first = torch.autograd.grad((y * double(*y.shape, seed=9)).sum() + y.pow(3).sum(), inputs, create_graph=True)
    second = torch.autograd.grad(sum(g.square().sum() for g in first), inputs)
    return [y, *first, *second]


# Sizes of 1, odd and oblong ones: the edges are where a fold goes wrong
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (4, 4), (5, 1), (6, 7)])
def test_upsampling_folded_into_the_convolution_is_exact_with_first_and_second_derivatives(size):
    inputs = double(2, 3, *size), double(4, 3, 3, 3, seed=1), double(4, seed=2)

    def unfolded(x, w, b):
        return F.conv2d(F.interpolate(x, scale_factor=2, mode="nearest"), w, b, padding=1)

    plain = gradients(unfolded, inputs)
    for ours, theirs in zip(gradients(upsample_conv, inputs), plain):
        torch.testing.assert_close(ours, theirs, **CLOSE)


@pytest.mark.parametrize("size", [(2, 2), (3, 2), (4, 4), (5, 7), (6, 3)])
def test_pooling_folded_into_the_convolution_is_exact_with_first_and_second_derivatives(size):
    inputs = double(2, 3, *size), double(4, 3, 3, 3, seed=1), double(4, seed=2)
    plain = gradients(lambda x, w, b: F.avg_pool2d(F.conv2d(x, w, b, padding=1), 2), inputs)
    for ours, theirs in zip(gradients(conv_mean_pool, inputs), plain):
        torch.testing.assert_close(ours, theirs, **CLOSE)


def test_folded_layers_use_their_own_weight_and_bias():
    x = double(2, 3, 4, 6)
    for layer, fold in ((UpsampledConv(3, 5), upsample_conv), (PooledConv(3, 5), conv_mean_pool)):
        layer.double()
        torch.testing.assert_close(layer(x), fold(x, layer.weight, layer.bias), rtol=0, atol=0)
        without = type(layer)(3, 5, bias=False).double()
        torch.testing.assert_close(without(x), fold(x, without.weight), rtol=0, atol=0)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_first_and_last_layer_as_products_equal_the_convolutions(bias, memory):
    project = Project(7, 5, (3, 4), bias=bias).double().to(memory_format=memory)
    z = double(6, 7)
    plain = F.conv_transpose2d(z[:, :, None, None], project.weight, project.bias)
    torch.testing.assert_close(project(z), plain, **CLOSE)
    assert project(z).is_contiguous(memory_format=torch.channels_last)
    collapse = Collapse(5, 2, (3, 4), bias=bias).double().to(memory_format=memory)
    x = double(6, 5, 3, 4)
    torch.testing.assert_close(collapse(x), F.conv2d(x, collapse.weight, collapse.bias).flatten(1), **CLOSE)


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize(
    ("kernel", "large"), [(4, (8, 8)), (4, (9, 8)), (5, (7, 8)), (5, (8, 8)), (3, (7, 7)), (6, (9, 9))]
)
def test_doubling_equals_the_transposed_convolution_at_even_and_odd_sizes(channels, kernel, large):
    layer = Doubled(5, channels, kernel, (4, 4), large).double()
    x = double(2, 5, 4, 4)
    plain = F.conv_transpose2d(
        x, layer.weight, stride=2, padding=(kernel - 1) // 2, output_padding=layer.output_padding
    )
    assert plain.shape[2:] == large
    torch.testing.assert_close(layer(x), plain, **CLOSE)
    assert set(layer.output_padding) <= {0, 1}


@pytest.mark.parametrize(
    ("size", "sizes"),
    [
        ((28, 28), [(28, 28), (14, 14), (7, 7)]),
        ((32, 32), [(32, 32), (16, 16), (8, 8), (4, 4)]),
        ((64, 64), [(64, 64), (32, 32), (16, 16), (8, 8), (4, 4)]),
        ((40, 56), [(40, 56), (20, 28), (10, 14), (5, 7)]),
        ((96, 64), [(96, 64), (48, 32), (24, 16), (12, 8), (6, 4)]),
        ((31, 33), [(31, 33), (15, 16), (7, 8)]),
        ((7, 90), [(7, 90)]),
    ],
)
def test_halvings_go_down_to_a_base_of_at_least_four(size, sizes):
    assert halvings(size) == sizes


def test_an_odd_kernel_rounds_halves_up_and_an_even_one_down():
    assert stages((31, 33), 5) == [(31, 33), (16, 17), (8, 9)]
    assert stages((31, 33), 4) == [(31, 33), (15, 16), (7, 8)]


@pytest.mark.parametrize("kernel", [3, 4, 5, 6])
def test_any_size_and_kernel_comes_out_exact_and_the_discriminator_mirrors_it(kernel):
    for size in [(h, w) for h in range(28, 44, 3) for w in (28, 29, 33, 47, 64)]:
        generator = Generator(5, (2, *size), 1, kernel)
        discriminator = Discriminator((2, *size), 1, kernel)
        with torch.no_grad():
            x = generator(torch.randn(2, 5))
            assert x.shape == (2, 2, *size)
            assert discriminator(x).shape == (2,)
        # every layer of the one has its mirror image in the other: kernel by kernel, in reverse
        up = [m for m in generator.modules() if isinstance(m, nn.ConvTranspose2d)]
        down = [m for m in discriminator.modules() if isinstance(m, nn.Conv2d)]
        assert [m.kernel_size for m in up] == [m.kernel_size for m in down][::-1]
        assert [m.out_channels for m in up[:-1]] == [m.in_channels for m in down[1:]][::-1]


def test_channels_stop_doubling_at_eight_times_the_width():
    generator = Generator(4, (1, 512, 512), 2)
    wide = [m.out_channels for m in generator.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert wide == [16, 16, 16, 16, 8, 4, 2, 1]


def test_without_norm_there_are_biases_but_not_on_the_last_layer():
    layers = [m for m in Discriminator((3, 32, 32), 4, norm=False).modules() if isinstance(m, nn.Conv2d)]
    assert [m.bias is not None for m in layers] == [True, True, True, False]
    layers = [m for m in Discriminator((3, 32, 32), 4).modules() if isinstance(m, nn.Conv2d)]
    assert [m.bias is not None for m in layers] == [False] * 4
