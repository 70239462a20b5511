"""Probabilities of a picture's levels, made of what a network says of each pixel: mixtures of discretised logistics.

Salimans et al. 2017, arXiv:1701.05517, section 2: the lowest and the highest level take what lies beyond them, and a
channel's mean is shifted by the channels before it. In nats for training, and in whole numbers for a coder, which is
told a level digit by digit, the highest first."""

from collections.abc import Generator

import torch
from jaxtyping import Float
from torch import Tensor

from reverie.core import Tables
from reverie.maths.fixed import NUMBER, ONE, PLACE, mixture, shares
from reverie.maths.logistic import log_steps

BASE = 4  # bits of a digit
SCALE = -2.5  # logarithm of a scale at the beginning: 8 % of the range


class Levels:
    """Pictures (C, H, W) of 2^bits levels. A network says `outputs` numbers of each pixel: for each channel K logits, K
    means less a half and K logarithms of scales; then for each channel what each channel before it counts."""

    def __init__(self, shape: tuple[int, ...], bits: int, mixtures: int):
        self.channels, *size = shape
        self.size, self.bits, self.mixtures = tuple(size), bits, mixtures
        self.outputs = 3 * mixtures * self.channels + self.channels * (self.channels - 1) // 2

    def begin(self, bias: Tensor) -> None:
        """Of the last layer: means apart, scales small."""
        k = self.mixtures
        parts = bias.data[: 3 * k * self.channels].view(self.channels, 3, k)
        parts[:, 1], parts[:, 2] = torch.linspace(-0.4, 0.4, k) if k > 1 else 0.0, SCALE

    def split(self, said: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(B, outputs, H, W) -> logits, means less a half and log-scales (C, B, H·W, K); weights of the channels before
        (C(C-1)/2, B, H·W)."""
        each = 3 * self.mixtures * self.channels
        parts = said[:, :each].reshape(len(said), self.channels, 3, self.mixtures, -1).permute(2, 1, 0, 4, 3)
        return parts[0], parts[1], parts[2], said[:, each:].flatten(2).transpose(0, 1)

    # ------------------------------------------------------------------------------------------------------- in floats

    def nats(self, said: Float[Tensor, "b o h w"], x: Float[Tensor, "b c h w"]) -> Float[Tensor, " b"]:
        """-log P(x), x in [0, 1]."""
        logits, mean, log_scale, counts = self.split(said)
        value, total = x.flatten(2).transpose(0, 1), torch.zeros(len(x), dtype=x.dtype, device=x.device)
        step = 1 / (2**self.bits - 1)
        for c in range(self.channels):
            centre = mean[c] + 0.5 + self.shift(counts, value - 0.5, c)[..., None]
            total = total - log_steps(value[c], step, centre, log_scale[c], logits[c], (0.0, 1.0)).sum(1)
        return total

    def shift(self, counts: Tensor, before: Tensor, c: int) -> Tensor:
        """What the channels before c add to its mean."""
        first = c * (c - 1) // 2
        return (counts[first : first + c] * before[:c]).sum(0)

    def mean(self, said: Float[Tensor, "b o h w"]) -> Float[Tensor, "b c h w"]:
        """The expected picture, each channel given the expected ones before it."""
        logits, mean, _, counts = self.split(said)
        made: list[Tensor] = []
        own = (mean * logits.softmax(-1)).sum(-1)
        for c in range(self.channels):
            made.append(own[c] + self.shift(counts, torch.stack(made), c) if c else own[c])
        return torch.stack(made, 1).unflatten(2, self.size) + 0.5

    # ------------------------------------------------------------------------------------------------ in whole numbers

    def digits(self, x: Float[Tensor, "b c h w"]) -> list[Tensor]:
        """Of the levels of x in [0, 1], channel by channel, from the highest digit on: (B, H·W) each."""
        level = (x.double() * (2**self.bits - 1)).round().long().clamp(0, 2**self.bits - 1).flatten(2)
        places = range(self.bits - BASE, -1, -BASE)
        return [level[:, c] >> place & (1 << BASE) - 1 for c in range(self.channels) for place in places]

    def exact_mean(self, said: Tensor) -> Tensor:
        """`mean` of what an exact network says: (B, C, H, W) int64 with NUMBER bits after the point."""
        logits, mean, _, counts = self.split(said)
        share = shares(logits)
        own, made = (mean * share).sum(-1) // share.sum(-1), list[Tensor]()
        for c in range(self.channels):
            made.append(own[c] + (self.shift(counts, torch.stack(made), c) >> NUMBER) if c else own[c])
        return torch.stack(made, 1).unflatten(2, self.size) + (1 << NUMBER - 1)

    def coding(self, said: Tensor) -> Generator[Tables, Tensor, Tensor]:
        """Yields the tables of each digit, is sent it, returns the levels (B, C, H, W)."""
        logits, mean, log_scale, counts = self.split(said)
        top, levels = (1 << self.bits) - 1, list[Tensor]()
        for c in range(self.channels):
            before = [((level << NUMBER) // top) - (1 << NUMBER - 1) for level in levels]
            moved = self.shift(counts, torch.stack(before), c) >> NUMBER if c else torch.zeros_like(mean[c, ..., 0])
            centre = mean[c] + (1 << NUMBER - 1) + moved[..., None]
            known = torch.zeros_like(moved)
            for place in range(self.bits - BASE, -1, -BASE):
                edge = ((known << BASE)[..., None] + torch.arange((1 << BASE) + 1)) << place
                below = mixture(((2 * edge - 1) << PLACE - 1) // top, centre, log_scale[c], logits[c])
                below = torch.where(edge == 0, 0, torch.where(edge > top, 1 << ONE, below))
                often = below.diff().flatten(0, 1) + 1
                rows = torch.arange(len(often)).view(known.shape)
                known = (known << BASE) + (yield Tables(often, torch.zeros(len(often), dtype=torch.int64), rows))
            levels.append(known)
        return torch.stack(levels, 1).unflatten(2, self.size)
