"""Convolutional encoder and decoder for pictures of any size."""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

SMALLEST = 4  # halve until the shorter side would fall below this


def halvings(height: int, width: int) -> list[tuple[int, int]]:
    """Sizes from the picture's down, each half the last, rounded down: 28 -> 14 -> 7."""
    sizes = [(height, width)]
    while min(sizes[-1]) // 2 >= SMALLEST:
        sizes.append((sizes[-1][0] // 2, sizes[-1][1] // 2))
    return sizes


class Encoder(nn.Module):
    """4×4 convolutions of stride 2, channels doubling, then a dense layer: (B, C, H, W), flat or not -> (B, out)."""

    def __init__(self, shape: tuple[int, ...], width: int, out: int):
        super().__init__()
        self.shape = shape
        channels, height, breadth = shape
        sizes = halvings(height, breadth)
        widths = [channels, *(width * 2**i for i in range(len(sizes) - 1))]
        layers: list[nn.Module] = []
        for wide_in, wide_out in pairwise(widths):
            layers += [nn.Conv2d(wide_in, wide_out, 4, 2, 1), nn.ReLU()]
        self.convolutions = nn.Sequential(*layers)
        self.out = nn.Linear(widths[-1] * sizes[-1][0] * sizes[-1][1], out)
        initialise(self)

    def forward(self, x: Float[Tensor, "b *item"]) -> Float[Tensor, "b d"]:
        x = x.reshape(-1, *self.shape).contiguous(memory_format=torch.channels_last)
        y: Tensor = self.out(self.convolutions(x).flatten(1))
        return y


class Decoder(nn.Module):
    """The encoder's mirror image: (B, in) -> (B, C, H, W), without an activation after the last layer."""

    def __init__(self, latents: int, width: int, shape: tuple[int, ...]):
        super().__init__()
        channels, height, breadth = shape
        sizes = halvings(height, breadth)[::-1]
        widths = [*(width * 2**i for i in reversed(range(len(sizes) - 1))), channels]
        self.first = (widths[0], *sizes[0])
        self.dense = nn.Linear(latents, widths[0] * sizes[0][0] * sizes[0][1])
        layers: list[nn.Module] = []
        for (wide_in, wide_out), (small, large) in zip(pairwise(widths), pairwise(sizes)):
            odd = (large[0] - 2 * small[0], large[1] - 2 * small[1])  # what rounding down took
            layers += [nn.ReLU(), nn.ConvTranspose2d(wide_in, wide_out, 4, 2, 1, output_padding=odd)]
        self.convolutions = nn.Sequential(*layers)
        initialise(self)

    def forward(self, z: Float[Tensor, "b d"]) -> Float[Tensor, "b c h w"]:
        x = self.dense(z).view(-1, *self.first)
        y: Tensor = self.convolutions(x.contiguous(memory_format=torch.channels_last))
        return y


def initialise(network: nn.Module) -> None:
    """He et al. 2015 (arXiv:1502.01852) for layers before a ReLU, zero biases; weights channels-last."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if isinstance(layer, nn.ConvTranspose2d):  # its weight is (in, out, h, w), and each output sees a quarter
                fan_in = layer.in_channels * layer.kernel_size[0] * layer.kernel_size[1] / 4
                nn.init.normal_(layer.weight, std=(2 / fan_in) ** 0.5)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
