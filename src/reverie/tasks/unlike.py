"""How unlike the items of a run's training data an item is, by each thing that its model can do.

reconstruction  what is lost when an item is encoded and decoded: of each field the mean error against what is usual
                for it, summed over the fields
return          how far its code has moved when what was decoded is encoded again
latent          how far its code lies from the nearest codes of training items
likelihood      nats a dimension or token that it costs

What is usual is learnt from training items. Held-out items decide nothing, so that they score what fresh normal items
score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from reverie.core import Batch, Conditioned, Items, Spec
from reverie.errors import Problem
from reverie.metrics.neighbours import ROWS, squared
from reverie.training.seeds import generator, reseed

from .codes import blocks
from .rebuilt import columns
from .vectors import Some

if TYPE_CHECKING:
    from reverie.training.run import Run

NEEDS = {
    "reconstruction": ("encode", "decode"),
    "return": ("encode", "decode"),
    "latent": ("encode",),
    "likelihood": ("score",),
}
BEST = ("reconstruction", "return", "latent")  # what "best" adds up; of a model without codes, its likelihood
NEAREST = 5  # codes, whose mean distance counts
SEEN = 6_000  # training items, at most, that say what is usual
APART = 6  # a sixth of them gives the scale, and none of the codes that others are compared with
DRAWS = 8  # of a likelihood that chance is in
SEED = 20_200_416
LEAST = 0.01  # of the mean usual error of all columns: what counts as usual at least, where one is rebuilt exactly
TINY = 1e-12  # below any score that is not 0: the logarithm of 0 has no scale


class Looks(NamedTuple):
    """What a model says of N items, before anything is called usual."""

    errors: Tensor | None = None  # (N, columns): mean error of each, see `rebuilt`
    moved: Tensor | None = None  # (N,): squared distance of the code, encoded again, from itself
    codes: Tensor | None = None  # (N, latents)
    nats: Tensor | None = None  # (N,), a dimension or token

    def some(self, index: Tensor) -> Looks:
        return Looks(*(None if x is None else x[index] for x in self))


@dataclass(frozen=True)
class Usual:
    """What training items say: the mean error of each column, codes to compare with, and of the logarithm of each
    part (of a likelihood the part itself) its mean and deviation."""

    errors: Tensor | None
    codes: Tensor | None
    scale: Mapping[str, tuple[float, float]]


def able(run: Run, by: str) -> tuple[str, ...]:
    """The parts of a score of that name, as this run's model has them. Raises Problem where it has none."""
    had = run.family.abilities
    has = [part for part, needs in NEEDS.items() if all(need in had for need in needs)]
    if by == "best":
        chosen = [part for part in BEST if part in has] or [part for part in has if part == "likelihood"]
    else:
        chosen = [by] if by in has else []
    if chosen:
        return tuple(chosen)
    if not has:
        raise Problem(
            f"{run.path}: {run.family.name} can neither encode items nor say how likely they are. `reverie models` "
            "says which models can"
        )
    there = ", ".join(part for part in ("reconstruction", "latent", "likelihood") if part in has)
    raise Problem(f"--by {by}: {run.family.name} has none. There is: best, {there}")


@torch.inference_mode()
def looks(run: Run, items: Items, parts: tuple[str, ...]) -> Looks:
    """Of all items, a block at a time: an item's row hangs on no other item. Where chance is in a likelihood, its draws
    go by an item's place in its block. Raises Problem."""
    model, device = run.model, run.device
    fit(run, items)
    found = []
    for batch, kept in blocks(items):
        on = batch.to(device)
        found.append([None if x is None else x[:kept].double().cpu() for x in look(run.spec, model, on, parts)])
    return Looks(*(None if x[0] is None else torch.cat(x) for x in zip(*found)))


