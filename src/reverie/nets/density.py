"""A learnt density for the numbers of a code, smoothed by noise one step wide.

Ballé, Laparra & Simoncelli 2017, arXiv:1611.01704, section 3: with noise for rounding, the density of the noisy code
at a whole number is the probability of that number after rounding. The first group of channels has mixtures of
logistics in place of their piecewise-linear densities: a probability is a difference of two sigmoids, which whole
numbers can state exactly (`maths.fixed`). Every further group has one logistic a number, whose mean and scale are moved
by what the groups before it say there and around: Minnen & Singh 2020, arXiv:2007.08739, without their hyper-code. One
group alone is the factorised density of the first paper."""

from collections.abc import Generator
from functools import cache
from math import log, pi

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reverie.core import Tables
from reverie.maths.fixed import NUMBER, ONE, PLACE, fixed, mixture, shares
from reverie.maths.logistic import log_steps

from .exact import exact

AXIS = 8  # a code's axis of 1, on which `fixed` measures, is 2^8 steps wide
NARROWEST, WIDEST = 4, 256  # steps to each side of the mean that a table reaches; it doubles until a 1024th is left out
PART = 4  # bits: means of moved logistics are told to a 16th of a step, logarithms of scales to a 16th
THIN, WIDE = -4, 5  # logarithms of their scales: sure of a number, or of nothing within a few hundred
REACH = 48  # steps to each side of the mean that their tables reach
SOFT = 0.1  # size of a context's first weights beside the usual: codes are tens of steps wide


