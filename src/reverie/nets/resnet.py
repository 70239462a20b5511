"""Residual networks of a Wasserstein GAN. Gulrajani et al. 2017, arXiv:1704.00028, appendix on CIFAR-10.

Pre-activation blocks of two 3×3 convolutions, after He et al. 2016, arXiv:1603.05027. Upsampling stands before the
first convolution, as in the authors' own code, pooling after the second.
"""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from .conv import PooledConv, Project, Size, UpsampledConv, halvings
from .init import glorot_
from .norm import BatchNorm2d

HE = 2**0.5  # gain of a layer that follows a ReLU
SMALLEST = 4  # shortest side of the generator's base: three doublings to 32
POOLED = 7  # shortest side that the critic pools down to: two halvings of 32, and of 28


class Up(nn.Module):
    """Generator's block: batch norm, ReLU, nearest upsampling, convolution, batch norm, ReLU, convolution; the short
    cut is upsampled and has a 1×1 convolution. (B, I, h, w) -> (B, O, H, W), cut to `size` where 2h is one too many.

    No biases: each only shifts a channel, which the batch norm after it takes away again."""

    def __init__(self, channels: int, out: int, size: Size):
        super().__init__()
        self.size = size
        self.norm1, self.norm2 = BatchNorm2d(channels), BatchNorm2d(out)
        self.conv1 = UpsampledConv(channels, out, bias=False)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.shortcut = nn.Conv2d(channels, out, 1, bias=False)
        initialise(self.conv1, self.conv2, self.shortcut)

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        y: Tensor = self.conv2(F.relu(self.norm2(self.cut(self.conv1(F.relu(self.norm1(x)))))))
        # a 1×1 convolution and nearest upsampling may change places, which saves three quarters of it
        return y + self.cut(F.interpolate(self.shortcut(x), scale_factor=2, mode="nearest"))

    def cut(self, x: Tensor) -> Tensor:
        h, w = self.size
        return x[..., :h, :w]


class Down(nn.Module):
    """Critic's block: ReLU, convolution, ReLU, convolution, mean pooling; the short cut has a 1×1 convolution and is
    pooled. (B, I, H, W) -> (B, O, H // 2, W // 2). The `first`, which meets pixels, has no ReLU before it."""

    def __init__(self, channels: int, out: int, first: bool = False):
        super().__init__()
        self.first = first
        middle = out if first else channels
        self.conv1 = nn.Conv2d(channels, middle, 3, padding=1)
        self.conv2 = PooledConv(middle, out)
        self.shortcut = nn.Conv2d(channels, out, 1)
        initialise(self.conv1, self.conv2, self.shortcut)

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        y: Tensor = self.conv2(F.relu(self.conv1(x if self.first else F.relu(x))))
        # pooling and a 1×1 convolution may change places, too
        side: Tensor = self.shortcut(F.avg_pool2d(x, 2))
        return y + side


class Flat(nn.Module):
    """Critic's block without pooling: its short cut is the identity. (B, C, H, W) -> (B, C, H, W)."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        initialise(self.conv1, self.conv2)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        y: Tensor = self.conv2(F.relu(self.conv1(F.relu(x))))
        return x + y


class ResNetGenerator(nn.Module):
    """Noise to pictures in (-1, 1), `width` channels throughout: (B, latents) -> (B, C, H, W)."""

    def __init__(self, latents: int, shape: tuple[int, ...], width: int):
        super().__init__()
        channels, height, breadth = shape
        sizes = halvings((height, breadth), SMALLEST, up=True)[::-1]
        self.project = Project(latents, width, sizes[0], bias=False)
        self.offset = nn.Parameter(torch.zeros(width, *sizes[0]))  # the dense layer's bias: one a place and channel
        self.blocks = nn.Sequential(*[Up(width, width, large) for _, large in pairwise(sizes)])
        self.norm = BatchNorm2d(width)
        self.picture = nn.Conv2d(width, channels, 3, padding=1)
        # as a dense layer from z to all places: fans are latents and width · places
        nn.init.uniform_(self.project.weight, *dense_limits(latents, self.offset.numel()))
        glorot_(self.picture)

    def forward(self, z: Float[Tensor, "b z"]) -> Float[Tensor, "b c h w"]:
        x = self.blocks(self.project(z) + self.offset)
        y: Tensor = self.picture(F.relu(self.norm(x)))
        return y.tanh()


class ResNetCritic(nn.Module):
    """Pictures to one number each, without normalisation and without a last bias: (B, C, H, W) -> (B,)."""

    def __init__(self, shape: tuple[int, ...], width: int):
        super().__init__()
        channels, height, breadth = shape
        n = len(halvings((height, breadth), POOLED)) - 1
        downs = [Down(channels, width, first=True), *(Down(width, width) for _ in range(n - 1))]
        self.blocks = nn.Sequential(*downs, Flat(width), Flat(width))
        self.out = nn.Linear(width, 1, bias=False)
        glorot_(self.out)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, " b"]:
        x = self.blocks(x.contiguous(memory_format=torch.channels_last))
        y: Tensor = self.out(F.relu(x).mean(dim=(2, 3)))
        return y.squeeze(1)


def initialise(*layers: nn.Conv2d) -> None:
    """He's gain after a ReLU; 1 for the linear short cuts."""
    for layer in layers:
        glorot_(layer, HE if layer.kernel_size[0] == 3 else 1.0)


def dense_limits(fan_in: int, fan_out: int) -> tuple[float, float]:
    """Of Glorot's uniform distribution."""
    limit = (6 / (fan_in + fan_out)) ** 0.5
    return -limit, limit
