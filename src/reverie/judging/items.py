"""Which items are judged, and how they come: block by block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from reverie.core import Items, Model
from reverie.tasks.sample import draw, items
from reverie.training.seeds import reseed
from reverie.training.stream import Stream
from reverie.training.trainer import finished

if TYPE_CHECKING:
    from reverie.training.run import Run

BLOCK = 512  # items at a time: bounds memory


def spread(count: int, wanted: int) -> Tensor:
    """Evenly spaced, all where there are fewer: sets are often sorted by class."""
    taken = min(count, wanted)
    return torch.arange(taken) * (count - 1) // max(1, taken - 1)  # in integers: float32 would take some twice


def raw(source: Items, index: Tensor) -> Iterator[Any]:
    for part in torch.split(index, BLOCK):
        yield source.raw(part)


def drawn(run: Run, count: int, seed: int) -> Iterator[Any]:
    """Samples of the run, with its model's own sampling options."""
    for first in range(0, count, BLOCK):
        yield draw(run, min(BLOCK, count - first), seed=seed, first=first)


def untrained(run: Run) -> Model:
    """The model as its first step saw it, finished as every model is before it is sampled."""
    plan = run.info["plan"]
    reseed(plan["seed"], "model")
    model = run.new_model().to(run.device)
    stream = Stream(run.prepared.train, plan["batch"], plan["seed"], plan["shards"])
    return finished(model.requires_grad_(False), stream, plan["seed"], run.device)


def drawn_untrained(run: Run, count: int, seed: int) -> Iterator[Any]:
    model, how = untrained(run), run.sampling() if run.sampling else None
    for first in range(0, count, BLOCK):
        yield items(model, run.spec, run.codec, min(BLOCK, count - first), seed=seed, how=how, first=first)
