"""How far two sets of rows lie apart: column by column, and pair by pair."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from math import sqrt
from typing import NamedTuple

import numpy as np

from reverie.metrics import Z

from .frame import Frame

GROUPS = 10  # that a jackknife leaves out in turn
PAIRED = 100  # columns whose pairs are compared, at most: of more, evenly chosen ones
TINY = 1e-9  # of a column's variance, in units of the real rows' and of its own square: below that it is rounding
OFTEN = 30  # words of a column that count by themselves in a pair: all others are one


# -------------------------------------------------------------------------------------------------------------- columns


def columns(real: Frame, fake: Frame) -> dict[str, float]:
    """By column: of numbers the Wasserstein distance (Kantorovich; order 1) in units of the real rows' deviation, of
    words the total variation distance, in [0, 1] (1 minus SDMetrics' TVComplement). Of numbers with gaps also the
    difference of the shares that are missing, as "NAME is missing". A column that one side lacks altogether has only
    that."""
    from scipy.stats import wasserstein_distance

    found = {}
    for k, name in enumerate(real.form.numbers):
        gone = [side.gaps[:, k] for side in (real, fake)]
        values = [side.x[~gap, k] for side, gap in zip((real, fake), gone)]
        if all(map(len, values)):
            found[name] = float(wasserstein_distance(*values))
        if any(gap.any() for gap in gone):
            found[f"{name} is missing"] = abs(float(gone[0].mean()) - float(gone[1].mean()))
    for k, name in enumerate(real.form.words):
        shares = [np.bincount(side.words[:, k], minlength=real.form.counts[k]) / len(side) for side in (real, fake)]
        found[name] = float(np.abs(shares[0] - shares[1]).sum() / 2)
    return found


def mean(found: dict[str, float]) -> float:
    return float(np.mean(list(found.values()))) if found else 0.0


# ---------------------------------------------------------------------------------------------------------------- pairs


class Moments(NamedTuple):
    """Sums over rows that all associations of pairs are functions of; those of two sets of rows add up."""

    there: np.ndarray  # (p, p): rows that have both numbers
    sums: np.ndarray  # (p, p): of the first number, over those rows
    squares: np.ndarray  # (p, p): of its square
    products: np.ndarray  # (p, p)
    counts: np.ndarray  # (w, w): rows that have both words
    known: np.ndarray  # (w, p): rows that have the word and the number
    within: np.ndarray  # (w, p): the sum of the numbers of these rows
    rows: np.ndarray

    def plus(self, other: Moments, sign: int = 1) -> Moments:
        return Moments(*(a + sign * b for a, b in zip(self, other)))


class Pairs:
    """Associations of the columns of a form: Pearson's correlation of two numbers, in [-1, 1]; Cramér's V of two
    columns of words, corrected for its bias (Bergsma 2013, "A bias-correction for Cramér's V and Tschuprow's T",
    Journal of the Korean Statistical Society 42); the correlation ratio of a number and words, corrected alike (Kelley
    1935's epsilon): both in [0, 1]. As CTAB-GAN's "Diff. Corr." compares them (Zhao et al. 2021, arXiv:2102.08369). 0
    where one of the two does not vary."""

    def __init__(self, real: Frame):
        form = real.form
        chosen = np.arange(len(form.numbers) + len(form.words))
        if len(chosen) > PAIRED:
            chosen = chosen[np.arange(PAIRED) * len(chosen) // PAIRED]
        self.numbers = [int(k) for k in chosen if k < len(form.numbers)]
        self.words = [int(k) - len(form.numbers) for k in chosen if k >= len(form.numbers)]
        self.names = [*(form.numbers[k] for k in self.numbers), *(form.words[k] for k in self.words)]
        self.places = [often(real.words[:, k], form.counts[k]) for k in self.words]
        sizes = [int(place.max()) + 1 for place in self.places]
        self.of = np.repeat(np.arange(len(sizes)), sizes)  # which column each word is of
        self.starts = np.cumsum([0, *sizes])[:-1]

    def moments(self, frame: Frame) -> Moments:
        x = np.nan_to_num(frame.x[:, self.numbers])
        there = (~frame.gaps[:, self.numbers]).astype(float)
        one = np.zeros((len(frame), len(self.of)))
        for k, place, start in zip(self.words, self.places, self.starts):
            one[np.arange(len(frame)), start + place[frame.words[:, k]]] = 1
        return Moments(
            there.T @ there, x.T @ there, (x * x).T @ there, x.T @ x, one.T @ one, one.T @ there, one.T @ x,
            np.array(len(frame)),
        )  # fmt: skip

    def matrix(self, m: Moments) -> np.ndarray:
        """(columns, columns) of associations, numbers first, the diagonal 0."""
        p, w = len(self.numbers), len(self.words)
        found = np.zeros((p + w, p + w))
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = m.there * m.squares - m.sums**2
            product = m.there * m.products - m.sums * m.sums.T
            flat = spread <= TINY * m.there * (m.there + m.squares)
            correlation = np.nan_to_num(product / np.sqrt(spread * spread.T)).clip(-1, 1)
            found[:p, :p] = np.where(flat | flat.T, 0.0, correlation)
            ratio = self.ratio(m)
            found[p:, :p], found[:p, p:] = ratio, ratio.T
            found[p:, p:] = self.cramer(m)
        np.fill_diagonal(found, 0.0)
        return found

    def ratio(self, m: Moments) -> np.ndarray:
        """(columns of words, numbers)."""
        n = np.diag(m.there)[None]
        total = np.diag(m.squares)[None] - np.diag(m.sums)[None] ** 2 / n
        between = self.gathered(np.where(m.known > 0, m.within**2 / m.known, 0.0)) - np.diag(m.sums)[None] ** 2 / n
        kinds = self.gathered((m.known > 0).astype(float))
        left = 1 - (1 - between / total) * (n - 1) / (n - kinds)
        varies = (total > TINY * (n + np.diag(m.squares)[None])) & (n > kinds)
        return np.asarray(np.sqrt(np.where(varies, left, 0.0).clip(0, 1)))

    def cramer(self, m: Moments) -> np.ndarray:
        """(columns of words, columns of words)."""
        n, count = float(m.rows), np.diag(m.counts)
        cells = np.where(m.counts > 0, m.counts**2 / np.outer(count, count), 0.0)
        square = self.gathered(self.gathered(cells).T).T - 1  # phi²
        kinds = self.gathered((count > 0).astype(float)[:, None])[:, 0]
        less = kinds - (kinds - 1) ** 2 / max(1.0, n - 1)  # as many kinds as chance leaves
        bias = np.outer(kinds - 1, kinds - 1) / max(1.0, n - 1)
        most = np.minimum.outer(less, less) - 1
        return np.asarray(np.sqrt(np.where(most > 0, (square - bias).clip(min=0) / most, 0.0).clip(0, 1)))

    def gathered(self, x: np.ndarray) -> np.ndarray:
        """(w, …) summed over the words of each column: (columns of words, …)."""
        if not len(self.starts):
            return np.zeros((0, *x.shape[1:]))
        return np.asarray(np.add.reduceat(x, self.starts, axis=0))


def often(codes: np.ndarray, count: int) -> np.ndarray:
    """Of each word of a column, its place among the most frequent ones; the last place is for all others."""
    order = np.argsort(-np.bincount(codes, minlength=count), kind="stable")[: OFTEN - 1]
    place = np.full(count, len(order))
    place[order] = np.arange(len(order))
    return place


def differences(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """(pairs,): of each two different columns, once."""
    upper = np.triu_indices(len(one), 1)
    return np.asarray(np.abs(one - two)[upper])


# ------------------------------------------------------------------------------------------------------------ jackknife


def dealt(count: int, groups: int = GROUPS) -> list[np.ndarray]:
    """Rows of each group; none where a group had less than two."""
    return [np.arange(g, count, groups) for g in range(groups)] if count >= 2 * groups else []


def half(without: Sequence[float]) -> float | None:
    """Half a 95 % interval, from a value with each group left out: the grouped jackknife."""
    g = len(without)
    if g < 2:
        return None
    middle = sum(without) / g
    return Z * sqrt((g - 1) / g * sum((v - middle) ** 2 for v in without))


def without(frame: Frame, groups: Sequence[np.ndarray], value: Callable[[Frame], float]) -> list[float]:
    """The value with each group of rows left out."""
    kept = np.ones(len(frame), bool)
    found = []
    for group in groups:
        kept[group] = False
        found.append(value(frame[kept]))
        kept[group] = True
    return found


def pair_values(pairs: Pairs, real: np.ndarray, fake: Frame, groups: Sequence[np.ndarray]) -> list[float]:
    """The mean difference of associations with each group of samples left out."""
    parts = [pairs.moments(fake[group]) for group in groups]
    if not parts:
        return []
    whole = reduce(Moments.plus, parts)
    return [mean_of(differences(real, pairs.matrix(whole.plus(part, -1)))) for part in parts]


def mean_of(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else 0.0
