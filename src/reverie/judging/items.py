"""Which items are judged, and how they come: from where they are kept, or drawn once and held."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from reverie.core import Conditioned, Items, Model
from reverie.metrics import BLOCK, Rows
from reverie.shown import shown
from reverie.tasks.sample import classes_of, items, joined, options
from reverie.training.seeds import reseed
from reverie.training.stream import Stream
from reverie.training.trainer import finished

if TYPE_CHECKING:
    from reverie.training.run import Run

HELD = 2**29  # bytes of samples that are kept in memory; more are kept in a file while they are judged


def spread(count: int, wanted: int) -> Tensor:
    """Evenly spaced, all where there are fewer: sets are often sorted by class."""
    taken = min(count, wanted)
    return torch.arange(taken) * (count - 1) // max(1, taken - 1)  # in integers: float32 would take some twice


class Parts:
    """Sets of items, one after the other."""

    def __init__(self, sets: Sequence[Items]):
        self.sets = sets
        self.ends = torch.tensor([0, *(len(one) for one in sets)]).cumsum(0)

    def __len__(self) -> int:
        return int(self.ends[-1])

    def raw(self, index: Tensor) -> Any:
        """In the order of the index, which does not fall."""
        cut = [index[(index >= a) & (index < b)] - a for a, b in pairwise(self.ends.tolist())]
        return joined([one.raw(part) for one, part in zip(self.sets, cut) if len(part)])


class Served:
    """Some items of a set, raw, from where they are kept."""

    def __init__(self, source: Items | Parts, index: Tensor):
        self.source, self.index = source, index

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, index: np.ndarray) -> Any:
        return self.source.raw(self.index[torch.from_numpy(np.asarray(index, np.int64))])

    def labels(self) -> np.ndarray | None:
        """Their classes (N,), where they have classes."""
        assert not isinstance(self.source, Parts)
        found = [self.source.take(part).values.get("label") for part in torch.split(self.index, BLOCK)]
        return None if not found or found[0] is None else torch.cat(found).numpy()  # type: ignore[arg-type]


@runtime_checkable
class Further(Protocol):
    """Held-out items that come with further sets to judge by."""

    beside: Mapping[str, Items]


def further(held_out: Items, count: int) -> dict[str, Rows]:
    """Those sets by their names, thinned to so many items each."""
    found = held_out.beside if isinstance(held_out, Further) else {}
    return {name: Served(one, spread(len(one), count)) for name, one in found.items()}


class Listed(list[Any]):
    """Texts, taken by an array of numbers."""

    def __getitem__(self, index: Any) -> Any:
        one = super().__getitem__
        return [one(int(i)) for i in index] if isinstance(index, np.ndarray) else one(index)


def held(draw: Callable[[int, int], Any], count: int) -> Rows:
    """Items 0 … count - 1 of what `draw(first, number)` makes: in memory, or in a file without a name where they are
    many."""
    parts = in_parts(draw, count)
    first = next(parts)
    if not isinstance(first, np.ndarray):
        return Listed([*first, *(one for part in parts for one in part)])
    shape = (count, *first.shape[1:])
    whole: np.ndarray
    if first[0].nbytes * count <= HELD:
        whole = np.empty(shape, first.dtype)
    else:
        with tempfile.TemporaryFile() as file:  # freed by the system with the array
            whole = np.memmap(file, first.dtype, "w+", shape=shape)
    whole[: len(first)], at = first, len(first)
    for part in parts:
        whole[at : at + len(part)] = part
        at += len(part)
    return whole


def in_parts(draw: Callable[[int, int], Any], count: int) -> Iterator[Any]:
    with shown(count, "samples") as advance:
        for first in range(0, count, BLOCK):
            size = min(BLOCK, count - first)
            yield draw(first, size)
            advance(size)


def drawn(run: Run, count: int, seed: int, how: Mapping[str, Any] | None = None) -> Rows:
    """Samples of the run, with its model's own sampling options but those in `how`."""
    return held(made_by(run, run.model, options(run.sampling, how or {}), seed), count)


def made_by(run: Run, model: Model, how: Any, seed: int) -> Callable[[int, int], Any]:
    """Draws items of a model with classes as often as the run's training items have them."""
    like = run.prepared.train if asks(run) else None

    def some(first: int, size: int) -> Any:
        return items(model, run.spec, run.codec, size, seed=seed, how=how, first=first, like=like)

    return some


def asks(run: Run) -> bool:
    """Is its model told a class?"""
    return isinstance(run.model, Conditioned) and "label" in run.model.conditions and bool(run.spec.classes)


def conditions_of(run: Run, count: int, seed: int) -> np.ndarray | None:
    """The class that each of those samples was asked for, of a model that takes one."""
    if not asks(run):
        return None
    parts = [range(k, min(k + BLOCK, count)) for k in range(0, count, BLOCK)]
    return torch.cat([classes_of(run.prepared.train, part, seed) for part in parts]).numpy()


def untrained(run: Run) -> Model:
    """The model as its first step saw it, finished as every model is before it is sampled."""
    plan = run.info["plan"]
    reseed(plan["seed"], "model")
    model = run.new_model().to(run.device)
    stream = Stream(run.prepared.train, plan["batch"], plan["seed"], plan["shards"])
    return finished(model.requires_grad_(False), stream, plan["seed"], run.device)


def drawn_untrained(run: Run, count: int, seed: int) -> Rows:
    return held(made_by(run, untrained(run), run.sampling() if run.sampling else None, seed), count)
