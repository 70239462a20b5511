"""Are the windows varied, and new, or training windows once more?

Held-out windows are later ones, and overlap. So no test asks whether samples lean to the training windows: a series
that has moved on would be accused. What is counted are exact copies, beside those that held-out windows are by chance,
as in a series that repeats itself."""

from __future__ import annotations

from math import ceil, sqrt

import numpy as np
from scipy.stats import fisher_exact
from torch import Tensor

from reverie.metrics import Metric, size_name, wilson
from reverie.metrics.neighbours import apart

from .seen import Seen

SAME = 0.03  # root mean squared difference of a copy, in deviations


def measure(seen: Seen) -> list[Metric]:
    if not len(seen.fake) or not len(seen.bank):
        return []
    out = [copies(seen)]
    if not seen.enough:
        return out
    count, usual = len(seen.fake), float(seen.usual.median())
    if usual:
        protocol = f"median distance of a sample to its nearest of {len(seen.bank):,} training windows over that of a "
        protocol += f"{seen.sets.what} window"
        ratio, name = float(seen.near[0].median()) / usual, f"training_distance_{size_name(count)}"
        out.append(Metric(name, ratio, "of held-out", count, protocol, reference=1.0))
    return [spread(seen), *out]


def copied(distance: Tensor, size: int) -> int:
    """How many distances are those of copies, of windows of `size` numbers."""
    return int((distance <= SAME * sqrt(size)).sum())


def copies(seen: Seen) -> Metric:
    """Share of samples that are a training window again. Of the held-out windows, as many count in the test as lie side
    by side: a T-th."""
    count, length, size = len(seen.fake), seen.fake.shape[1], int(np.prod(seen.fake.shape[1:]))
    hits, usual = copied(seen.near[0], size), copied(seen.usual, size) if len(seen.real) else 0
    honest, apiece = len(seen.real), max(1, length)
    table = [[hits, count - hits], [ceil(usual / apiece), (honest - usual) // apiece]]
    p = float(fisher_exact(table, alternative="greater").pvalue) if honest else None
    protocol = f"{count} samples beside {len(seen.bank):,} training windows; a copy differs by at most {SAME:.0%} of a "
    protocol += f"deviation, root mean square; floor: of {honest} {seen.sets.what} windows; p: Fisher's exact test, "
    protocol += f"one-sided, of these a {apiece}th, as they overlap"
    low, high = wilson(hits, count)
    name, floor = f"copies_exact_{size_name(count)}", usual / honest if honest else None
    return Metric(name, hits / count, "share", count, protocol, low, high, floor, p=p)


def spread(seen: Seen) -> Metric:
    """Mean distance of two samples, over that of two held-out windows."""
    usual, count = apart(seen.flat(seen.real)), len(seen.fake)

    def share(windows: np.ndarray | None) -> float | None:
        return None if windows is None or not len(windows) else apart(seen.flat(windows)) / usual if usual else 0.0

    value = share(seen.fake)
    assert value is not None
    protocol = f"mean distance of two of {count} samples over that of two of {len(seen.real)} {seen.sets.what} windows"
    protocol += "; floor: training windows; reference: the untrained model's"
    floor, reference = share(seen.train), share(seen.untrained)
    return Metric(f"spread_{size_name(count)}", value, "of held-out", count, protocol, floor=floor, reference=reference)
