"""A run's codes of items, and items of codes: what every task of an autoencoder begins with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from reverie.core import Batch, Conditioned, Items
from reverie.errors import Problem
from reverie.kinds import PREDICTED, Unseen

from .fresh import read

if TYPE_CHECKING:
    from reverie.training.run import Run

BLOCK = 64  # items that a network always sees at once, the last block filled up: a code hangs on no neighbour


def able(run: Run, *abilities: str) -> Any:
    """Its model. Raises Problem, with a cure, where it lacks one of the abilities."""
    lacks = [name for name in abilities if name not in run.family.abilities]
    if lacks:
        raise Problem(f"{run.path}: {run.family.name} can't {lacks[0]}. `reverie models` says which models can")
    return run.model


def files(run: Run, places: Sequence[str]) -> Unseen:
    """Items of files, folders or named sets as the run's codec takes them, in their order. Raises Problem."""
    if not places:
        raise Problem("no items. Name files or folders after the run")
    if run.spec.kind not in PREDICTED:
        raise Problem(f"{run.path}: {run.spec.kind} has no items of its own. Name a run of another kind")
    return read(run, places)


def blocks(items: Items, size: int = BLOCK) -> Iterator[tuple[Batch, int]]:
    """All items in order, so many at a time, and how many of each block count."""
    for first in range(0, len(items), size):
        kept = min(size, len(items) - first)
        index = torch.arange(first, first + size).clamp(max=len(items) - 1)
        yield items.take(index), kept


def told(model: Any) -> tuple[str, ...]:
    """What the code of an item, and its score, hang on beside the item."""
    return model.conditions if isinstance(model, Conditioned) and model.codes_told else ()  # type: ignore[attr-defined]


@torch.inference_mode()
def encoded(run: Run, items: Items) -> Tensor:
    """The code of each item: (N, latents). Raises Problem where the model has no codes, or where they hold a label that
    the items don't say."""
    model = able(run, "encode")
    first = items.take(torch.zeros(1, dtype=torch.long))
    lacks = [name for name in told(model) if name not in first.values]
    if lacks:
        raise Problem(f"{run.path}: a code holds its item's {lacks[0]}, which these don't say. Give a folder a class")
    return torch.cat([model.encode(batch.to(run.device))[:kept].cpu() for batch, kept in blocks(items)])


def decoded(run: Run, codes: Tensor) -> dict[str, Tensor]:
    """The fields of the item of each code (N, latents). Raises Problem where the model makes none of them."""
    model = able(run, "decode")
    return made(codes, lambda index: model.decode(codes[index].to(run.device)))


@torch.inference_mode()
def made(codes: Tensor, make: Callable[[Tensor], Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The fields that `make` gives for the places of BLOCK codes, of all codes, on the CPU."""
    found = []
    for first in range(0, len(codes), BLOCK):
        index = torch.arange(first, first + BLOCK).clamp(max=len(codes) - 1)
        kept = min(BLOCK, len(codes) - first)
        found.append({name: value[:kept].cpu() for name, value in make(index).items()})
    return {name: torch.cat([block[name] for block in found]) for name in found[0]}
