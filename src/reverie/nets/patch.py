"""A discriminator that judges overlapping patches of a picture, each by itself.

Isola, Zhu, Zhou & Efros 2017, "Image-to-Image Translation with Conditional Adversarial Networks", arXiv:1611.07004,
section 6.1.2: the form of three halvings, whose patches have sides of 70 pixels.
"""

from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

HALVINGS = 3  # of convolutions with stride 2
LEAST = 3  # pixels of the shorter side that the two convolutions of stride 1 must find
WIDEST = 8  # times the first layer's width


def halvings(side: int) -> int:
    """Of a picture whose shorter side has so many pixels: 3, or as many as leave 3 pixels."""
    return max(n for n in range(HALVINGS + 1) if side >> n >= LEAST)


class PatchDiscriminator(nn.Module):
    """Pictures to a map of numbers, one a patch: (B, C, H, W) -> (B, h, w).

    4×4 convolutions, of stride 2 and then two of stride 1, with leaky ReLUs and, but for the first and last, instance
    norm without parameters."""

    def __init__(self, shape: tuple[int, ...], width: int, slope: float = 0.2):
        super().__init__()
        channels, *size = shape
        count = halvings(min(size))
        widths = [channels, *(width * min(2**i, WIDEST) for i in range(count + 1))]
        layers: list[nn.Module] = []
        for i, (thin, wide) in enumerate(pairwise(widths)):
            layers.append(nn.Conv2d(thin, wide, 4, 2 if i < count else 1, 1))
            layers += [nn.InstanceNorm2d(wide)] if i else []
            layers.append(nn.LeakyReLU(slope, inplace=True))
        layers.append(nn.Conv2d(widths[-1], 1, 4, 1, 1))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b p q"]:
        y: Tensor = self.layers(x.contiguous())
        return y.squeeze(1)
