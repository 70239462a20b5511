"""How varied texts are: the share of different runs of words, at one common length."""

from __future__ import annotations

from reverie.metrics import Metric

from . import distinct, trimmed
from .seen import Seen

WORDS = (1, 2, 3)  # n of distinct-n


def measure(seen: Seen) -> list[Metric]:
    """The floor is what held-out text scores."""
    words = min(sum(len(text.split()) for text in texts) for texts in (seen.real, seen.fake))
    out = []
    for n in WORDS:
        if words < 2 * n:
            continue
        varied, floor = (distinct(trimmed(texts, words), n) for texts in (seen.fake, seen.real))
        start = f"first {words} words of samples; different runs of {n} words over all, within a sample"
        protocol = f"{start}; floor: {seen.sets.what} text of that length (higher is not better)"
        out.append(Metric(f"distinct_{n}", varied, "share", len(seen.fake), protocol, floor=floor))
    return out
