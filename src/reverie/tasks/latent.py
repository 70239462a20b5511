"""Points of the spaces that a run's samples come from: those of samples, and the items of points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from reverie.core import Conditioned, Latents, Samples
from reverie.errors import Problem
from reverie.training.seeds import generator

from .codes import BLOCK, made
from .sample import conditions, options

if TYPE_CHECKING:
    from reverie.training.run import Run


def space_of(run: Run, space: str = "") -> str:
    """The space asked for, else the model's last, which lies nearest to its items. Raises Problem, with a cure, where
    the model has none, or not that one."""
    if not isinstance(run.model, Latents):
        raise Problem(f"{run.path}: {run.family.name}'s samples come from no code. `reverie models` says whose do")
    known = tuple(run.model.spaces)
    if space and space not in known:
        raise Problem(f"--space {space}: {run.family.name} has no such space. There are: {', '.join(known)}")
    return space or known[-1]


@torch.inference_mode()
def points(
    run: Run, numbers: Sequence[int], seed: int, space: str, label: int | None = None
) -> tuple[Tensor, dict[str, Tensor]]:
    """Codes (N, latents) of samples of these numbers, and the classes that they are drawn with: of a model that takes
    none, none."""
    model, how = run.model, options(run.sampling, {})
    takes = model.conditions if isinstance(model, Conditioned) else ()
    assert isinstance(model, Samples) and isinstance(model, Latents)  # noqa: PT018
    found, told = [], []
    for first in range(0, len(numbers), BLOCK):
        part = [numbers[min(i, len(numbers) - 1)] for i in range(first, first + BLOCK)]
        kept = min(BLOCK, len(numbers) - first)
        noise = torch.stack([model.noise(generator(seed, "item", i), how) for i in part]).to(run.device)
        drawn = conditions(run.spec, part, seed, label, run.device)
        given = {name: value for name, value in drawn.items() if name in takes}
        found.append(model.placed(noise, given, how, space)[:kept].cpu())
        told.append({name: value[:kept].cpu() for name, value in given.items()})
    return torch.cat(found), {name: torch.cat([one[name] for one in told]) for name in told[0]}


def items_of(run: Run, codes: Tensor, given: Mapping[str, Tensor], space: str) -> dict[str, Tensor]:
    """The fields of the item of each code (N, latents), block by block: an item hangs on no neighbour."""

    def make(index: Tensor) -> dict[str, Tensor]:
        told = {name: value[index].to(run.device) for name, value in given.items()}
        found: dict[str, Tensor] = run.model.generated(codes[index].to(run.device), told, space)  # type: ignore[operator]
        return found

    return made(codes, make)


def called(run: Run, labels: Tensor) -> list[str]:
    """The names of classes."""
    names = run.spec.condition["label"].names or tuple(map(str, range(run.spec.classes)))
    return [names[k] for k in labels.tolist()]


def among(given: Mapping[str, Tensor], index: Any) -> dict[str, Tensor]:
    """The classes of some of the points."""
    return {name: value[index] for name, value in given.items()}