class Logistics(nn.Module):
    """K of them for each number of some channels: their own in each place of (h, w), or the same for all, (1, 1)."""

    def __init__(self, channels: int, places: tuple[int, int], count: int):
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(channels, *places, count))
        self.log_scale = nn.Parameter(torch.zeros(channels, *places, count))
        self.logits = nn.Parameter(torch.zeros(channels, *places, count)) if count > 1 else None

    def begin(self, y: Float[Tensor, "b c h w"]) -> None:
        """Around the mean of some codes, as wide as they are."""
        over = (0,) if self.mean.shape[1:3] == y.shape[2:] else (0, 2, 3)
        mean, deviation = y.mean(over)[..., None], y.std(over).clamp(min=0.2)[..., None]
        apart = torch.linspace(-0.5, 0.5, self.mean.shape[-1]) if self.logits is not None else torch.zeros(1)
        self.mean.copy_((mean + deviation * apart.to(y)).view_as(self.mean))
        self.log_scale.copy_((deviation * 3**0.5 / pi).log().expand(*mean.shape[:-1], len(apart)).view_as(self.mean))

    def nats(self, y: Float[Tensor, "b c h w"], moves: Tensor | None = None) -> Float[Tensor, "b c h w"]:
        """-log p of each number. `moves` (B, 2C, h, w): of the means, then of the logarithms of the scales."""
        mean: Tensor = self.mean
        log_scale: Tensor = self.log_scale
        logits = torch.zeros_like(mean) if self.logits is None else self.logits
        if moves is not None:
            mean, log_scale = (p + move[..., None] for p, move in zip((mean, log_scale), moves.chunk(2, 1)))
            log_scale = log_scale.clamp(THIN, WIDE)
        return -log_steps(y, 1.0, mean, log_scale, logits)

    def drawn(self, noise: Float[Tensor, "b 2 c h w"], moves: Tensor | None = None) -> Float[Tensor, "b c h w"]:
        """Whole numbers with these probabilities, from numbers in [0, 1): which logistic, and where in it."""
        which, where = noise.unbind(1)
        mean, log_scale = (p.expand(*which.shape, -1) for p in (self.mean, self.log_scale))
        if self.logits is not None:
            upto = self.logits.softmax(-1).cumsum(-1)
            k = (which[..., None] >= upto).sum(-1, keepdim=True).clamp(max=upto.shape[-1] - 1)
            mean, log_scale = mean.gather(-1, k), log_scale.gather(-1, k)
        mean, log_scale = mean[..., 0], log_scale[..., 0]
        if moves is not None:
            mean, log_scale = (p + move for p, move in zip((mean, log_scale), moves.chunk(2, 1)))
            log_scale = log_scale.clamp(THIN, WIDE)
        return (mean + log_scale.exp() * where.clamp(1e-6, 1 - 1e-6).logit()).round()

    def tables(self, grid: tuple[int, int]) -> Tables:
        """Of every number, flattened: the same in whole numbers."""
        mean, log_scale = (fixed(p).flatten(0, -2) for p in (self.mean, self.log_scale))
        logits = torch.zeros_like(mean) if self.logits is None else fixed(self.logits).flatten(0, -2)
        share = shares(logits)
        centre = ((mean * share).sum(-1) // share.sum(-1) + (1 << NUMBER - 1)) >> NUMBER
        reach = NARROWEST
        often = frequencies(centre, reach, mean, log_scale, logits)
        while reach < WIDEST and int((often[:, -1] << 10).max()) > 1 << ONE:  # more than a 1024th is left out
            reach *= 2
            often = frequencies(centre, reach, mean, log_scale, logits)
        channels, *places = self.mean.shape[:-1]
        rows = torch.arange(len(centre)).view(channels, *places).expand(channels, *grid).flatten()
        return Tables(often, rows, centre[rows] - reach, open=True)

    def moved(self, moves: Tensor) -> Tables:
        """Of every number of some items, where `moves` (B, 2C, h, w) come from an exact network. All means and scales
        share one set of tables, each a 16th of a step or of a logarithm from the next."""
        parts = zip((self.mean, self.log_scale), moves.chunk(2, 1))
        mean, log_scale = ((fixed(p)[..., 0] + move).flatten(1) for p, move in parts)
        mean = (mean + (1 << NUMBER - PART - 1)) >> NUMBER - PART
        scale = (log_scale >> NUMBER - PART).clamp(THIN << PART, WIDE << PART) - (THIN << PART)
        whole, part = mean >> PART, mean & (1 << PART) - 1
        return Tables(ladder(), (scale << PART) + part, whole - REACH, open=True)


def frequencies(centre: Tensor, reach: int, mean: Tensor, log_scale: Tensor, logits: Tensor) -> Tensor:
    """Of the whole numbers up to `reach` from a centre (T,), and of all others: (T, 2 · reach + 2), for T mixtures
    (T, K) with NUMBER bits after the point. Each at least 1, 2^ONE and as many as there are together."""
    value = centre[:, None] + torch.arange(-reach, reach + 2)
    place = (2 * value - 1) << PLACE - AXIS - 1  # of the lower end of a step
    below = mixture(place, mean >> AXIS, log_scale - fixed(torch.tensor(AXIS * log(2))), logits)
    rest = below[:, :1] + (1 << ONE) - below[:, -1:]
    return torch.cat([below.diff(), rest], 1) + 1


@cache
def ladder() -> Tensor:
    """Of single logistics: for each scale from THIN to WIDE, and each 16th of a step that a mean lies above 0."""
    scales, parts = torch.arange(THIN << PART, (WIDE << PART) + 1), torch.arange(1 << PART)
    mean = (parts << NUMBER - PART).repeat(len(scales))[:, None]
    middle = ((2 * scales + 1) << NUMBER - PART - 1).repeat_interleave(len(parts))[:, None]
    return frequencies(torch.zeros(len(mean), dtype=torch.int64), REACH, mean, middle, torch.zeros_like(mean))


class Density(nn.Module):
    """Of a code (C, h, w) whose channels are told in groups, each about twice as large as all before it."""

    def __init__(self, shape: tuple[int, int, int], each_place: bool, logistics: int, groups: int, width: int):
        super().__init__()
        channels, *size = shape
        self.grid = (size[0], size[1])
        ends = sorted({-(-channels // 2**k) for k in range(groups)})
        self.sizes = [end - start for start, end in zip([0, *ends], ends)]
        places = self.grid if each_place else (1, 1)
        counts = [logistics] + [1] * (len(ends) - 1)
        self.logistics = nn.ModuleList(Logistics(size, places, k) for size, k in zip(self.sizes, counts))
        self.contexts = nn.ModuleList(context(start, width, size) for start, size in zip(ends, self.sizes[1:]))

    def begin(self, y: Float[Tensor, "b c h w"]) -> None:
        for part, logistics in zip(torch.split(y, self.sizes, 1), self.logistics):
            logistics.begin(part)  # type: ignore[operator]

    def each(self, y: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """-log p of each number of a noisy code; of a rounded one, what its whole numbers cost."""
        first, *rest = torch.split(y, self.sizes, 1)
        costs, done = [self.logistics[0].nats(first)], first  # type: ignore[operator]
        for part, logistics, moves in zip(rest, self.logistics[1:], self.contexts):
            costs.append(logistics.nats(part, moves(done)))  # type: ignore[operator]
            done = torch.cat([done, part], 1)
        return torch.cat(costs, 1)

    def drawn(self, noise: Float[Tensor, "b 2 n"]) -> Float[Tensor, "b c h w"]:
        """A code with these probabilities, from numbers in [0, 1): which logistic, and where in it."""
        first, *rest = torch.split(noise.reshape(len(noise), 2, -1, *self.grid), self.sizes, 2)
        done: Tensor = self.logistics[0].drawn(first)  # type: ignore[operator]
        for part, logistics, moves in zip(rest, self.logistics[1:], self.contexts):
            done = torch.cat([done, logistics.drawn(part, moves(done))], 1)  # type: ignore[operator]
        return done

    def coding(self) -> Generator[Tables, Tensor, Tensor]:
        """Yields the tables of each group, is sent its numbers (B, n), returns the code (B, C, h, w)."""
        said = yield self.logistics[0].tables(self.grid)  # type: ignore[operator]
        done = said.reshape(len(said), -1, *self.grid)
        for logistics, moves in zip(self.logistics[1:], self.contexts):
            said = yield logistics.moved(exact([moves], done))  # type: ignore[operator]
            done = torch.cat([done, said.reshape(len(said), -1, *self.grid)], 1)
        return done


def context(before: int, width: int, size: int) -> nn.Sequential:
    """What the groups before say of the next: (B, before, h, w) -> (B, 2 · size, h, w). It begins as nothing."""
    made = nn.Sequential(
        nn.Conv2d(before, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 1), nn.ReLU(),
        nn.Conv2d(width, 2 * size, 1),
    )  # fmt: skip
    for layer, factor in ((made[0], SOFT), (made[2], 1.0), (made[4], SOFT**2)):
        assert isinstance(layer, nn.Conv2d)
        assert layer.bias is not None
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        layer.weight.data.mul_(factor)
        nn.init.zeros_(layer.bias)
    return made
