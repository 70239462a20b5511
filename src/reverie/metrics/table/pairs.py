"""Do columns hang together as the data's do? What each column by itself can't tell."""

from __future__ import annotations

import numpy as np

from reverie.metrics import Metric, size_name

from .apart import PAIRED, Pairs, dealt, differences, half, mean_of, pair_values
from .frame import Frame
from .seen import Seen

WORST = 3  # pairs that are named


def measure(seen: Seen) -> list[Metric]:
    """The mean over pairs of columns of the difference of their associations. The floor is what training rows score in
    the samples' place, the reference what the untrained model's do. Nothing of one column."""
    if not seen.enough:
        return []
    pairs = Pairs(seen.real)
    if len(pairs.names) < 2:
        return []

    def matrix(side: Frame) -> np.ndarray:
        return pairs.matrix(pairs.moments(side))

    def apart(side: Frame | None) -> float | None:
        return None if side is None else mean_of(differences(real, matrix(side)))

    real, fake, count = matrix(seen.real), matrix(seen.fake), len(seen.fake)
    found = differences(real, fake)
    value, width = mean_of(found), half(pair_values(pairs, real, seen.fake, dealt(count)))
    upper = np.triu_indices(len(real), 1)
    order = np.argsort(-found, kind="stable")[:WORST]
    worst = ", ".join(
        f"{pairs.names[i]} and {pairs.names[j]} {real[i, j]:.2f} as {fake[i, j]:.2f}"
        for i, j in zip(upper[0][order], upper[1][order])
    )
    some = f" of {PAIRED} of the columns, evenly chosen" if len(seen.form.numbers + seen.form.words) > PAIRED else ""
    protocol = "difference of Pearson's correlation of two numbers, of Cramér's V of two columns of words, of the "
    protocol += f"correlation ratio of both, V and ratio corrected for bias; mean of {len(found):,} pairs{some}; "
    protocol += f"{count} samples against {len(seen.real)} {seen.sets.what} rows; worst: {worst}; 95 % by a grouped "
    protocol += "jackknife of the samples"
    low, high = (None, None) if width is None else (max(0.0, value - width), value + width)
    name, floor, reference = f"pairs_{size_name(count)}", apart(seen.train), apart(seen.untrained)
    return [Metric(name, value, "association", count, protocol, low, high, floor, reference)]
