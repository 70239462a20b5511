"""How weights start. Tolerances: five standard errors of a sample's mean and variance, false alarm 6e-7 each."""

import pytest
import torch
from torch import nn

from reverie.nets.init import dcgan_, glorot_, he_
from reverie.nets.norm import BatchNorm2d


def assert_moments(weights, mean, std, kurtosis=3.0):
    n = weights.numel()
    assert abs(weights.mean() - mean) < 5 * std / n**0.5
    # var(s²) = s⁴ (kurtosis - 1) / n
    assert abs(weights.var() / std**2 - 1) < 5 * ((kurtosis - 1) / n) ** 0.5


def test_dcgan_weights_are_normal_with_the_papers_deviation():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(64, 128, 4), BatchNorm2d(20_000), nn.ConvTranspose2d(64, 128, 4, bias=False))
    dcgan_(network)
    conv, norm, up = network
    assert_moments(conv.weight.data, 0, 0.02)
    assert_moments(up.weight.data, 0, 0.02)
    assert_moments(norm.weight.data, 1, 0.02)
    assert not conv.bias.any()
    assert not norm.bias.any()
    third = ((conv.weight.data / 0.02) ** 4).mean()  # of a normal: 3, of a uniform: 1.8; var(x⁴) = 96
    assert abs(third - 3) < 5 * (96 / conv.weight.numel()) ** 0.5


def test_he_keeps_the_mean_square_through_a_relu():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(64, 256, 3), nn.Linear(512, 256))
    he_(network)
    assert_moments(network[0].weight.data, 0, (2 / (64 * 9)) ** 0.5)
    assert_moments(network[1].weight.data, 0, (2 / 512) ** 0.5)
    assert not network[0].bias.any()
    assert not network[1].bias.any()


@pytest.mark.parametrize("gain", [1.0, 2**0.5])
def test_glorot_is_uniform_with_both_fans(gain):
    torch.manual_seed(0)
    layer = nn.Conv2d(32, 128, 3)
    glorot_(layer, gain)
    std = gain * (2 / (9 * (32 + 128))) ** 0.5
    assert_moments(layer.weight.data, 0, std, kurtosis=1.8)
    assert layer.weight.abs().max() <= std * 3**0.5 * (1 + 1e-6)  # a uniform's edge
    assert layer.weight.abs().max() > std * 3**0.5 * 0.999  # 36,864 draws: missed with chance e^-37
    assert not layer.bias.any()
