"""Sequences that a model writes, as the data has them: translations as sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from reverie.core import Items
from reverie.kinds import Unseen
from reverie.kinds.find import module
from reverie.metrics.translation import bleu, chrf, language

from .predictor import predictor

if TYPE_CHECKING:
    from reverie.training.run import Run

BLOCK = 100  # items at a time


@torch.inference_mode()
def written(run: Run, items: Items, index: Tensor) -> list[str]:
    """What the model writes for the items at index (N,). Those of like length go together, which is quicker, and come
    back in order. Raises Problem."""
    model, (source, _), (target, _) = predictor(run), run.spec.only, run.spec.predicted
    lengths = torch.cat([items.take(part).lengths[source] for part in torch.split(index, BLOCK)])
    order = lengths.argsort(descending=True, stable=True)
    said = [""] * len(index)
    for part in torch.split(order, BLOCK):
        tokens = model.predict(items.take(index[part]).to(run.device)).cpu()
        for place, row in zip(part.tolist(), run.codec.decode({target: tokens})):
            said[place] = row[target]
    return said


def columns(run: Run, unseen: Unseen) -> tuple[dict[str, list[Any]], list[str]]:
    """A row an item: its name, what was read, what is written and, where the files say it, the truth; and notes."""
    index = torch.arange(len(unseen.items))
    (source, _), (target, _) = run.spec.only, run.spec.predicted
    raw: Sequence[Mapping[str, str]] = unseen.items.raw(index)
    said = written(run, unseen.items, index)
    word = module(run.spec.kind).TARGETS[0]  # what a person calls the answer: "translation"
    made: dict[str, list[Any]] = {"item": list(unseen.names), source: [row[source] for row in raw], word: said}
    if not unseen.truth:
        return made, []
    truth = [row[target] for row in raw]
    made["truth"] = truth
    found = [bleu(said, truth, language=language(run.codec)), chrf(said, truth)]
    values = ", ".join(
        f"{name} {m.value:.1f} ({m.low:.1f} to {m.high:.1f})" for name, m in zip(("BLEU", "chrF"), found)
    )
    return made, [f"the files say the answers: {values} of 100 on {len(truth):,}"]
