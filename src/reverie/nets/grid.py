"""Pictures to a grid of vectors and back, by strided convolutions and residual blocks.

van den Oord, Vinyals & Kavukcuoglu 2017, arXiv:1711.00937, section 4.1.
"""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .pyramid import initialise

Size = tuple[int, int]  # height, width
SHORT = 12  # a grid that is left to itself has a shorter side below this


def grid_sizes(size: Size, halvings: int = 0) -> list[Size]:
    """Sizes from the picture's to the grid's, each half the last, rounded down. 0 halvings: until the shorter side is
    below SHORT, so that pictures of any size have some hundred vectors."""
    sizes = [size]
    while (len(sizes) <= halvings) if halvings else (min(sizes[-1]) >= SHORT):
        sizes.append((sizes[-1][0] // 2, sizes[-1][1] // 2))
    return sizes


class Beside(nn.Module):
    """ReLU, 3×3 convolution, ReLU, 1×1 convolution beside the identity: (B, C, H, W) -> (B, C, H, W)."""

    def __init__(self, channels: int, within: int):
        super().__init__()
        first, second = nn.Conv2d(channels, within, 3, padding=1), nn.Conv2d(within, channels, 1)
        self.layers = nn.Sequential(nn.ReLU(), first, nn.ReLU(inplace=True), second)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        y: Tensor = x + self.layers(x)
        return y


class GridEncoder(nn.Module):
    """A 4×4 convolution of stride 2 for each halving, residual blocks, and a 1×1 convolution to the vectors' length:
    (B, C, H, W) -> (B, depth, h, w)."""

    def __init__(self, channels: int, sizes: list[Size], width: int, within: int, blocks: int, depth: int):
        super().__init__()
        layers: list[nn.Module] = [] if len(sizes) > 1 else [nn.Conv2d(channels, width, 3, padding=1)]
        for k in range(len(sizes) - 1):
            layers += [*([nn.ReLU(inplace=True)] if k else []), nn.Conv2d(width if k else channels, width, 4, 2, 1)]
        layers += [*(Beside(width, within) for _ in range(blocks)), nn.ReLU(), nn.Conv2d(width, depth, 1)]
        self.layers = nn.Sequential(*layers)
        initialise(self)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h2 w2"]:
        y: Tensor = self.layers(x.contiguous(memory_format=torch.channels_last))
        return y


class GridDecoder(nn.Module):
    """A 3×3 convolution, residual blocks, and a transposed 4×4 convolution of stride 2 for each halving: (B, depth, h,
    w) -> (B, channels, H, W), without an activation after the last layer."""

    def __init__(self, channels: int, sizes: list[Size], width: int, within: int, blocks: int, depth: int):
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(depth, width, 3, padding=1)]
        layers += [Beside(width, within) for _ in range(blocks)]
        last = len(sizes) - 2
        for k, (small, large) in enumerate(pairwise(sizes[::-1])):
            odd = (large[0] - 2 * small[0], large[1] - 2 * small[1])  # what rounding down took
            out = channels if k == last else width
            layers += [nn.ReLU(), nn.ConvTranspose2d(width, out, 4, 2, 1, output_padding=odd)]
        if last < 0:
            layers += [nn.ReLU(), nn.Conv2d(width, channels, 3, padding=1)]
        self.layers = nn.Sequential(*layers)
        initialise(self)

    def forward(self, z: Float[Tensor, "b d h w"]) -> Float[Tensor, "b c h2 w2"]:
        y: Tensor = self.layers(z.contiguous(memory_format=torch.channels_last))
        return y
