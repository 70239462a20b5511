"""Are the samples new, or training rows once more?

What a table holds many times is no one's own: a model that has learnt the table makes it again, and rightly. So copies
are counted of rows that stand in the training data once. How many of them an honest model makes is told by held-out
rows that stand there once: it makes those as often, as nothing but the draw tells the two apart."""

from __future__ import annotations

from math import erfc, sqrt
from typing import NamedTuple

import numpy as np
import torch

from reverie.metrics import Metric, size_name, wilson
from reverie.metrics.neighbours import nearer

from .frame import Frame, closest, single
from .seen import LEAST, Seen

SAME = 1e-3  # of a deviation: numbers no further apart are the same
JITTER = 1e-3  # distance by which rows that are equally near are told apart at random


def measure(seen: Seen) -> list[Metric]:
    if not len(seen.made) or not len(seen.bank):
        return []
    honest = seen.sets.what == "held-out" and seen.enough
    return [copies(seen, honest), *(leaning(seen) if honest else [])]


def same(queries: Frame, bank: Frame, near: torch.Tensor | None = None) -> np.ndarray:
    """(n,): which row of the bank each is a copy of, -1 for none. `near`: which is nearest to each, where that is known
    already."""
    if not len(bank):
        return np.full(len(queries), -1)
    which = (closest(queries, bank)[1][:, 0] if near is None else near).numpy()
    other = bank[which]
    with np.errstate(invalid="ignore"):
        near = (np.abs(queries.x - other.x) <= SAME) | (queries.gaps & other.gaps)
    return np.where(near.all(1) & (queries.words == other.words).all(1), which, -1)


class Matches(NamedTuple):
    share: float  # of the samples that are copies of rows of the first sort
    expected: float | None  # the share that rows of the second sort let expect; None where there is none
    p: float | None


def matched(fake: Frame, old: Frame, new: Frame, near: torch.Tensor | None = None) -> Matches:
    """Copies of rows of `old`, beside those of `new`, each row once.

    Where the samples come of neither sort more than the other, the sorts' names may be exchanged: of n rows, row i has
    c copies; the sum of c over the `old` ones, drawn without replacement, is normal for many. One-sided."""
    found = [same(fake, old, near), same(fake, new)]
    counts = [np.bincount(at[at >= 0], minlength=len(rows)) for at, rows in zip(found, (old, new))]
    share = float(counts[0].sum()) / len(fake)
    n, whole = len(old) + len(new), np.concatenate(counts).astype(float)
    if not len(old) or not len(new):
        return Matches(share, None, None)
    expected = min(1.0, float(counts[1].sum()) / len(fake) * len(old) / len(new))
    variance = len(old) * len(new) / (n * (n - 1)) * float(whole @ whole - whole.sum() ** 2 / n)
    if variance <= 0:
        return Matches(share, expected, 1.0)
    z = (float(counts[0].sum()) - whole.sum() * len(old) / n) / sqrt(variance)
    return Matches(share, expected, 0.5 * erfc(z / sqrt(2)))


def copies(seen: Seen, honest: bool) -> Metric:
    """Share of samples that are a training row again, among those that stand there once."""
    fresh = seen.real[single(seen.real)] if honest else seen.real[:0]
    near = seen.near[1] if len(seen.known) else None
    found, count = matched(seen.fake, seen.known, fresh, near), len(seen.fake)
    protocol = f"{count} samples beside the {len(seen.known):,} of {len(seen.bank):,} training rows that stand there "
    protocol += f"once; a copy has the same words and gaps, and numbers within {SAME:g} deviations"
    if honest:
        protocol += f"; floor: as the {len(fresh):,} held-out rows of that sort let expect; p: which were trained on, "
        protocol += "permuted, one-sided"
    low, high = wilson(round(found.share * count), count)
    name = f"copies_exact_{size_name(count)}"
    return Metric(name, found.share, "share", count, protocol, low, high, found.expected, p=found.p)


def leaning(seen: Seen) -> list[Metric]:
    """Of samples, the share whose nearest real row is one that was trained on, among equally many of both sorts (as
    SDMetrics' DCROverfittingProtection); and how near the nearest training row is, beside that of a held-out row (the
    distance to the closest record of Zhao et al. 2021, arXiv:2102.08369)."""
    count, out = len(seen.fake), list[Metric]()
    old, new = seen.known, seen.real[single(seen.real)]
    old = old[np.arange(min(len(old), len(new))) * len(old) // max(1, min(len(old), len(new)))]
    if min(len(old), len(new)) >= LEAST:
        generator = torch.Generator().manual_seed(seen.sets.seed)
        chance = [JITTER * torch.rand(len(side), 1, generator=generator, dtype=torch.float64) for side in (old, new)]
        sides = [torch.cat([side.vectors(), part], 1) for side, part in zip((old, new), chance)]
        mine = torch.cat([seen.fake.vectors(), torch.zeros(count, 1, dtype=torch.float64)], 1)
        found = nearer(mine, sides[0], sides[1])
        protocol = f"{count} samples among {found.items} training and {found.items} held-out rows that stand there "
        protocol += "once; reference: chance; p: which of them were trained on, permuted, one-sided"
        out.append(
            Metric(
                f"nearer_training_{size_name(count)}", found.share, "share", count, protocol, found.low, found.high,
                reference=0.5, p=found.p,
            )
        )  # fmt: skip
    if len(seen.known) and (usual := float(seen.usual.median())):
        protocol = f"median distance of a sample to its nearest of {len(seen.known):,} training rows that stand there "
        protocol += "once over that of a held-out row (smooth samples lie nearer without having been copied)"
        ratio, name = float(seen.near[0].median()) / usual, f"training_distance_{size_name(count)}"
        out.append(Metric(name, ratio, "of held-out", count, protocol, reference=1.0))
    return out
