"""Do the windows go on as the data's do? Values, autocorrelation, spectrum, and channels together."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from reverie.metrics import Metric, Z, size_name

from .apart import autocorrelation, marginal, spectra, together
from .seen import Seen

Statistic = Callable[[np.ndarray], np.ndarray]
GROUPS = 10  # that a jackknife leaves out in turn


class Measure(NamedTuple):
    name: str
    unit: str
    how: str
    apart: Callable[[np.ndarray, np.ndarray], float]


def between(statistic: Statistic, half: bool = False) -> Callable[[np.ndarray, np.ndarray], float]:
    """The mean absolute difference; `half` the sum over the first axis, of shares: the total variation distance."""

    def apart(real: np.ndarray, fake: np.ndarray) -> float:
        found = np.abs(statistic(real) - statistic(fake))
        if not found.size:
            return 0.0
        return float(found.sum(0).mean() / 2) if half else float(found.mean())

    return apart


MEASURES = (
    Measure(
        "marginals", "deviations", "Wasserstein distance of a channel's values in deviations of the real ones",
        lambda real, fake: float(marginal(real, fake).mean()),
    ),
    Measure("autocorrelation", "correlation", "difference of a channel's autocorrelations", between(autocorrelation)),
    Measure("spectrum", "share", "total variation distance of a channel's mean power spectra", between(spectra, True)),
    Measure("channels", "correlation", "difference of the correlations of two channels", between(together)),
)  # fmt: skip


def measure(seen: Seen) -> list[Metric]:
    """The floor is what training windows score in the samples' place, the reference what the untrained model's do."""
    if not seen.enough:
        return []
    count, channels, length = len(seen.fake), seen.fake.shape[2], seen.fake.shape[1]
    later, out = ", which are later and overlap" if seen.sets.what == "held-out" else "", []
    for one in MEASURES:
        if (one.name == "channels" and channels < 2) or (one.name in ("autocorrelation", "spectrum") and length < 2):
            continue
        value, floor = one.apart(seen.real, seen.fake), one.apart(seen.real, seen.train)
        reference = None if seen.untrained is None else one.apart(seen.real, seen.untrained)
        width = spread(one, seen.real, seen.fake)
        low, high = (None, None) if width is None else (max(0.0, value - width), value + width)
        protocol = f"{one.how}, on average; {count} samples of {length} rows against {len(seen.real)} {seen.sets.what} "
        protocol += f"windows{later}; 95 % by a grouped jackknife of the samples"
        name = f"{one.name}_{size_name(count)}"
        out.append(Metric(name, value, one.unit, count, protocol, low, high, floor, reference))
    return out


def spread(one: Measure, real: np.ndarray, fake: np.ndarray) -> float | None:
    """Half a 95 % interval, of other samples."""
    if len(fake) < 2 * GROUPS:
        return None
    group = np.arange(len(fake)) % GROUPS
    found = np.array([one.apart(real, fake[group != g]) for g in range(GROUPS)])
    return Z * float(np.sqrt((GROUPS - 1) / GROUPS * np.square(found - found.mean()).sum()))
