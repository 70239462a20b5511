"""How varied sentences are: different runs of words, and how many say the same."""

from __future__ import annotations

from collections.abc import Sequence

from reverie import metrics
from reverie.metrics import Metric, size_name, wilson
from reverie.metrics.text import variety
from reverie.metrics.text.seen import Seen


def measure(seen: Seen) -> list[Metric]:
    """The floor is what held-out sentences score."""
    count = min(len(seen.fake), len(seen.real))
    if count < 2:
        return []
    value, floor = (repeated(texts[:count]) for texts in (seen.fake, seen.real))
    low, high = wilson(value * count, count)
    protocol = f"share of the first {count} samples that say what another of them says; floor: of as many "
    protocol += f"{seen.sets.what} ones"
    same = Metric(f"repeats_{size_name(count)}", value, "share", count, protocol, low, high, floor)
    return [*variety.measure(seen), same]


def repeated(texts: Sequence[str]) -> float:
    """Share of texts of which there are two or more."""
    return metrics.repeated(" ".join(text.split()) for text in texts) / len(texts) if texts else 0.0
