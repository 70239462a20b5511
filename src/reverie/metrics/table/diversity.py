"""Are the rows varied? How far apart they lie, and how many repeat another."""

from __future__ import annotations

from reverie.metrics import Metric, size_name, wilson
from reverie.metrics.neighbours import apart

from .frame import Frame, single
from .seen import Seen


def measure(seen: Seen) -> list[Metric]:
    return [spread(seen), repeats(seen)] if seen.enough else []


def spread(seen: Seen) -> Metric:
    """Mean distance of two samples, over that of two held-out rows."""
    usual, count = apart(seen.real.vectors()), len(seen.fake)

    def share(side: Frame | None) -> float | None:
        return None if side is None else apart(side.vectors()) / usual if usual else 0.0

    value = share(seen.fake)
    assert value is not None
    protocol = f"mean distance of two of {count} samples over that of two of {len(seen.real)} {seen.sets.what} rows: "
    protocol += "numbers in deviations, 1 for a word that differs; floor: training rows; reference: untrained model"
    floor, reference = share(seen.train), share(seen.untrained)
    return Metric(f"spread_{size_name(count)}", value, "of held-out", count, protocol, floor=floor, reference=reference)


def repeats(seen: Seen) -> Metric:
    """Share of samples that stand among as many others word for word; the floor is that of held-out rows."""
    count = min(len(seen.real), len(seen.fake))
    found, usual = (int((~single(side[:count])).sum()) for side in (seen.fake, seen.real))
    protocol = f"the first {count} samples, each among the others; floor: of {count} {seen.sets.what} rows"
    low, high = wilson(found, count)
    return Metric(f"repeats_{size_name(count)}", found / count, "share", count, protocol, low, high, usual / count)
