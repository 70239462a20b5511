"""Are samples blurred? How strong their fine detail is beside that of held-out pictures."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt

import numpy as np

from reverie.metrics import Metric, Rows, blocks, size_name

from .seen import Seen


def measure(seen: Seen) -> list[Metric]:
    if not seen.enough:
        return []
    sets = seen.sets
    usual = of(sets.real)
    if not usual:
        return []
    count = len(sets.fake)
    floor = of(sets.train) / usual if len(sets.train) else None
    reference = None if sets.untrained is None else of(sets.untrained) / usual
    protocol = f"root mean square difference of a pixel and its four neighbours' mean, of {count} samples over that of "
    protocol += f"{len(sets.real)} {sets.what} pictures: below 1 samples are blurred, above it noisy; "
    protocol += "floor: training pictures in the samples' place; reference: the untrained model's"
    name = f"sharpness_{size_name(count)}"
    value = of(sets.fake) / usual
    return [Metric(name, value, f"of {sets.what}", count, protocol, floor=floor, reference=reference)]


def of(rows: Rows) -> float:
    return detail(blocks(rows))


def detail(parts: Iterable[np.ndarray]) -> float:
    """The root mean square of the Laplacian, in grey levels, over pictures (N, H, W, C) in parts; 0 of pictures of less
    than 3 pixels a side. A mean over neighbours is what blur leaves of a pixel; noise raises it."""
    total, count = 0.0, 0
    for part in parts:
        x = part.astype(np.float64)
        around = x[:, :-2, 1:-1] + x[:, 2:, 1:-1] + x[:, 1:-1, :-2] + x[:, 1:-1, 2:]
        fine = x[:, 1:-1, 1:-1] - around / 4
        total, count = total + float(np.square(fine).sum()), count + fine.size
    return sqrt(total / count) if count else 0.0
