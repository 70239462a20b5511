"""Measures of music: a placeholder until seq-bach is merged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import log2

from torch import Tensor

SAMPLES, LEAST = 200, 20


def cheap(real: Sequence, fake: Sequence) -> tuple[str, float]:
    p, q = (Counter(note.pitch % 12 for piece in pieces for note in piece.notes) for pieces in (real, fake))
    if not p or not q:
        return "pitch_class_js", 1.0
    shares = [(p[k] / p.total(), q[k] / q.total()) for k in range(12)]
    return "pitch_class_js", sum(x * log2(2 * x / (a + b)) / 2 for a, b in shares for x in (a, b) if x)


def left_out(real: Sequence, fake: Sequence, groups: Sequence[Tensor]) -> list[float]:
    found = []
    for group in groups:
        gone = set(group.tolist())
        found.append(cheap(*[[one for i, one in enumerate(x) if i not in gone] for x in (real, fake)])[1])
    return found


def spread(real: Sequence, fake: Sequence) -> float:
    return 1.0
