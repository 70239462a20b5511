"""Probabilities of a picture's levels, made of what a network says of each pixel: mixtures of discretised logistics.

Salimans et al. 2017, arXiv:1701.05517, section 2: the lowest and the highest level take what lies beyond them, and a
channel's mean is shifted by the channels before it. Pixels are told in passes, each knowing those before it: of every
square of four first one, then the one across, then the two between (Reed et al. 2017, arXiv:1703.03664,
whose pixels of a pass are told at once, too). In nats for training, and in whole numbers for a coder, which is told a
level digit by digit, the highest first."""

from collections.abc import Callable, Generator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from reverie.core import Tables
from reverie.maths.fixed import NUMBER, ONE, PLACE, mixture, shares
from reverie.maths.logistic import log_steps

from .exact import exact

BASE = 4  # bits of a digit
SCALE = -3.5  # logarithm of a scale at the beginning: 3 % of the range
PASSES = {1: [[(0, 0), (1, 1), (0, 1), (1, 0)]], 3: [[(0, 0)], [(1, 1)], [(0, 1), (1, 0)]]}  # corners of a square
HALF = 1 << NUMBER - 1

Said = tuple[Tensor, Tensor, Tensor, Tensor]


class Levels(nn.Module):
    """Pictures (C, H, W) of 2^bits levels. A network says `outputs` numbers of each pixel: for each channel K logits, K
    means less a half and K logarithms of scales; then for each channel what each channel before it counts."""

    def __init__(self, shape: tuple[int, ...], bits: int, mixtures: int, passes: int, width: int):
        super().__init__()
        self.channels, *size = shape
        self.size, self.bits, self.mixtures = tuple(size), bits, mixtures
        self.outputs = 3 * mixtures * self.channels + self.channels * (self.channels - 1) // 2
        self.passes = PASSES[passes]
        seen = 4 * (self.outputs + self.channels)
        self.contexts = nn.ModuleList(context(seen, width, self.outputs * len(new)) for new in self.passes[1:])
        place = torch.arange(size[0] * size[1]).view(*size)
        self.places = [torch.cat([place[i::2, j::2].flatten() for i, j in new]) for new in self.passes]

    def begin(self, bias: Tensor) -> None:
        """Of the last layer: means a little apart, scales small."""
        k = self.mixtures
        parts = bias.data[: 3 * k * self.channels].view(self.channels, 3, k)
        parts[:, 1], parts[:, 2] = torch.linspace(-0.05, 0.05, k) if k > 1 else 0.0, SCALE

    @property
    def means(self) -> list[list[int]]:
        """Where the means of each channel lie among the outputs."""
        k = self.mixtures
        return [list(range(3 * k * c + k, 3 * k * c + 2 * k)) for c in range(self.channels)]

    # -------------------------------------------------------------------------------------------- of either arithmetic

    def split(self, said: Tensor) -> Said:
        """(B, outputs, n) -> logits, means less a half and log-scales (C, B, n, K); weights of the channels before
        (C(C-1)/2, B, n)."""
        each = 3 * self.mixtures * self.channels
        parts = said[:, :each].reshape(len(said), self.channels, 3, self.mixtures, -1).permute(2, 1, 0, 4, 3)
        return parts[0], parts[1], parts[2], said[:, each:].transpose(0, 1)

    def shift(self, counts: Tensor, before: Tensor, c: int) -> Tensor:
        """What the channels before c add to its mean."""
        first = c * (c - 1) // 2
        return (counts[first : first + c] * before[:c]).sum(0)

    def seen(self, said: Tensor, known: Tensor) -> Tensor:
        """What a pass looks at: (B, outputs, H, W) and known pixels less a half, 0 where they are not, by the four of a
        square: (B, 4 · (outputs + C), h, w)."""
        both = torch.cat([said, known], 1)
        even = F.pad(both, (0, both.shape[3] % 2, 0, both.shape[2] % 2))
        return F.pixel_unshuffle(even, 2)

    def moved(self, said: Tensor, known: Tensor, number: int, net: Callable[[nn.Module, Tensor], Tensor]) -> Tensor:
        """What is said of the pixels of a pass, given those before it: (B, outputs, n)."""
        if number:
            height, width = self.size
            made = net(self.contexts[number - 1], self.seen(said, known)).chunk(len(self.passes[number]), 1)
            moves = said.new_zeros(len(said), self.outputs, height + height % 2, width + width % 2)
            for (i, j), move in zip(self.passes[number], made):
                moves[:, :, i::2, j::2] = move
            said = said + moves[:, :, :height, :width]
        return said.flatten(2)[..., self.places[number]]

    # ------------------------------------------------------------------------------------------------------- in floats

    def nats(self, said: Float[Tensor, "b o h w"], x: Float[Tensor, "b c h w"]) -> Float[Tensor, " b"]:
        """-log P(x), x in [0, 1]."""
        total, known, less = torch.zeros(len(x), dtype=x.dtype, device=x.device), torch.zeros_like(x), x - 0.5
        for number, new in enumerate(self.passes):
            parts = self.split(self.moved(said, known, number, called))
            total = total + self.cost(parts, x.flatten(2)[..., self.places[number]])
            for i, j in new:
                known = known.clone()
                known[:, :, i::2, j::2] = less[:, :, i::2, j::2]
        return total

    def cost(self, said: Said, x: Float[Tensor, "b c n"]) -> Float[Tensor, " b"]:
        """Of the pixels of one pass."""
        logits, mean, log_scale, counts = said
        value, step = x.transpose(0, 1), 1 / (2**self.bits - 1)
        costs = []
        for c in range(self.channels):
            centre = mean[c] + 0.5 + self.shift(counts, value - 0.5, c)[..., None]
            costs.append(-log_steps(value[c], step, centre, log_scale[c], logits[c], (0.0, 1.0)).sum(1))
        return torch.stack(costs).sum(0)

    def mean(self, said: Float[Tensor, "b o h w"]) -> Float[Tensor, "b c h w"]:
        """The expected picture, each pixel and channel given the expected ones before it."""
        made = said.new_zeros(len(said), self.channels, *self.size)
        for number in range(len(self.passes)):
            logits, mean, _, counts = self.split(self.moved(said, made, number, called))
            own, done = (mean * logits.softmax(-1)).sum(-1), list[Tensor]()
            for c in range(self.channels):
                done.append(own[c] + self.shift(counts, torch.stack(done), c) if c else own[c])
            made.flatten(2)[..., self.places[number]] = torch.stack(done, 1)
        return made + 0.5

    # ------------------------------------------------------------------------------------------------ in whole numbers

    def digits(self, x: Float[Tensor, "b c h w"]) -> list[Tensor]:
        """Of the levels of x in [0, 1], pass by pass and channel by channel, from the highest digit on: (B, n) each."""
        level = (x.double() * (2**self.bits - 1)).round().long().clamp(0, 2**self.bits - 1).flatten(2)
        shifts = range(self.bits - BASE, -1, -BASE)
        parts = [level[:, c, place] for place in self.places for c in range(self.channels)]
        return [part >> shift & (1 << BASE) - 1 for part in parts for shift in shifts]

    def exact_mean(self, said: Tensor) -> Tensor:
        """`mean` of what an exact network says: (B, C, H, W) int64 with NUMBER bits after the point."""
        made = said.new_zeros(len(said), self.channels, *self.size)
        for number in range(len(self.passes)):
            logits, mean, _, counts = self.split(self.moved(said, made, number, exactly))
            share = shares(logits)
            own, done = (mean * share).sum(-1) // share.sum(-1), list[Tensor]()
            for c in range(self.channels):
                done.append(own[c] + (self.shift(counts, torch.stack(done), c) >> NUMBER) if c else own[c])
            made.flatten(2)[..., self.places[number]] = torch.stack(done, 1)
        return made + HALF

    def coding(self, said: Tensor) -> Generator[Tables, Tensor, Tensor]:
        """Yields the tables of each digit, is sent it, returns the levels (B, C, H, W)."""
        top, shape = (1 << self.bits) - 1, (len(said), self.channels, *self.size)
        levels, known = said.new_zeros(shape), said.new_zeros(shape)
        for number, places in enumerate(self.places):
            found = yield from self.told(self.split(self.moved(said, known, number, exactly)))
            levels.flatten(2)[..., places] = found
            known.flatten(2)[..., places] = ((found << NUMBER) // top) - HALF
        return levels

    def told(self, said: Said) -> Generator[Tables, Tensor, Tensor]:
        """The levels of one pass: (B, C, n)."""
        logits, mean, log_scale, counts = said
        top, levels = (1 << self.bits) - 1, list[Tensor]()
        for c in range(self.channels):
            before = [((level << NUMBER) // top) - HALF for level in levels]
            moved = self.shift(counts, torch.stack(before), c) >> NUMBER if c else torch.zeros_like(mean[c, ..., 0])
            centre, known = mean[c] + HALF + moved[..., None], torch.zeros_like(moved)
            for place in range(self.bits - BASE, -1, -BASE):
                edge = ((known << BASE)[..., None] + torch.arange((1 << BASE) + 1)) << place
                below = mixture(((2 * edge - 1) << PLACE - 1) // top, centre, log_scale[c], logits[c])
                below = torch.where(edge == 0, 0, torch.where(edge > top, 1 << ONE, below))
                often = below.diff().flatten(0, 1) + 1
                rows = torch.arange(len(often)).view(known.shape)
                known = (known << BASE) + (yield Tables(often, rows, torch.zeros_like(rows)))
            levels.append(known)
        return torch.stack(levels, 1)


def context(seen: int, width: int, out: int) -> nn.Sequential:
    """What is known of the squares around, for pixels of each: (B, seen, h, w) -> (B, out, h, w). It begins as next to
    nothing."""
    made = nn.Sequential(
        nn.Conv2d(seen, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU(),
        nn.Conv2d(width, out, 1),
    )  # fmt: skip
    for layer, factor in ((made[0], 1.0), (made[2], 1.0), (made[4], 0.01)):
        assert isinstance(layer, nn.Conv2d)
        assert layer.bias is not None
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        layer.weight.data.mul_(factor)
        nn.init.zeros_(layer.bias)
    return made.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def called(net: nn.Module, x: Tensor) -> Tensor:
    made: Tensor = net(x)
    return made


def exactly(net: nn.Module, x: Tensor) -> Tensor:
    return exact([net], x, NUMBER)
