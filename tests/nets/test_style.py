"""StyleGAN2's layers against their equations, item by item."""

from math import sqrt

import pytest
import torch
from torch.nn import functional as F

from reverie.maths.resample import binomial, conv_upsampled, downsampled, upsampled
from reverie.nets.equalised import EqualLinear
from reverie.nets.style import Mapping, Modulated, Picture, Styled, Synthesis, demodulation, pyramid
from reverie.nets.style_discriminator import Block, StyleDiscriminator
from reverie.training.seeds import generator, reseed

CLOSE = {"rtol": 1e-9, "atol": 1e-10}  # float64: the order of sums, and the 1e-8 beside sums near 1


def double(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=generator(seed, "x"))


def moved(network, seed=5):
    """Away from the start, where biases and noise are zero."""
    reseed(seed)
    network.double()
    with torch.no_grad():
        for p in network.parameters():
            p.add_(0.3 * torch.randn_like(p))
    return network


def leaky(x):
    return sqrt(2) * F.leaky_relu(x, 0.2)


# ------------------------------------------------------------------------------------------------ modulated convolution


@pytest.mark.parametrize("up", [False, True])
def test_a_styled_layer_is_a_convolution_of_each_item_by_its_own_normalised_weights(up):
    """Equations 1 to 3 as they stand: w'_oik = s_i w_oik, divided by the root of the sum of its squares."""
    small, large = (4, 5), ((8, 9) if up else (4, 5))
    layer = moved(Styled(6, 3, 7, large, up))
    x, w = double(4, 6, *small), double(4, 7, seed=1)
    made, style = layer(x, w, fixed=True), layer.style(w)
    for b in range(4):
        weight = layer.weight / sqrt(6 * 9) * style[b].view(1, 6, 1, 1)
        weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        one = x[b : b + 1]
        y = conv_upsampled(one, weight, binomial().double(), large) if up else F.conv2d(one, weight, padding=1)
        y = leaky(y + layer.strength * layer.noise + layer.shift[:, None, None])
        torch.testing.assert_close(made[b : b + 1], y, **CLOSE)


