"""Residual networks that recognise pictures. He et al. 2016, arXiv:1512.03385."""

from collections.abc import Sequence
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from .norm import BatchNorm2d


class Residual(nn.Module):
    """Two 3×3 convolutions with batch norm beside the identity, ReLU after the sum: (B, C, H, W) -> (B, C, H, W). The
    second norm's scale starts at 0, so that the block starts as the identity (Goyal et al. 2017, arXiv:1706.02677)."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = nn.Sequential(*block(channels, channels))
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = BatchNorm2d(channels)
        nn.init.zeros_(self.norm.weight)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        y: Tensor = self.norm(self.second(self.first(x)))
        return (x + y).relu()


def block(channels: int, out: int, stride: int = 1) -> list[nn.Module]:
    """Convolution, batch norm, ReLU: (B, channels, H, W) -> (B, out, H / stride, W / stride)."""
    return [nn.Conv2d(channels, out, 3, stride, 1, bias=False), BatchNorm2d(out), nn.ReLU(inplace=True)]


def plain(channels: int, widths: Sequence[int]) -> nn.Sequential:
    """A block at full size, then two a halving, the first of stride 2: (B, C, H, W) -> (B, widths[-1], h, w)."""
    layers = block(channels, widths[0])
    for thin, wide in pairwise(widths):
        layers += block(thin, wide, stride=2) + block(wide, wide)
    return nn.Sequential(*layers)


def residual(channels: int, widths: Sequence[int]) -> nn.Sequential:
    """A block at full size, then for each halving a block of stride 2 and a residual one: (B, C, H, W) ->
    (B, widths[-1], h, w). The short cut at full size is left out, as it costs more than all the others together."""
    layers = block(channels, widths[0])
    for thin, wide in pairwise(widths):
        layers += [*block(thin, wide, stride=2), Residual(wide)]
    return nn.Sequential(*layers)