def look(spec: Spec, model: Any, batch: Batch, parts: tuple[str, ...]) -> Looks:
    """Of a block."""
    errors = moved = codes = nats = None
    if {"reconstruction", "return", "latent"} & set(parts):
        codes = model.encode(batch)
    if {"reconstruction", "return"} & set(parts):
        made = model.decode(codes)
        errors = columns(spec, batch, made)
        if "return" in parts:
            again = model.encode(Batch({**batch.values, **made}, batch.lengths, batch.masks))
            moved = (again - codes).double().square().sum(1)
    if "likelihood" in parts:
        reseed(SEED, "nll")
        total, units = model.nll(batch, DRAWS)
        nats = total.double() / units
    return Looks(errors, moved, codes, nats)


def fit(run: Run, items: Items) -> None:
    """Raises Problem where the model needs more of an item than these say: a label, or an answer."""
    there = items.take(torch.zeros(1, dtype=torch.long)).values
    needed = [*(run.model.conditions if isinstance(run.model, Conditioned) else ()), *run.spec.target]
    lacks = [name for name in needed if name not in there]
    if lacks:
        raise Problem(f"{run.path}: scores an item with its {lacks[0]}, which these don't say. Name data that does")


def usual(run: Run, parts: tuple[str, ...]) -> Usual:
    """Of a run's training items, of some where there are more than needed. Raises Problem."""
    seen = looks(run, some(run.prepared.train, SEEN), parts)
    count = len(next(x for x in seen if x is not None))
    order = drawn(count, count)
    cut = count // APART
    apart, rest = (seen.some(order[:cut]), seen.some(order[cut:])) if cut > 1 else (seen, seen)
    errors = None
    if rest.errors is not None:
        errors = rest.errors.mean(0)
        errors = errors + max(LEAST * float(errors.mean()), TINY)
    first = Usual(errors, rest.codes, {})
    raw = scored(apart, first, parts)
    scale = {name: (float(x.mean()), float(x.std(correction=0)) or 1.0) for name, x in raw.items()}
    return Usual(errors, rest.codes, scale)


def scored(seen: Looks, by: Usual, parts: tuple[str, ...]) -> dict[str, Tensor]:
    """Each part of the score (N,), on its own scale: logarithms, but of a likelihood, which is one."""
    found: dict[str, Tensor] = {}
    if "reconstruction" in parts and seen.errors is not None and by.errors is not None:
        found["reconstruction"] = (seen.errors / by.errors).sum(1).clamp(min=TINY).log()
    if "return" in parts and seen.moved is not None:
        found["return"] = seen.moved.clamp(min=TINY).log()
    if "latent" in parts and seen.codes is not None and by.codes is not None:
        found["latent"] = away(seen.codes, by.codes).clamp(min=TINY).log()
    if "likelihood" in parts and seen.nats is not None:
        found["likelihood"] = seen.nats
    return found


def away(codes: Tensor, bank: Tensor) -> Tensor:
    """Mean distance of each code (N, latents) from the nearest codes of the bank: (N,). About the bank's mean, for
    rounding, so that no code hangs on another."""
    middle, k = bank.mean(0), min(NEAREST, len(bank))
    parts = (squared(part - middle, bank - middle).topk(k, largest=False).values for part in torch.split(codes, ROWS))
    return torch.cat([part.clamp(min=0).sqrt().mean(1) for part in parts])


def total(seen: Looks, by: Usual, parts: tuple[str, ...]) -> tuple[Tensor, dict[str, Tensor]]:
    """The score (N,), and its parts in deviations of training items from their mean: it is their mean."""
    raw = scored(seen, by, parts)
    each = {name: (x - by.scale[name][0]) / by.scale[name][1] for name, x in raw.items()}
    return torch.stack(list(each.values())).mean(0), each


def drawn(count: int, most: int) -> Tensor:
    """So many of `count` places, in an order of chance."""
    return torch.randperm(count, generator=generator(SEED, "drawn", count))[:most]


def some(items: Items, most: int) -> Some:
    """At most so many items of a set, drawn by a fixed seed: sets are often sorted, and series repeat themselves."""
    return Some(items, drawn(len(items), most).sort().values)