def test_gradients_of_the_modulated_layer_are_those_of_the_normalised_weights():
    layer, x, w = moved(Styled(3, 2, 4, (3, 3), up=False)), double(2, 3, 3, 3), double(2, 4, seed=1)
    held = [layer.weight, layer.style.weight, layer.style.bias]

    def grouped():
        weight = layer.weight / sqrt(27) * layer.style(w).view(2, 1, 3, 1, 1)
        weight = weight * (weight.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
        y = F.conv2d(x.view(1, 6, 3, 3), weight.view(4, 3, 3, 3), padding=1, groups=2).view(2, 2, 3, 3)
        return leaky(y + layer.strength * layer.noise + layer.shift[:, None, None])

    ours, theirs = (torch.autograd.grad(y.pow(2).sum(), held) for y in (layer(x, w, fixed=True), grouped()))
    for a, b in zip(ours, theirs):
        torch.testing.assert_close(a, b, **CLOSE)


def test_demodulated_outputs_have_deviation_one_whatever_the_style():
    """Of independent inputs of deviation 1, the assumption of section 2.2: five standard errors of 40,000 numbers."""
    layer = Modulated(32, 2, 8).requires_grad_(False)
    style = 10 * torch.rand(1, 32) + 0.1
    x = torch.randn(20_000, 32, 3, 3, generator=generator(0, "x"))
    y = F.conv2d(x * style[:, :, None, None], layer.scaled()) * demodulation(layer.scaled(), style)[:, :, None, None]
    assert abs(float(y.std()) - 1) < 5 / sqrt(2 * 40_000)


def test_a_picture_is_modulated_and_not_demodulated():
    layer, x, w = moved(Picture(5, 3, 4)), double(2, 5, 3, 4), double(2, 4, seed=1)
    for b in range(2):
        weight = layer.weight[:, :, 0, 0] / sqrt(5) * layer.style(w)[b]
        y = torch.einsum("oi,ihw->ohw", weight, x[b]) + layer.shift[:, None, None]
        torch.testing.assert_close(layer(x, w)[b], y, **CLOSE)


def test_styles_start_near_one_and_noise_at_zero():
    layer = Styled(5, 3, 4, (4, 4), up=False)
    assert layer.style.bias.tolist() == [1.0] * 5
    assert layer.strength.item() == 0.0
    assert layer.shift.tolist() == [0.0] * 3


def test_noise_is_one_picture_an_item_the_same_on_all_channels_and_drawn_anew_but_in_sampling():
    layer = Styled(5, 3, 4, (6, 6), up=False)
    x, w = torch.randn(1, 5, 6, 6).expand(2, -1, -1, -1), torch.randn(1, 4).expand(2, -1)
    with torch.no_grad():
        quiet = layer(x, w)
        torch.testing.assert_close(quiet[0], quiet[1])
        layer.shift.fill_(100.0)  # every ReLU is open, so that differences are the noise's
        layer.strength.fill_(0.5)
        y, again, fixed = layer(x, w), layer(x, w), layer(x, w, fixed=True)
    apart = (y[0] - y[1]) / (0.5 * sqrt(2))
    torch.testing.assert_close(apart[0], apart[2], rtol=0, atol=1e-4)
    assert apart.abs().max() > 0.5
    assert (y - again).abs().max() > 0.1
    torch.testing.assert_close(fixed[0], fixed[1])
    torch.testing.assert_close(fixed, layer(x, w, fixed=True), rtol=0, atol=0)


# -------------------------------------------------------------------------------------------------------------- mapping


@pytest.mark.parametrize("classes", [0, 3])
def test_the_mapping_network_is_normalised_noise_and_class_through_dense_layers(classes):
    mapping, z, label = moved(Mapping(6, 4, 2, classes)), double(5, 6), torch.tensor([0, 2, 1, 1, 0])
    x = z / (z.square().mean(1, keepdim=True) + 1e-8).sqrt()
    if classes:
        y = mapping.embed.weight[:, label].t() / sqrt(3) + mapping.embed.bias
        x = torch.cat([x, y / (y.square().mean(1, keepdim=True) + 1e-8).sqrt()], 1)
    for layer in mapping.layers:
        x = leaky(x @ (layer.weight * 0.01 / sqrt(x.shape[1])).t() + 0.01 * layer.bias)
    torch.testing.assert_close(mapping(z, label), x, **CLOSE)


def test_the_mapping_network_learns_at_a_hundredth_and_starts_as_any_other():
    """Adam's first step is the rate in each weight: a hundredth of it in the scaled weight, where a layer of rate 1 has
    all of it. Scaled weights start alike, of He's deviation."""
    reseed(0)
    mapping, plain = Mapping(64, 64, 2).double(), EqualLinear(64, 64, sqrt(2)).double()
    scaled = [(layer, layer.weight.detach() * layer.scale) for layer in (*mapping.layers, plain)]
    adam = torch.optim.Adam([*mapping.parameters(), *plain.parameters()], lr=1e-3)
    z = double(32, 64)
    (mapping(z).pow(2).sum() + plain(z).pow(2).sum()).backward()
    adam.step()
    moves = [float((layer.weight.detach() * layer.scale - was).abs().max()) for layer, was in scaled]
    assert moves[0] == pytest.approx(0.01 * moves[2], rel=1e-3)
    assert moves[1] == pytest.approx(0.01 * moves[2], rel=1e-3)
    assert float(scaled[0][1].std()) == pytest.approx(float(scaled[2][1].std()), rel=0.05)  # both √(2 / 64)


# ------------------------------------------------------------------------------------------------------------ synthesis


def test_sizes_halve_and_round_up_and_channels_double():
    assert pyramid((28, 28), 8, 512) == ([(28, 28), (14, 14), (7, 7)], [8, 16, 32])
    assert pyramid((45, 31), 8, 16) == ([(45, 31), (23, 16), (12, 8)], [8, 16, 16])
    sizes, widths = pyramid((1024, 1024), 32, 512)
    assert sizes == [(2**k, 2**k) for k in range(10, 1, -1)]
    assert widths == [32, 64, 128, 256, 512, 512, 512, 512, 512]


def test_the_picture_is_the_sum_of_the_doubled_pictures_of_all_sizes():
    net = moved(Synthesis((2, 15, 16), 4, 3, 6))
    w = double(2, net.layers, 4)
    maps = [net.styled[0](net.constant.expand(2, -1, -1, -1), w[:, 0], True)]
    maps.append(net.styled[2](net.styled[1](maps[0], w[:, 1], True), w[:, 2], True))
    picture = upsampled(net.pictures[0](maps[0], w[:, 1]), binomial().double(), (15, 16))
    torch.testing.assert_close(net(w, fixed=True), picture + net.pictures[1](maps[1], w[:, 3]), **CLOSE)
    assert net.layers == 4
    assert list(net.constant.shape) == [1, 6, 8, 8]


def test_every_layers_style_and_no_other_items_reaches_the_picture():
    net, w = moved(Synthesis((1, 16, 16), 4, 3, 6)), double(3, 6, 4).requires_grad_()
    (slope,) = torch.autograd.grad(net(w, fixed=True)[1].pow(2).sum(), w)
    assert (slope[1].abs().sum(1) > 0).all()
    assert slope[0].abs().max() == slope[2].abs().max() == 0


# -------------------------------------------------------------------------------------------------------- discriminator


@pytest.mark.parametrize("size", [(6, 8), (5, 7)])
@pytest.mark.parametrize("residual", [True, False])
def test_a_block_is_two_convolutions_and_a_filtered_short_cut_over_root_two(residual, size):
    block, taps = moved(Block(3, 4, residual)), binomial().double()
    x = double(2, 3, *size)
    first, second = block.first, block.second
    y = leaky(F.conv2d(x, first.weight / sqrt(27), first.bias, padding=1))
    h, w = size
    blurred = F.conv2d(F.pad(y, (2, 2 + w % 2, 2, 2 + h % 2)), taps.expand(3, 1, 4, 4), groups=3)
    y = leaky(F.conv2d(blurred, second.weight / sqrt(27), second.bias, stride=2))
    if residual:
        y = (y + F.conv2d(downsampled(x, taps), block.shortcut.weight / sqrt(3))) / sqrt(2)
    torch.testing.assert_close(block(x), y, **CLOSE)
    assert y.shape[2:] == ((h + 1) // 2, (w + 1) // 2)


def test_with_classes_it_says_the_inner_product_with_what_the_class_is_mapped_to():
    """Over the root of the length, as StyleGAN2-ADA has it."""
    net, label = moved(StyleDiscriminator((2, 8, 8), 3, 5, classes=3, mapping=2)), torch.tensor([2, 0, 1, 2])
    said, taken = [], double(4, 2, 8, 8)
    net.out.register_forward_hook(lambda layer, args, y: said.append(y))
    made = net(taken, label)
    by_hand = [(said[0][b] * net.mapping(None, label[b : b + 1])[0]).sum() / sqrt(5) for b in range(4)]
    torch.testing.assert_close(made, torch.stack(by_hand), **CLOSE)
    other = net(taken, torch.tensor([1, 0, 1, 2]))
    assert made[0] != other[0]
    torch.testing.assert_close(made[1:], other[1:], rtol=0, atol=0)


def test_without_short_cuts_it_has_fewer_parameters_and_items_of_a_group_see_each_other():
    def count(net):
        return sum(p.numel() for p in net.parameters())

    residual, plain = (StyleDiscriminator((1, 16, 16), 4, 8, residual) for residual in (True, False))
    assert count(residual) - count(plain) == 4 * 8 + 8 * 8
    net, x = moved(plain), double(8, 1, 16, 16)
    before, x[2] = net(x), x[3]
    changed = net(x) != before
    assert changed.tolist() == [k % 2 == 0 for k in range(8)]  # groups of four lie two apart
