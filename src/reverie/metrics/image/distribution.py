"""Do the samples, as a whole, look like the data? Fréchet distance, kernel distance, precision, recall, density and
coverage on the features of a named extractor."""

from __future__ import annotations

from math import sqrt
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from reverie.metrics import Metric, Z, size_name, wilson
from reverie.metrics.distances import Statistics, frechet, frechet_error, kid, ordered
from reverie.metrics.features import LIMIT, Streamed
from reverie.metrics.neighbours import Neighbourhood, neighbourhood

from .seen import NEIGHBOURS, NEIGHBOURS_DENSITY, Seen

UNITS = {"frechet": "squared feature distance", "kid": "squared MMD", "density": "real balls a sample, over k"}


class Value(NamedTuple):
    value: float
    low: float | None = None
    high: float | None = None


def measure(seen: Seen) -> list[Metric]:
    """Of generated pictures against held-out real ones. The floor is what training pictures score in their place, the
    reference what the untrained model's do. Empty where there are fewer than 6 pictures on a side."""
    if not seen.enough:
        return []
    real, fake, train, untrained = seen.all_real, seen.all_fake, seen.all_train, seen.all_untrained
    values = measures(real, fake, seen.sets.seed, seen.near)
    floor = None if train is None else measures(real, train, seen.sets.seed)
    reference = None if untrained is None else measures(real, untrained, seen.sets.seed)
    count, against = fake.statistics.count, real.statistics.count
    notes = "" if train is None else f"; floor: {train.statistics.count} training pictures in their place"
    notes += "" if untrained is None else f"; reference: {untrained.statistics.count} of the untrained model"
    start = f"{seen.extractor.name}; {count} generated against {against} {seen.sets.what}"
    protocols = details(against, count, seen.extractor.dim)
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


def measures(real: Streamed, fake: Streamed, seed: int = 0, known: Neighbourhood | None = None) -> dict[str, Value]:
    """Every measure of two sets, with its 95 % interval. The Fréchet distance is of all items, the others are of those
    whose features were kept."""
    kernel = kid(ordered(real.kept), ordered(fake.kept), torch.Generator().manual_seed(seed))
    near = known or neighbourhood(real.kept, fake.kept, NEIGHBOURS, NEIGHBOURS_DENSITY)
    density = float(near.density.mean())
    spread = Z * float(near.density.std()) / sqrt(len(fake.kept))
    return {
        "frechet": distance(real.statistics, fake),
        "kid": Value(kernel.value, kernel.value - Z * kernel.error, kernel.value + Z * kernel.error),
        "precision": share(near.precise),
        "recall": share(near.recalled),
        "density": Value(density, max(0.0, density - spread), density + spread),
        "coverage": share(near.covered),
    }


def distance(real: Statistics, fake: Streamed) -> Value:
    """Fréchet's, with an interval of its spread."""
    value, half = frechet(real, fake.statistics), Z * frechet_error(real, fake.kept, fake.statistics)
    return Value(value, max(0.0, value - half), value + half)


def against(seen: Seen, file: Path) -> Metric:
    """The Fréchet distance alone, which is all that kept statistics can tell. Raises Problem where they are not of the
    same extractor, and where the file holds none."""
    real, fake, train = Statistics.load(file, seen.extractor.name), seen.all_fake, seen.all_train
    found, count = distance(real, fake), fake.statistics.count
    how = f"{seen.extractor.name}; {count} generated against the {real.count} pictures of {file.name}"
    how += f" ({real.source})" if real.source else ""
    how += f"; floor: {train.statistics.count} training pictures in their place" if train else ""
    floor = frechet(real, train.statistics) if train else None
    return Metric(
        f"frechet_{size_name(count)}", found.value, UNITS["frechet"], count, how, found.low, found.high, floor
    )


def share(hits: Tensor) -> Value:
    return Value(float(hits.double().mean()), *wilson(float(hits.sum()), len(hits)))


def details(real: int, fake: int, dim: int) -> dict[str, str]:
    """What moves each number, beside the extractor and the counts."""
    subset = min(1000, min(real, fake) // 2)
    gaussian = "Gaussians with unbiased covariances, float64; 95 % interval by the delta method: of its spread over "
    gaussian += "samples, not of the bias that few have"
    if min(real, fake) <= dim:
        gaussian += f", fewer pictures than the {dim} dimensions (compare at equal counts only)"
    held = "95 % Wilson interval with the other set held fixed"
    held += f"; of {LIMIT}, evenly spaced" if max(real, fake) > LIMIT else ""
    return {
        "frechet": gaussian,
        "kid": f"cubic kernel, unbiased, 100 subsets of {subset}; 95 % interval by the delete-d jackknife",
        "precision": f"k={NEIGHBOURS}; {held}",
        "recall": f"k={NEIGHBOURS}; {held}",
        "density": f"k={NEIGHBOURS_DENSITY}; 95 % normal interval with the real set held fixed",
        "coverage": f"k={NEIGHBOURS_DENSITY}; {held}",
    }
