"""Measures of pictures: (N, H, W, C) integers, real against generated. Is the whole alike (`distribution`), is it
varied (`diversity`), is it new (`originality`)?"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from reverie.metrics import Metric, Rows, Sets, blocks, features, share, size_name
from reverie.metrics.distances import Statistics, frechet
from reverie.metrics.features import Extractor
from reverie.metrics.neighbours import nearest

from . import distribution
from .left_out import left_out
from .seen import LEAST, OF_DATA, Seen
from .spread import spread

__all__ = [
    "LEAST", "SAMPLES", "Seen", "cheap", "judge", "left_out", "neighbours", "prepare", "spread", "suspects",
]  # fmt: skip
SAMPLES = 2000


def prepare(sets: Sets, like: Seen | None = None) -> Seen:
    made = Seen(sets)
    share(made, like, OF_DATA)
    return made


def suspects(seen: Seen, count: int) -> list[tuple[int, int]]:
    """The samples that come nearest to a training picture, and which of the bank that is."""
    found = seen.copied
    order = found.residual.argsort(stable=True)[:count]
    return [(int(seen.some.index[i]), int(found.source[i])) for i in order if found.residual[i].isfinite()]


def judge(
    real: Rows,
    fake: Rows,
    train: Rows | None = None,
    *,
    untrained: Rows | None = None,
    extractor: Extractor | None = None,
    seed: int = 0,
) -> list[Metric]:
    """Fréchet distance, KID, precision, recall, density and coverage alone: see `distribution`. Raises Problem on
    arrays that are no pictures."""
    floor = np.empty((0, 1, 1, 1), np.uint8) if train is None else train
    sets = Sets(fake, real, floor, untrained=untrained, seed=seed, extractor=extractor)
    return distribution.measure(Seen(sets))


def neighbours(seen: Seen, count: int, k: int) -> Tensor:
    """Which k training pictures each of the first samples is closest to in feature space, nearest first: (count, k)."""
    sets, extractor = seen.sets, seen.extractor
    bank = seen.train if seen.train is not None else features.gather(blocks(sets.train), extractor, keep=True)
    first = features.gather(sets.fake[np.arange(min(count, len(sets.fake)))], extractor)
    return torch.from_numpy(seen.learnt.index)[nearest(first, bank, k)[1]]


def cheap(real: np.ndarray, fake: np.ndarray) -> tuple[str, float]:
    """Name and value of what a run watches while it trains: a Fréchet distance on few, fast features. Lower is better.
    The extractor is `features.cheap()`; it orders the looks of one run and says nothing about another."""
    extractor = features.cheap()
    value = frechet(Statistics.of(features.of(real, extractor)), Statistics.of(extractor(fake)))
    return f"frechet_cheap_{size_name(len(fake))}", value
