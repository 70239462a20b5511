"""A network of convolutions and ReLUs, computed without rounding errors that hang on the order of a sum.

Weights and activations are rounded to whole multiples of a power of two and carried as whole numbers in float64. Their
products and sums stay below 2^53, so that each is exact, and any order, any number of threads and any processor give
the same bits. Ballé, Johnston & Minnen 2019, "Integer Networks for Data Compression with Latent-Variable Models", ICLR;
they train with the rounding, which 53 bits make needless."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from reverie.maths.fixed import NUMBER

ACTIVATION = 12  # bits after the point between layers
WEIGHT = 16  # of weights
LIMIT = 2.0**24  # of what passes between layers: 4096, with ACTIVATION bits after the point
ROOM = 2.0**53  # whole numbers below it are exact in float64
LAST = 2.0 ** (NUMBER + 8)  # of what the last layer says: 256


class Block(nn.Module):
    """x + f(x), f two 3×3 convolutions behind a ReLU each. He et al. 2016, arXiv:1603.05027, without batch norm."""

    def __init__(self, width: int):
        super().__init__()
        self.inner = nn.Sequential(
            nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inner(x)  # type: ignore[no-any-return]


def exact(networks: Sequence[nn.Module], numbers: Tensor, bits: int = 0) -> Tensor:
    """The sum of what some networks say of numbers (B, C, h, w) int64 with `bits` bits after the point: (B, D, H, W)
    int64 with NUMBER. On the processor, whatever device the network is on. Raises ValueError where weights are so large
    that a sum could reach 2^53."""
    x = (numbers.detach().cpu().double() * 2.0 ** (ACTIVATION - bits)).floor().clamp(-LIMIT, LIMIT)
    with torch.no_grad():
        made = [said(network, x).clamp(-LAST, LAST) for network in networks]
    return sum(made[1:], made[0]).clamp(-LAST, LAST).to(torch.int64)


def said(network: nn.Module, x: Tensor) -> Tensor:
    """Of one network, or of one layer: with NUMBER bits after the point."""
    *layers, last = network if isinstance(network, nn.Sequential) else [network]
    for layer in layers:
        x = passed(layer, x)
    return (summed(last, x) * 2.0 ** (NUMBER - ACTIVATION - WEIGHT)).floor()


def passed(layer: nn.Module, x: Tensor) -> Tensor:
    """One layer: whole numbers to whole numbers."""
    if isinstance(layer, nn.ReLU):
        return x.relu()
    if isinstance(layer, nn.Sequential):
        for one in layer:
            x = passed(one, x)
        return x
    if isinstance(layer, Block):
        return (x + passed(layer.inner, x)).clamp(-LIMIT, LIMIT)
    return (summed(layer, x) * 2.0**-WEIGHT).floor().clamp(-LIMIT, LIMIT)


def summed(layer: nn.Module, x: Tensor) -> Tensor:
    """A convolution's sums, with ACTIVATION + WEIGHT bits after the point."""
    if not isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        raise TypeError(f"{type(layer).__name__}: has no exact form")
    weight = (layer.weight.detach().cpu().double() * 2.0**WEIGHT).round()
    assert layer.bias is not None
    bias = (layer.bias.detach().cpu().double() * 2.0 ** (ACTIVATION + WEIGHT)).round()
    outward = (1, 2, 3) if isinstance(layer, nn.Conv2d) else (0, 2, 3)
    if not bool((weight.abs().sum(outward) * LIMIT + bias.abs() < ROOM).all()):
        raise ValueError("weights too large for exact sums (it has diverged). Train anew with a lower --learning-rate")
    if isinstance(layer, nn.Conv2d):
        return nn.functional.conv2d(x, weight, bias, layer.stride, layer.padding)
    return nn.functional.conv_transpose2d(x, weight, bias, layer.stride, layer.padding, layer.output_padding)  # type: ignore[arg-type]
