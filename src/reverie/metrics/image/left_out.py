"""The distance that a run watches, with groups of pictures left out: what its noise is estimated from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add

import numpy as np
from torch import Tensor

from reverie.metrics import features
from reverie.metrics.distances import Statistics, frechet


def left_out(real: np.ndarray, fake: np.ndarray, groups: Sequence[Tensor]) -> list[float]:
    """`image.cheap` without each of the groups, index sets into both, in turn. A group's statistics are taken once; all
    the others' add up."""
    extractor = features.cheap()
    sides = [features.of(real, extractor), extractor(fake)]
    parts = [[Statistics.of(side[group]) for group in groups] for side in sides]
    found = []
    for g in range(len(groups)):
        one, two = (reduce(add, part[:g] + part[g + 1 :]) for part in parts)
        found.append(frechet(one, two))
    return found
