"""Rows with known dependence, and what they are judged as."""

from typing import Any

import numpy as np

from reverie.metrics import Metric, Sets, judge
from reverie.metrics.table import prepare

TOWNS = ("Ålesund", "Łódź", "東京")


def rows(count: int, seed: int = 0, gaps: float = 0.1) -> list[dict[str, Any]]:
    """Two numbers that correlate by 0.8, a town on which a third one's mean hangs, a colour that is mostly the town's,
    a date, and a word that is always the same."""
    rng = np.random.default_rng(seed)
    a, noise, c = rng.standard_normal((3, count))
    town, other = rng.integers(0, 3, (2, count))
    colour = np.where(rng.random(count) < 0.8, town, other)
    gone, day = rng.random(count) < gaps, rng.integers(1, 29, count)
    return [
        {
            "größe": None if gone[i] else round(float(a[i]), 3),
            "gewicht": round(float(0.8 * a[i] + 0.6 * noise[i]), 3),
            "höhe": round(float(c[i] + town[i]), 3),
            "ort": TOWNS[town[i]],
            "colour": "rgb"[colour[i]],
            "day": f"2024-01-{day[i]:02d}",
            "land": "x",
        }
        for i in range(count)
    ]


def judged(fake, real, train=None, **more) -> dict[str, Metric]:
    """By the first part of their names."""
    sets = Sets(Served(fake), Served(real), Served(real if train is None else train), **more)
    return {metric.name.rpartition("_")[0] or metric.name: metric for metric in judge("table", prepare(sets))}


class Served(list):
    """Taken by an array of numbers, as the judge's sets are."""

    def __getitem__(self, index):
        one = super().__getitem__
        return [one(int(i)) for i in index] if isinstance(index, np.ndarray) else one(index)
