"""Translations of a whole test part, for recipes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from reverie.metrics.translation import bleu, chrf, exact, language
from reverie.recipes.likelihood import held_out
from reverie.tasks.sequences import written

if TYPE_CHECKING:
    from reverie.training.run import Run


def measure(run: Run) -> Mapping[str, Any]:
    """Corpus BLEU of every held-out sentence, cased and detokenised, with chrF, nats a token, and what sacreBLEU signs
    it with."""
    items = run.prepared.held_out
    index = torch.arange(len(items))
    begun = time.monotonic()
    said = written(run, items, index)
    seconds = time.monotonic() - begun
    (source, _), (target, _) = run.spec.only, run.spec.predicted
    raw = items.raw(index)
    truth = [pair[target] for pair in raw]
    whole = bleu(said, truth, [pair[source] for pair in raw], language(run.codec))
    letters = chrf(said, truth)
    return {
        "value": whole.value,
        "unit": "BLEU, cased and detokenised",
        "low": whole.low,
        "high": whole.high,
        "source_copied": whole.reference,
        "chrf": letters.value,
        "exact_match": exact(said, truth).value,
        "nats_a_token": held_out(run, draws=1)["nats_a_unit"],
        "sentences": len(truth),
        "translating_seconds": round(seconds, 1),
        "protocol": [whole.protocol, letters.protocol],
    }
