"""Measures of windows of a series, real against generated: is each channel like the data's (`marginals`), does it go on
as the data do (`course`: autocorrelation, spectrum, channels together), are the windows varied and new (`originality`)?

A window is {"window": (T, C), …}. Held-out windows are the series' later ones, and overlap: the floor, what training
windows score in the samples' place, holds how much the series has changed since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reverie.metrics import Sets, share, size_name
from reverie.metrics.neighbours import apart as distance
from reverie.metrics.neighbours import nearest

from .apart import autocorrelation, marginal, spectra
from .seen import LEAST, OF_DATA, Seen, stacked

__all__ = ["LEAST", "SAMPLES", "Seen", "cheap", "left_out", "neighbours", "prepare", "spread", "suspects"]
SAMPLES = 1000
Windows = Sequence[Mapping[str, Any]]


def prepare(sets: Sets, like: Seen | None = None) -> Seen:
    made = Seen(sets)
    share(made, like, OF_DATA)
    return made


def neighbours(seen: Seen, count: int, k: int) -> Tensor:
    """Which k of the training windows for the floor are nearest to each of the first samples: (count, k)."""
    return nearest(seen.flat(seen.fake[:count]), seen.flat(seen.train), k)[1]


def suspects(seen: Seen, count: int) -> list[tuple[int, int]]:
    """The samples nearest to a training window, and which that is in the bank."""
    near, which = seen.near
    return [(int(i), int(which[i])) for i in near.argsort(stable=True)[:count]]


def watched(real: np.ndarray, fake: np.ndarray) -> float:
    near = [np.abs(f(real) - f(fake)).mean() for f in (autocorrelation, spectra)]
    return float(marginal(real, fake).mean() + sum(near))


def cheap(real: Windows, fake: Windows) -> tuple[str, float]:
    """Name and value of what a run watches while it trains: the mean distances of channels' values, autocorrelations
    and spectra, added. Lower is better."""
    return f"windows_cheap_{size_name(len(fake))}", watched(stacked(real), stacked(fake))


def left_out(real: Windows, fake: Windows, groups: Sequence[Tensor]) -> list[float]:
    """`cheap` without each of the groups, index sets into both, in turn."""
    one, two, found = stacked(real), stacked(fake), []
    for group in groups:
        kept = np.setdiff1d(np.arange(len(one)), group.numpy())
        found.append(watched(one[kept], two[kept]))
    return found


def spread(real: Windows, fake: Windows) -> float:
    """Mean distance of pairs of generated windows, channels in units of the real deviation, over that of real ones:
    about 1 of real against real, 0 where all are the same; 1 where the real ones are."""
    one, two = stacked(real), stacked(fake)
    scale = np.where(one.std((0, 1)) > 0, one.std((0, 1)), 1.0)
    flat = [torch.from_numpy((x / scale).reshape(len(x), -1)) for x in (one, two)]
    beside = distance(flat[0])
    return distance(flat[1]) / beside if beside else 1.0
