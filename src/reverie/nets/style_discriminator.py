"""StyleGAN2's discriminator. Karras et al. 2020, arXiv:1912.04958, section 4.1: residual blocks that halve through the
low-pass filter, then how much the items of a group differ. With classes, the projection of Karras et al. 2020,
arXiv:2006.06676: the inner product of what it says with what the class is mapped to.
"""

from itertools import pairwise
from math import sqrt

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.maths.resample import binomial, conv_downsampled, downsampled

from .equalised import EqualConv2d, EqualLinear, minibatch_deviation
from .style import GAIN, SLOPE, Dense, Mapping, pyramid


class Activated(EqualConv2d):
    """A convolution and a leaky ReLU, times `gain`, which weights and bias carry through it: (B, in, H, W) -> (B, out,
    H, W)."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, gain: float = GAIN):
        super().__init__(inputs, outputs, kernel, gain)
        self.gain = gain

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h w"]:
        return F.leaky_relu(F.conv2d(x, self.scaled(), self.offset(), padding=self.padding), SLOPE)

    def offset(self) -> Tensor:
        """The bias that the convolution is made with."""
        assert self.bias is not None
        return self.bias * self.gain


class Halved(Activated):
    """The same of the filtered map, at every second place: (B, in, H, W) -> (B, out, H / 2, W / 2), rounded up."""

    taps: Tensor

    def __init__(self, inputs: int, outputs: int, gain: float):
        super().__init__(inputs, outputs, 3, gain)
        self.register_buffer("taps", binomial(), persistent=False)

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        return F.leaky_relu(conv_downsampled(x, self.scaled(), self.taps, self.offset()), SLOPE)


class Block(nn.Module):
    """Two convolutions, the second of which halves, beside a 1×1 short cut, over √2; `residual` False leaves the short
    cut out: (B, in, H, W) -> (B, out, H / 2, W / 2), rounded up."""

    def __init__(self, inputs: int, outputs: int, residual: bool):
        super().__init__()
        self.first = Activated(inputs, inputs)
        self.second = Halved(inputs, outputs, GAIN / sqrt(2) if residual else GAIN)
        self.shortcut = EqualConv2d(inputs, outputs, 1, 1 / sqrt(2), bias=False) if residual else None

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        y: Tensor = self.second(self.first(x))
        return y if self.shortcut is None else y + self.shortcut(downsampled(x, self.second.taps))


class StyleDiscriminator(nn.Module):
    """Pictures, and their classes where it knows some, to one number each: (B, C, H, W), (B,) -> (B,).

    Items of a batch are seen beside each other, `group` at a time. `mapping` is the number of layers that a class goes
    through."""

    def __init__(
        self,
        shape: tuple[int, ...],
        width: int,
        widest: int,
        residual: bool = True,
        group: int = 4,
        classes: int = 0,
        mapping: int = 8,
    ):
        super().__init__()
        channels, *size = shape
        sizes, widths = pyramid((size[0], size[1]), width, widest)
        wide, (h, w) = widths[-1], sizes[-1]
        self.group = group
        self.picture = Activated(channels, width, 1)
        self.blocks = nn.Sequential(*(Block(i, o, residual) for i, o in pairwise(widths)))
        self.last = Activated(wide + 1, wide)
        self.dense = Dense(wide * h * w, wide)
        self.out = EqualLinear(wide, wide if classes else 1)
        self.mapping = Mapping(0, wide, mapping, classes) if classes else None

    def forward(self, x: Float[Tensor, "b c h w"], label: Int[Tensor, " b"] | None = None) -> Float[Tensor, " b"]:
        x = self.blocks(self.picture(x.contiguous(memory_format=torch.channels_last)))
        x = self.last(minibatch_deviation(x, self.group))
        said: Tensor = self.out(self.dense(x.flatten(1)))
        if self.mapping is None:
            return said.squeeze(1)
        projected: Tensor = (said * self.mapping(None, label)).sum(1) / sqrt(said.shape[1])
        return projected
