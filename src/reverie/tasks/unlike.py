"""How unlike the items of a run's training data an item is, by each thing that its model can do.

reconstruction  what is lost when an item is encoded and decoded: of each field, of a picture at each place, the mean
                error against what is usual there, summed
return          how far its code has moved when what was decoded is encoded again
latent          how far its code lies from the nearest codes of training items
nearest         how far it lies itself, as the model sees it, a picture at half its size, from the nearest training
                items: what an encoder leaves out counts there, too
likelihood      nats a dimension or token that it costs

What is usual is learnt from training items. Held-out items decide nothing, so that they score what fresh normal items
score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from reverie.core import Batch, Items, Spec
from reverie.errors import Problem
from reverie.training.seeds import generator, reseed

from .bank import NEAREST, Bank, banked, seen_as
from .codes import blocks, told
from .rebuilt import columns, placed
from .vectors import Some

if TYPE_CHECKING:
    from reverie.training.run import Run

NEEDS = {
    "reconstruction": ("encode", "decode"),
    "return": ("encode", "decode"),
    "latent": ("encode",),
    "nearest": ("encode",),
    "likelihood": ("score",),
}
BEST = ("nearest", "return", "latent")  # what "best" adds up; of a model without codes, its likelihood
PICTURES = (*BEST, "reconstruction")  # the same of pictures
TABLE = ("nearest", "reconstruction", "likelihood")  # the same of rows of a table, whose columns are of many kinds
TOKENS = ("reconstruction", "return", "latent")  # the same of items that are tokens, which lie nowhere
CODES = 256 * 2**20  # bytes of their codes, at most
SEEN = 6_000  # training items, at most, that say what is usual
APART = 6  # a sixth of them gives the scale, and none of the codes that others are compared with
DRAWS = 8  # of a likelihood that chance is in
SEED = 20_200_416
LEAST = 0.01  # of the mean usual error of all columns: what counts as usual at least, where one is rebuilt exactly
EVEN = 0.05  # the same of the places of a picture
TINY = 1e-12  # below any score that is not 0: the logarithm of 0 has no scale


class Looks(NamedTuple):
    """What a model says of N items, before anything is called usual."""

    errors: Tensor | None = None  # (N, columns): mean error of each, see `rebuilt`; of pictures only until it is known
    lost: Tensor | None = None  # (N,): their sum, each against what is usual, where that is known
    moved: Tensor | None = None  # (N,): squared distance of the code, encoded again, from itself
    codes: Tensor | None = None  # (N, latents), where nothing is known yet that they are compared with
    near: Tensor | None = None  # (N,): their mean distance from the nearest codes of training items
    far: Tensor | None = None  # (N,): mean distance from the nearest training items
    nats: Tensor | None = None  # (N,), a dimension or token

    def some(self, index: Tensor) -> Looks:
        return Looks(*(None if x is None else x[index] for x in self))


@dataclass(frozen=True)
class Usual:
    """What training items say: the mean error of each column, codes and items (n, D) to compare with, and of the
    logarithm of each part (of a likelihood the part itself) its mean and deviation."""

    errors: Tensor | None
    codes: Tensor | None
    items: Tensor | None
    scale: Mapping[str, tuple[float, float]]


def able(run: Run, by: str) -> tuple[str, ...]:
    """The parts of a score of that name, as this run's model has them. Raises Problem where it has none."""
    had = run.family.abilities
    has = [part for part, needs in NEEDS.items() if all(need in had for need in needs)]
    tokens = any(field.categories and field.shape for field in run.spec.fields.values())
    has = [part for part in has if not (tokens and part == "nearest")]
    if by == "best":
        usual = TOKENS if tokens else TABLE if len(run.spec.fields) > 1 else PICTURES if placed(run.spec) else BEST
        codes = [part for part in usual if part in has]
        chosen = codes or [part for part in has if part == "likelihood"]
    else:
        chosen = [by] if by in has else []
    if chosen:
        return tuple(chosen)
    if not has:
        raise Problem(
            f"{run.path}: {run.family.name} can neither encode items nor say how likely they are. `reverie models` "
            "says which models can"
        )
    there = ", ".join(part for part in NEEDS if part in has)
    raise Problem(f"--by {by}: {run.family.name} has none. There is: best, {there}")


