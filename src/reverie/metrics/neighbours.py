"""Measures on nearest neighbours in a feature space: is a sample like real data (precision, density), and is all of the
real data met (recall, coverage)? Distances are computed in blocks, in float64."""

from __future__ import annotations

from math import erfc, sqrt
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from reverie.errors import Problem

from . import Z, evenly
from .distances import finite

ROWS = 1000  # of a distance matrix at a time


class Neighbourhood(NamedTuple):
    """An item's part in each measure, whose means are the measures. Precision and recall: Kynkäänniemi et al. 2019,
    arXiv:1904.06991; density and coverage: Naeem et al. 2020, arXiv:2002.09797. Balls are closed in all four."""

    precise: Bool[Tensor, " m"]  # fake m lies in the k-ball of some real item
    recalled: Bool[Tensor, " n"]  # real n lies in the k-ball of some fake
    density: Float[Tensor, " m"]  # over k, in how many real items' balls fake m lies
    covered: Bool[Tensor, " n"]  # some fake lies in the ball of real n


def squared(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    """Squared distances. Equal rows get exactly 0: what is below the rounding error of the difference counts as 0."""
    norms = x.square().sum(1)[:, None] + y.square().sum(1)
    found = norms - 2 * (x @ y.T)
    noise = x.shape[1] * torch.finfo(x.dtype).eps
    return found.masked_fill_(found < noise * norms, 0.0)


def centred(one: Tensor, two: Tensor) -> tuple[Tensor, Tensor]:
    """Both in float64, about the first's mean: distances stay, their rounding shrinks. Raises Problem on NaN."""
    middle = finite(one).double().mean(0)
    finite(two)
    return one.double() - middle, two.double() - middle


def radii(x: Float[Tensor, "n d"], k: int) -> Float[Tensor, " n"]:
    """Squared distance of each row to its k-th nearest other row. Raises Problem on k rows or fewer."""
    if len(x) <= k:
        raise Problem(f"{len(x)} items: measures on {k} neighbours need at least {k + 1}")
    out = []
    for begin in range(0, len(x), ROWS):
        rows = squared(x[begin : begin + ROWS], x)
        index = torch.arange(len(rows))
        rows[index, begin + index] = torch.inf
        out.append(rows.kthvalue(k, dim=1).values)
    return torch.cat(out)


def neighbourhood(
    real: Float[Tensor, "n d"], fake: Float[Tensor, "m d"], k: int = 3, k_density: int = 5
) -> Neighbourhood:
    """k for precision and recall, k_density for density and coverage: the papers' choices."""
    real, fake = centred(real, fake)
    ball, wide, fake_ball = radii(real, k), radii(real, k_density), radii(fake, k)
    precise = torch.zeros(len(fake), dtype=torch.bool)
    density = torch.zeros(len(fake), dtype=torch.float64)
    recalled, covered = [], []
    for begin in range(0, len(real), ROWS):
        rows = squared(real[begin : begin + ROWS], fake)  # (rows, m)
        at_hand = slice(begin, begin + ROWS)
        precise |= (rows <= ball[at_hand, None]).any(0)
        inside = rows <= wide[at_hand, None]
        density += inside.sum(0)
        recalled.append((rows <= fake_ball).any(1))
        covered.append(inside.any(1))
    return Neighbourhood(precise, torch.cat(recalled), density / k_density, torch.cat(covered))


def nearest(
    queries: Float[Tensor, "q d"], bank: Float[Tensor, "n d"], k: int = 1
) -> tuple[Float[Tensor, "q k"], Int[Tensor, "q k"]]:
    """Distances to the k nearest rows of the bank, and which they are, nearest first. Raises Problem on an empty bank,
    and on NaN."""
    queries, bank = centred(queries, bank)
    if not len(bank):
        raise Problem("0 items: nothing to find a neighbour in")
    shape = len(queries), min(k, len(bank))
    values, index = torch.empty(shape, dtype=torch.float64), torch.empty(shape, dtype=torch.int64)
    for begin in range(0, len(queries), ROWS):
        part = slice(begin, begin + ROWS)
        values[part], index[part] = among(queries[part], bank, shape[1])  # into one place: memory stays whole
    return values, index


def among(queries: Float[Tensor, "q d"], bank: Float[Tensor, "n d"], k: int) -> tuple[Tensor, Tensor]:
    """The same of few queries."""
    values = torch.empty(len(queries), 0, dtype=torch.float64)
    index = torch.empty(len(queries), 0, dtype=torch.int64)
    for begin in range(0, len(bank), ROWS):
        part = squared(queries, bank[begin : begin + ROWS])
        here = torch.arange(begin, begin + part.shape[1]).expand(len(queries), -1)
        values, index = torch.cat([values, part], 1), torch.cat([index, here], 1)
        values, order = values.sort(dim=1, stable=True)
        values, index = values[:, :k], index.gather(1, order)[:, :k]
    return values.sqrt(), index


def apart(x: Float[Tensor, "n d"]) -> float:
    """Mean distance of two different rows. 0 of fewer than two."""
    if len(x) < 2:
        return 0.0
    x, _ = centred(x, x)
    parts = torch.split(x, ROWS)
    total = sum(float(squared(one, two).sqrt().sum()) for one in parts for two in parts)
    return total / (len(x) * (len(x) - 1))


def votes(
    queries: Float[Tensor, "q d"], bank: Float[Tensor, "n d"], labels: Int[Tensor, " n"], k: int, classes: int
) -> Float[Tensor, "q c"]:
    """Of each query, the share of its k nearest rows of the bank that each class has."""
    found = labels[nearest(queries, bank, k)[1]]  # (q, k)
    return torch.nn.functional.one_hot(found, classes).double().mean(1)


class Leaning(NamedTuple):
    """How often a sample's nearest real item is one of the first sort, of `items` of each."""

    share: float
    low: float
    high: float
    p: float
    items: int


def nearer(fake: Float[Tensor, "m d"], old: Float[Tensor, "n d"], new: Float[Tensor, "k d"]) -> Leaning:
    """Share of fakes that have an item of `old` nearer than any of `new`, both thinned to the shorter's length.

    Where the fakes come of neither sort more than the other, the sorts' names may be exchanged: each of the 2n items is
    the nearest of some number c of fakes, and the sum of c over n of the 2n items, drawn without replacement, has the
    variance n / 2 · var(c), var over 2n - 1. So fakes that share one neighbour do not count as independent. p is
    one-sided, normal. Of items that are equally near, the one counts that comes first in an order without meaning."""
    n = min(len(old), len(new))
    both = torch.cat([x[torch.from_numpy(evenly(len(x), n))] for x in (old, new)])
    order = torch.randperm(2 * n, generator=torch.Generator().manual_seed(0))
    index = order[nearest(fake, both[order])[1][:, 0]]
    counts = index.bincount(minlength=2 * n).double()
    share = float(counts[:n].sum()) / len(fake)
    error = float((counts.var(correction=1) * n / 2).sqrt()) / len(fake)
    p = 0.5 * erfc((share - 0.5) / error / sqrt(2)) if error else 1.0
    return Leaning(share, max(0.0, share - Z * error), min(1.0, share + Z * error), p, n)
