"""What a comparison is asked for, and what of it may change from one sitting to the next: more models, more seeds, more
time. Everything else would mix runs that can't be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from math import prod
from pathlib import Path
from typing import Any

from reverie.catalog import Family, find
from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.training.choice import default_set
from reverie.training.order import slug
from reverie.training.pace import seconds
from reverie.training.sizes import SIZES
from reverie.training.written import plain, read_options

TIME = "10m"  # of each run, where nobody says


@dataclass(frozen=True)
class Order:
    """What a person asked `compare` for. What is left out is as it was in the folder, else the default."""

    data: str
    models: tuple[str, ...] = ()
    out: Path | None = None
    time: str = ""
    steps: int = 0
    seeds: int = 0  # of training, 0 … seeds - 1
    set: str = ""  # for all models that have it
    samples: int = 0  # that each run is judged by; 0: as many as the kind's measures say
    options: DataOptions = field(default_factory=DataOptions)
    resume: bool = False

    @property
    def folder(self) -> Path:
        return self.out or Path("runs") / f"compare-{slug(self.data)}"

    @property
    def families(self) -> list[Family]:
        return [find(model, "--models") for model in self.models]

    @property
    def budget(self) -> str:
        """As a person says it."""
        return f"{self.steps:,} steps" if self.steps else said(self.time)

    def to_json(self) -> dict[str, Any]:
        """What compare.json keeps of it."""
        budget = {"steps": self.steps} if self.steps else {"time": self.time, "seconds": seconds(self.time)}
        return {
            "data": self.data,
            "options": plain(asdict(self.options)),
            "set": self.set,
            "samples": self.samples,
            "budget": budget,
            "seeds": self.seeds,
        }


def said(time: str) -> str:
    """10m -> 10 min."""
    bare = time.strip()
    unit = {"s": "s", "m": "min", "h": "h"}.get(bare[-1:], "s")
    return f"{bare.rstrip('smh ')} {unit}"


def settled(order: Order, kept: Mapping[str, Any] | None) -> Order:
    """The order with all that it left out, `kept` being the compare.json that is in its folder. Raises Problem for what
    can't be, or can't be in that folder."""
    possible(order)
    if kept:
        order = allowed(filled(order, kept), kept)
    elif order.resume:
        raise Problem(f"--resume {order.folder}: no compare.json there. Leave --resume out to start one")
    if not order.models:
        raise Problem("--models: no model. Name those to compare, such as --models vae,dcgan")
    if order.set and not any(order.set in family.sets for family in order.families):
        known = dict.fromkeys(name for family in order.families for name in family.sets)
        raise Problem(f"--set {order.set}: none of these models has such a set. There are: {', '.join(known)}")
    time = order.time or ("" if order.steps else TIME)
    return replace(order, time=time, seeds=order.seeds or 1)


def possible(order: Order) -> None:
    """Raises Problem for what no folder could hold."""
    for k, model in enumerate(order.models):
        find(model, "--models")
        if model in order.models[:k]:
            asked = ",".join(order.models)
            raise Problem(f"--models {asked}: {model} is named twice. Name it once; --seeds 3 trains each three times")
    if order.steps and order.time:
        raise Problem(f"--steps {order.steps} --time {order.time}: give one of the two")
    if order.time:
        seconds(order.time)
    for name, value in (("steps", order.steps), ("seeds", order.seeds), ("samples", order.samples)):
        if value < 0:
            raise Problem(f"--{name} {value}: give 1 or more, or leave it out")


def filled(order: Order, kept: Mapping[str, Any]) -> Order:
    """What the order leaves out, from what was asked before."""
    budget, before, default = kept["budget"], read_options(kept["options"]), DataOptions()
    given = {f.name: getattr(order.options, f.name) for f in fields(DataOptions)}
    if not order.steps and not order.time:
        order = replace(order, time=budget.get("time", ""), steps=budget.get("steps", 0))
    return replace(
        order,
        models=order.models or tuple(one["model"] for one in kept["models"]),
        seeds=order.seeds or kept["seeds"],
        set=order.set or kept["set"],
        samples=order.samples or kept["samples"],
        options=replace(before, **{k: v for k, v in given.items() if v != getattr(default, k)}),
    )


def allowed(order: Order, kept: Mapping[str, Any]) -> Order:
    """Raises Problem for less than was asked before, or for something else."""
    folder, other = order.folder, "or name another folder by --out"
    missing = [one["model"] for one in kept["models"] if one["model"] not in order.models]
    if missing:
        asked = ",".join(order.models)
        raise Problem(f"--models {asked}: {folder} also compares {', '.join(missing)}. Name it too, {other}")
    if order.set != kept["set"]:
        before = f"with --set {kept['set']}" if kept["set"] else "without --set"
        raise Problem(f"--set {order.set}: {folder} compares {before}. Leave --set out, {other}")
    if order.seeds < kept["seeds"]:
        raise Problem(f"--seeds {order.seeds}: {folder} compares {kept['seeds']}. Pass that or more, {other}")
    before, now = kept["budget"], order.to_json()["budget"]
    asked = f"--steps {order.steps}" if order.steps else f"--time {order.time}"
    was = f"--steps {before['steps']}" if "steps" in before else f"--time {before['time']}"
    same = now.keys() == before.keys()
    if not same or now.get("steps", now.get("seconds")) < before.get("steps", before.get("seconds")):
        raise Problem(f"{asked}: {folder} compares by {was}. Pass that or more, {other}")
    return order


# ---------------------------------------------------------------------------------------------------------- one size


def common_size(order: Order, kind: str, forced: tuple[int, ...], before: tuple[int, ...] | None) -> tuple[int, ...]:
    """The size that every model's items are brought to, so that all are judged by the same: the largest that any of
    their sets asks for. () where none need be forced: none asks for one, or all for the same, or the person says it.
    `forced`: the one that the folder has; `before`: what the sets of its runs asked for, None where it has no run.
    Raises Problem where a set asks for another than the folder can give."""
    if order.options.size or forced:
        return () if order.options.size else forced
    asked = {wish for family in order.families for wish in wishes(family, order, kind)}
    if before is None:
        several = len(order.models) > 1 and len(asked) > 1
        return max(asked, key=lambda size: (prod(size), size)) if several else ()
    if before or asked <= {()}:
        return before if asked != {before} else ()
    wish = "x".join(map(str, max(asked, key=prod)))
    raise Problem(
        f"--models {','.join(order.models)}: one asks for items of {wish}, and {order.folder} compares by items as "
        "they are. Name another folder by --out"
    )


def wishes(family: Family, order: Order, kind: str) -> set[tuple[int, ...]]:
    """Sizes that the sets ask for which `fit` may take for this model, where they are sizes of such items: a length of
    text says nothing about pictures."""
    if order.set in family.sets:
        names = [order.set]
    else:
        sizes = [name for name in SIZES if name in family.sets]
        names = sizes if order.time and len(sizes) > 1 else [default_set(family)]
    axes = 2 if kind == "image" else 1
    sizes_asked = {getattr(family.config, name)().training.size for name in names}
    return {size for size in sizes_asked if len(size) in (0, axes)}
