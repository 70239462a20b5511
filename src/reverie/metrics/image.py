"""Measures of pictures: (N, H, W, C) integers, real against generated, on the features of a named extractor."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from math import sqrt
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from . import Metric, Z, features, size_name, wilson
from .distances import Statistics, frechet, kid
from .features import Extractor
from .left_out import left_out as left_out
from .neighbours import nearest as nearest_rows
from .neighbours import neighbourhood
from .spread import spread as spread

NEIGHBOURS, NEIGHBOURS_DENSITY = 3, 5  # Kynkäänniemi et al. 2019; Naeem et al. 2020
SAMPLES = 2000
LEAST = NEIGHBOURS_DENSITY + 1  # pictures on either side
UNITS = {"frechet": "squared feature distance", "kid": "squared MMD", "density": "real balls a sample, over k"}


Pictures = np.ndarray | Iterable[np.ndarray]  # (N, H, W, C) integers, whole or block by block


class Value(NamedTuple):
    value: float
    low: float | None = None
    high: float | None = None


def judge(
    real: Pictures,
    fake: Pictures,
    train: Pictures | None = None,
    *,
    untrained: Pictures | None = None,
    extractor: Extractor | None = None,
    seed: int = 0,
) -> list[Metric]:
    """Fréchet distance, KID, precision, recall, density and coverage of generated pictures against held-out real ones.
    The floor is what as many pictures of `train` score in their place, the reference what the untrained model's do.
    Empty where there are fewer than 6 pictures on a side. Raises Problem on arrays that are no pictures."""
    longest, real = side(real)
    chosen = extractor or features.default(longest)
    held_out, generated = features.gather(real, chosen, keep=True), features.gather(fake, chosen)
    count = len(generated)
    if min(len(held_out), count) < LEAST:
        return []
    values = measures(held_out, generated, seed)
    floor = reference = None
    notes = ""
    if train is not None and len(trained := features.gather(train, chosen, keep=True)) >= LEAST:
        floor = measures(held_out, trained, seed)
        notes += f"; floor: {len(trained)} training pictures in their place"
    if untrained is not None and len(first := features.gather(untrained, chosen)) >= LEAST:
        reference = measures(held_out, first, seed)
        notes += f"; reference: {len(first)} of the untrained model"
    start = f"{chosen.name}; {count} generated against {len(held_out)} held-out"
    protocols = details(len(held_out), count, chosen.dim)
    return [
        Metric(
            name=f"{name}_{size_name(count)}",
            value=found.value,
            unit=UNITS.get(name, "share"),
            samples=count,
            protocol=f"{start}; {protocols[name]}{notes}",
            low=found.low,
            high=found.high,
            floor=floor[name].value if floor else None,
            reference=reference[name].value if reference else None,
        )
        for name, found in values.items()
    ]


def side(pictures: Pictures) -> tuple[int, Pictures]:
    """The longer side of the first picture, and all pictures again."""
    if isinstance(pictures, np.ndarray):
        return max(pictures.shape[1:3], default=0), pictures
    blocks = iter(pictures)
    first = next(blocks, None)
    return (0, []) if first is None else (max(first.shape[1:3], default=0), chain([first], blocks))


def measures(real: Float[Tensor, "n d"], fake: Float[Tensor, "m d"], seed: int = 0) -> dict[str, Value]:
    """Every measure of two sets of features, with its 95 % interval where one is cheap."""
    kernel = kid(real, fake, torch.Generator().manual_seed(seed))
    near = neighbourhood(real, fake, NEIGHBOURS, NEIGHBOURS_DENSITY)
    density = float(near.density.mean())
    spread = Z * float(near.density.std()) / sqrt(len(fake))
    return {
        "frechet": Value(frechet(Statistics.of(real), Statistics.of(fake))),
        "kid": Value(kernel.value, kernel.value - Z * kernel.error, kernel.value + Z * kernel.error),
        "precision": share(near.precise),
        "recall": share(near.recalled),
        "density": Value(density, max(0.0, density - spread), density + spread),
        "coverage": share(near.covered),
    }


def share(hits: Tensor) -> Value:
    return Value(float(hits.double().mean()), *wilson(float(hits.sum()), len(hits)))


def details(real: int, fake: int, dim: int) -> dict[str, str]:
    """What moves each number, beside the extractor and the counts."""
    subset = min(1000, min(real, fake) // 2)
    gaussian = "Gaussians with unbiased covariances, float64"
    if min(real, fake) <= dim:
        gaussian += f", fewer pictures than the {dim} dimensions (compare at equal counts only)"
    held = "95 % Wilson interval with the other set held fixed"
    return {
        "frechet": gaussian,
        "kid": f"cubic kernel, unbiased, 100 subsets of {subset}; 95 % interval by the delete-d jackknife",
        "precision": f"k={NEIGHBOURS}; {held}",
        "recall": f"k={NEIGHBOURS}; {held}",
        "density": f"k={NEIGHBOURS_DENSITY}; 95 % normal interval with the real set held fixed",
        "coverage": f"k={NEIGHBOURS_DENSITY}; {held}",
    }


def nearest(queries: np.ndarray, bank: Pictures, k: int = 3, *, extractor: Extractor | None = None) -> Tensor:
    """Which k pictures of the bank each query is closest to in feature space, nearest first: (n, k) int64."""
    chosen = extractor or features.default(side(queries)[0])
    return nearest_rows(chosen(queries), features.gather(bank, chosen, keep=True), k)[1]


def cheap(real: np.ndarray, fake: np.ndarray) -> tuple[str, float]:
    """Name and value of what a run watches while it trains: a Fréchet distance on few, fast features. Lower is better.
    The extractor is `features.cheap()`; it orders the looks of one run and says nothing about another."""
    extractor = features.cheap()
    value = frechet(Statistics.of(features.of(real, extractor)), Statistics.of(extractor(fake)))
    return f"frechet_cheap_{size_name(len(fake))}", value
