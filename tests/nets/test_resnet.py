"""Residual blocks against the plain form of each: one operation after the other."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from reverie.nets.conv import PooledConv, UpsampledConv
from reverie.nets.resnet import HE, Down, Flat, ResNetCritic, ResNetGenerator, Up

CLOSE = {"rtol": 1e-10, "atol": 1e-10}  # float64: only the order of summation differs


def conv(layer, x):
    """What the layer would be without its fold."""
    return F.conv2d(x, layer.weight, layer.bias, padding=layer.kernel_size[0] // 2)


def nearest(x, size):
    return F.interpolate(x, scale_factor=2, mode="nearest")[..., : size[0], : size[1]]


def norm(layer, x):
    return F.batch_norm(x, None, None, layer.weight, layer.bias, training=True, eps=layer.eps)


def plain_up(block, x):
    y = conv(block.conv1, nearest(norm(block.norm1, x).relu(), (99, 99)))[..., : block.size[0], : block.size[1]]
    y = conv(block.conv2, norm(block.norm2, y).relu())
    return conv(block.shortcut, nearest(x, block.size)) + y


def plain_down(block, x):
    y = conv(block.conv1, x if block.first else x.relu())
    y = F.avg_pool2d(conv(block.conv2, y.relu()), 2)
    return F.avg_pool2d(conv(block.shortcut, x), 2) + y


def plain_flat(block, x):
    return x + conv(block.conv2, conv(block.conv1, x.relu()).relu())


def shaken(network):
    """Biases and batch norm away from where they start, in float64."""
    torch.manual_seed(0)
    for p in network.parameters():
        if p.ndim == 1:
            p.data += 0.3 * torch.randn_like(p)
    return network.double()


@pytest.mark.parametrize(
    ("block", "plain", "shape"),
    [
        (Up(3, 5, (8, 12)), plain_up, (2, 3, 4, 6)),
        (Up(3, 3, (7, 11)), plain_up, (2, 3, 4, 6)),
        (Down(3, 5), plain_down, (2, 3, 8, 6)),
        (Down(3, 5), plain_down, (2, 3, 7, 5)),
        (Down(2, 4, first=True), plain_down, (2, 2, 8, 8)),
        (Flat(4), plain_flat, (2, 4, 5, 7)),
    ],
)
def test_block_equals_its_plain_form(block, plain, shape):
    torch.manual_seed(0)
    block, x = shaken(block), torch.randn(shape, dtype=torch.float64)
    torch.testing.assert_close(block(x), plain(block, x), **CLOSE)


def test_generator_equals_its_plain_form():
    torch.manual_seed(0)
    network = shaken(ResNetGenerator(6, (3, 28, 44), 4))
    network.offset.data.normal_()
    z = torch.randn(5, 6, dtype=torch.float64)
    x = F.conv_transpose2d(z[:, :, None, None], network.project.weight) + network.offset
    for block in network.blocks:
        x = plain_up(block, x)
    x = conv(network.picture, norm(network.norm, x).relu()).tanh()
    torch.testing.assert_close(network(z), x, **CLOSE)


def test_critic_equals_its_plain_form():
    torch.manual_seed(0)
    network = shaken(ResNetCritic((3, 32, 40), 4))
    x = torch.randn(2, 3, 32, 40, dtype=torch.float64)
    y = plain_down(network.blocks[1], plain_down(network.blocks[0], x))
    y = plain_flat(network.blocks[3], plain_flat(network.blocks[2], y))
    torch.testing.assert_close(network(x), y.relu().mean((2, 3)) @ network.out.weight[0], **CLOSE)


def test_networks_of_the_papers_size_have_the_papers_blocks():
    generator, critic = ResNetGenerator(128, (3, 32, 32), 128), ResNetCritic((3, 32, 32), 128)
    assert [type(b) for b in generator.blocks] == [Up] * 3
    assert generator.project.kernel_size == (4, 4)
    assert [type(b) for b in critic.blocks] == [Down, Down, Flat, Flat]
    assert [b.first for b in critic.blocks[:2]] == [True, False]
    assert not [m for m in critic.modules() if "Norm" in type(m).__name__]
    assert critic.out.bias is None


@pytest.mark.parametrize("size", [(28, 28), (30, 31), (40, 56), (96, 64), (14, 100)])
@pytest.mark.parametrize("channels", [1, 4])
def test_any_size_comes_out_exact(size, channels):
    generator, critic = ResNetGenerator(5, (channels, *size), 2), ResNetCritic((channels, *size), 2)
    x = generator(torch.randn(2, 5))
    assert x.shape == (2, channels, *size)
    assert x.abs().max() < 1
    assert critic(x).shape == (2,)


def test_weights_start_with_hes_gain_after_a_relu_and_without_it_on_linear_paths():
    """Five standard errors of a uniform's variance: s² √(0.8 / n)."""
    torch.manual_seed(0)
    block = Up(64, 64, (8, 8))
    generator = ResNetGenerator(128, (3, 32, 32), 64)
    fans = 9 * (64 + 64)
    for weight, variance in [
        (block.conv1.weight, HE**2 * 2 / fans),
        (block.conv2.weight, HE**2 * 2 / fans),
        (block.shortcut.weight, 2 / (64 + 64)),
        (generator.picture.weight, 2 / (9 * (64 + 3))),
        (generator.project.weight, 2 / (128 + 64 * 16)),
    ]:
        assert abs(weight.var().item() / variance - 1) < 5 * (0.8 / weight.numel()) ** 0.5
    assert not any(p.any() for n, p in generator.named_parameters() if n.endswith("offset") or "picture.bias" in n)


def test_folded_layers_are_the_ones_beside_a_change_of_size():
    assert isinstance(Up(2, 2, (8, 8)).conv1, UpsampledConv)
    assert isinstance(Down(2, 2).conv2, PooledConv)
    assert type(Flat(2).conv1) is nn.Conv2d
