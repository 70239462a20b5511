"""What keeps a design varied: molecules that were found already count no more, nor does a scaffold of which many were
found. Blaschke, Engkvist, Bajorath & Chen 2020, "Memory-assisted reinforcement learning for diverse molecular de novo
design", by identical Murcko scaffolds, as REINVENT 2.0 has it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

ROOM = 25  # molecules of one scaffold that count
WORTH = 0.4  # score from which on a molecule is kept


class Memory:
    """Molecules with their scaffolds. `scaffold`: of a canonical SMILES."""

    def __init__(self, scaffold: Callable[[str], str], room: int = ROOM, worth: float = WORTH):
        self.scaffold, self.room, self.worth = scaffold, room, worth
        self.found: dict[str, str] = {}
        self.counts: Counter[str] = Counter()

    def __call__(self, names: Sequence[str | None], scores: Sequence[float]) -> list[float]:
        """Scores after what is remembered, in order: 0 of what was found before, and of one whose scaffold is full.
        What is worth it is kept."""
        return [self.one(name, score) if name is not None else 0.0 for name, score in zip(names, scores)]

    def one(self, name: str, score: float) -> float:
        if name in self.found:
            return 0.0
        if score < self.worth:
            return score
        scaffold = self.scaffold(name)
        self.found[name] = scaffold
        self.counts[scaffold] += 1
        return score if self.counts[scaffold] <= self.room else 0.0

    def state(self) -> dict[str, Any]:
        return {"names": list(self.found), "scaffolds": list(self.found.values())}

    def load(self, state: Mapping[str, Any]) -> None:
        self.found = dict(zip(state["names"], state["scaffolds"]))
        self.counts = Counter(self.found.values())
