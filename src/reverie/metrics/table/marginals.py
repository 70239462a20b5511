"""Is each column by itself like the data's?"""

from __future__ import annotations

from functools import partial

from reverie.metrics import Metric, size_name

from .apart import columns, dealt, half, mean, without
from .frame import Frame
from .seen import Seen

SHOWN = 20  # columns that have numbers of their own, at most
WORST = 3  # that are named


def measure(seen: Seen) -> list[Metric]:
    """The mean over columns, and each column. The floor is what training rows score in the samples' place, the
    reference what the untrained model's do."""
    if not seen.enough:
        return []
    found = columns(seen.real, seen.fake)
    floor, reference = (None if side is None else columns(seen.real, side) for side in (seen.train, seen.untrained))
    count = len(seen.fake)
    value, width = mean(found), half(without(seen.fake, dealt(count), partial(whole, seen.real)))
    worst = ", ".join(f"{name} {found[name]:.3g}" for name in sorted(found, key=lambda name: -found[name])[:WORST])
    how = "numbers: Wasserstein distance in deviations of the real ones; words and gaps: total variation distance"
    protocol = f"{how}; mean of {len(found)} columns; {count} samples against {len(seen.real)} {seen.sets.what} rows"
    protocol += f"; worst: {worst}; 95 % by a grouped jackknife of the samples"
    out = [
        Metric(
            f"marginals_{size_name(count)}", value, "deviations or shares", count, protocol,
            None if width is None else max(0.0, value - width), None if width is None else value + width,
            None if floor is None else mean(floor), None if reference is None else mean(reference),
        )
    ]  # fmt: skip
    words = set(seen.form.words)
    for name, x in list(found.items())[:SHOWN]:
        unit = "share" if name in words or name not in seen.form.numbers else "deviations"
        usual = None if floor is None else floor.get(name)
        out.append(Metric(f"marginal[{name}]", x, unit, count, f"{how}; one column", floor=usual))
    return out


def whole(real: Frame, fake: Frame) -> float:
    return mean(columns(real, fake))
