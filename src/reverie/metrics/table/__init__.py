"""Measures of rows of a table, real against generated: are its columns like the data's (`marginals`), and pairs of
columns (`pairs`); can a classifier tell (`detection`); are the rows varied (`diversity`) and new (`originality`)?

Rows are mappings of a column's name to a number, a word, a date as ISO 8601 has it, or None where nothing stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from reverie.metrics import Sets, share, size_name
from reverie.metrics.neighbours import apart as distance

from .apart import Pairs, columns, differences, mean, mean_of
from .frame import Form, Frame, closest
from .seen import LEAST, OF_DATA, Seen

__all__ = ["LEAST", "SAMPLES", "Seen", "cheap", "left_out", "neighbours", "prepare", "spread", "suspects"]
SAMPLES = 2000
Rows = Sequence[Mapping[str, Any]]


def prepare(sets: Sets, like: Seen | None = None) -> Seen:
    made = Seen(sets)
    share(made, like, OF_DATA)
    return made


def neighbours(seen: Seen, count: int, k: int) -> Tensor:
    """Which k of the training rows for the floor are most like each of the first samples, nearest first: (count, k)."""
    return closest(seen.fake[:count], seen.form.read(seen.own), k)[1]


def suspects(seen: Seen, count: int) -> list[tuple[int, int]]:
    """The samples nearest to a training row that stands there once, and which that is in the bank."""
    if not len(seen.known) or not len(seen.fake):
        return []
    near, which = seen.near
    return [(int(i), int(seen.once[which[i]])) for i in near.argsort(stable=True)[:count]]


def both(real: Rows, fake: Rows) -> tuple[Frame, Frame]:
    form = Form.of(real, names=[name for name in real[0] if name in fake[0]])
    return form.read(real), form.read(fake)


def watched(real: Frame, fake: Frame) -> float:
    pairs = Pairs(real)
    found = [pairs.matrix(pairs.moments(side)) for side in (real, fake)]
    return mean(columns(real, fake)) + mean_of(differences(*found))


def cheap(real: Rows, fake: Rows) -> tuple[str, float]:
    """Name and value of what a run watches while it trains: the mean distance of columns, and the mean difference of
    pairs' associations, added. Lower is better."""
    return f"rows_cheap_{size_name(len(fake))}", watched(*both(real, fake))


def left_out(real: Rows, fake: Rows, groups: Sequence[Tensor]) -> list[float]:
    """`cheap` without each of the groups, index sets into both, in turn."""
    sides, found = both(real, fake), []
    for group in groups:
        gone = set(group.tolist())
        kept = [side[[i for i in range(len(side)) if i not in gone]] for side in sides]
        found.append(watched(kept[0], kept[1]))
    return found


def spread(real: Rows, fake: Rows) -> float:
    """Mean distance of pairs of generated rows over that of real ones: about 1 of real against real, 0 where all are
    the same row; 1 where the real ones are."""
    one, two = both(real, fake)
    beside = distance(one.vectors())
    return distance(two.vectors()) / beside if beside else 1.0