@torch.inference_mode()
def looks(run: Run, items: Items, parts: tuple[str, ...], known: Usual | None = None) -> Looks:
    """Of all items, a block at a time: an item's row hangs on no other item. Where chance is in a likelihood, its draws
    go by an item's place in its block. What is `known` already is compared with at once. Raises Problem."""
    model, device, known = run.model, run.device, known or Usual(None, None, None, {})
    fit(run, items)
    bank, coded = (None if x is None else Bank.of(x) for x in (known.items, known.codes))
    found = []
    for batch, kept in blocks(items):
        seen = look(run.spec, model, batch.to(device), parts)
        if known.errors is not None and seen.errors is not None:
            lost = (seen.errors.double().cpu() / known.errors).sum(1)
            seen = seen._replace(lost=lost, errors=None if placed(run.spec) else seen.errors)
        if coded and seen.codes is not None:  # not kept: they can be as long as the items
            seen = seen._replace(codes=None, near=coded.away(seen.codes.double().cpu()))
        if bank:
            seen = seen._replace(far=bank.away(seen_as(run.spec, batch).double()))
        found.append([None if x is None else x[:kept].double().cpu() for x in seen])
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
    return Looks(errors, moved=moved, codes=codes if "latent" in parts else None, nats=nats)


def fit(run: Run, items: Items) -> None:
    """Raises Problem where the model needs more of an item than these say: a label, or an answer."""
    there = items.take(torch.zeros(1, dtype=torch.long)).values
    needed = [*told(run.model), *run.spec.target]
    lacks = [name for name in needed if name not in there]
    if lacks:
        raise Problem(f"{run.path}: scores an item with its {lacks[0]}, which these don't say. Name data that does")


def usual(run: Run, parts: tuple[str, ...]) -> Usual:
    """Of a run's training items, of some where there are more than needed. Raises Problem."""
    items = some(run.prepared.train, most(run, parts))
    count = len(items)
    order = drawn(count, count)
    cut = count // APART if count // APART > 1 else 0
    bank = banked(run.spec, Some(items, order[cut:])) if "nearest" in parts else None
    seen = looks(run, items, parts, Usual(None, None, bank, {}))
    apart, rest = (seen.some(order[:cut]), seen.some(order[cut:])) if cut else (seen, seen)
    errors = None
    if rest.errors is not None:
        errors = rest.errors.mean(0)
        errors = errors + max((EVEN if placed(run.spec) else LEAST) * float(errors.mean()), TINY)
    first = Usual(errors, rest.codes, bank, {})
    raw = scored(apart, first, parts)
    scale = {name: (float(x.mean()), float(x.std(correction=0)) or 1.0) for name, x in raw.items()}
    return Usual(errors, rest.codes, bank, scale)


@torch.inference_mode()
def most(run: Run, parts: tuple[str, ...]) -> int:
    """Training items that say what is usual, as many as memory is given to their codes."""
    if "latent" not in parts:
        return SEEN
    model: Any = run.model
    batch, _ = next(iter(blocks(run.prepared.train)))
    size = int(model.encode(batch.to(run.device)).shape[1])
    return min(SEEN, max(APART * NEAREST, CODES // (8 * size)))


def scored(seen: Looks, by: Usual, parts: tuple[str, ...]) -> dict[str, Tensor]:
    """Each part of the score (N,), on its own scale: logarithms, but of a likelihood, which is one."""
    found: dict[str, Tensor] = {}
    lost = seen.lost
    if lost is None and seen.errors is not None and by.errors is not None:
        lost = (seen.errors / by.errors).sum(1)
    if "reconstruction" in parts and lost is not None:
        found["reconstruction"] = lost.clamp(min=TINY).log()
    if "return" in parts and seen.moved is not None:
        found["return"] = seen.moved.clamp(min=TINY).log()
    if "latent" in parts and by.codes is not None:
        near = Bank.of(by.codes).away(seen.codes) if seen.codes is not None else seen.near
        assert near is not None
        found["latent"] = near.clamp(min=TINY).log()
    if "nearest" in parts and seen.far is not None:
        found["nearest"] = seen.far.clamp(min=TINY).log()
    if "likelihood" in parts and seen.nats is not None:
        found["likelihood"] = seen.nats
    return found


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
