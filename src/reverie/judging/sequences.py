"""How good the sequences are that a run writes for held-out items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from reverie.metrics import Metric
from reverie.metrics.translation import bleu, chrf, closeness, exact, language
from reverie.tasks.sequences import written

if TYPE_CHECKING:
    from reverie.training.run import Run

ITEMS = 2_000  # held-out items where nobody says: a search over sequences is slow


def of_sequences(run: Run, index: Tensor, hardest: int) -> tuple[list[Metric], list[tuple[str, str, str]]]:
    """The measures; and of those that are furthest from the truth, by the chrF of each alone, what was read, what was
    written, what is true."""
    held_out, (source, _), (name, _) = run.prepared.held_out, run.spec.only, run.spec.predicted
    raw = held_out.raw(index)
    read, truth = ([pair[side] for pair in raw] for side in (source, name))
    found = written(run, held_out, index)
    near = [closeness(a, b) for a, b in zip(found, truth)]
    worst = sorted(range(len(near)), key=near.__getitem__)[:hardest]
    metrics = [bleu(found, truth, read, language(run.codec)), chrf(found, truth, read), exact(found, truth)]
    return metrics, [(read[i], found[i], truth[i]) for i in worst]
