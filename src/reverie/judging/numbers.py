"""Metrics by name, as a verdict asks for them."""

from __future__ import annotations

from collections.abc import Sequence

from reverie.metrics import Metric


class Numbers:
    """Metrics by the first part of their names."""

    def __init__(self, metrics: Sequence[Metric]):
        self.all = list(metrics)

    def find(self, start: str) -> Metric | None:
        """frechet -> frechet_2k; not nearer_training_pixels_2k for nearer_training."""
        return next((m for m in self.all if m.name == start or stem(m.name) == start), None)

    def each(self, start: str) -> dict[str, Metric]:
        """share -> {class: share[class]}."""
        return {m.name[len(start) + 1 : -1]: m for m in self.all if m.name.startswith(f"{start}[")}


def stem(name: str) -> str:
    """Without the sample size at its end."""
    head, _, tail = name.rpartition("_")
    return head if tail[:1].isdigit() else name
