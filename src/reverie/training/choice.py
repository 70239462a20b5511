"""What `fit` trains: data at a size, a model, a set of its values, and the plan that run.json keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from dataclasses import fields as dataclass_fields
from math import prod
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric

from reverie.catalog import Family
from reverie.choose import choose
from reverie.core import Conditioned, Model, Named, Training
from reverie.errors import Problem
from reverie.kinds import Prepared
from reverie.kinds.find import open_source
from reverie.machine import memory as machines_memory

from .build import build_model
from .order import Order
from .pace import MARGIN, step_seconds
from .precision import settled
from .progress import Reporter
from .run import Run
from .seeds import reseed
from .sizes import SIZES, Trial, largest
from .trainer import Plan, Trainer
from .written import FORMAT, plain


class Choice:
    """What is left out of an order is chosen by the data, the machine and the time, and said."""

    def __init__(self, order: Order, fabric: Fabric, reporter: Reporter):
        self.order, self.fabric, self.reporter = order, fabric, reporter
        self.preferred = ""  # the set that came with the choice of the model
        self.set = ""  # the one that was looked at last
        self.sizes: dict[tuple[int, ...], Prepared] = {}  # the data, at each size that was looked at
        self.size: tuple[int, ...] = ()  # the one that counts
        self.said: set[str] = set()  # notes on the data

    def choose(self) -> None:
        """A model for the data at its own size."""
        self.prepare(())
        spec, count = self.prepared.codec.spec, len(self.prepared.train)
        shape = next(iter(spec.fields.values())).shape
        gpu = self.fabric.device.type != "cpu"
        choice = choose(spec.kind, shape, count, gpu, self.order.options.predict, spec.domains)
        self.reporter.say(f"model: {choice.model} ({choice.why}); --model names another")
        if choice.set and not self.order.set and not self.order.budget:
            why = "as there is no GPU" if choice.set == "quick" else "whose values suit such data"
            self.reporter.say(f"set: {choice.set}, {why}; --set names another")
        self.order, self.preferred = replace(self.order, model=choice.model), choice.set

    def usual_set(self, family: Family, old: Run | None) -> str:
        """Where the person names none: the old run's, the choice's, the family's."""
        if old and old.info["model"] == family.name:
            return str(old.info["set"])
        return self.preferred or default_set(family)

    def named(self, family: Family, name: str) -> Named:
        if name not in family.sets:
            raise Problem(f"--set {name}: {family.name} has no such set. There are: {', '.join(family.sets)}")
        named: Named = getattr(family.load().Config, name)()
        config = altered(named.config, self.order.fields, family.name)
        changes = dict(self.order.training)
        if "batch" in changes:
            changes.setdefault("pass_steps", 0)  # a batch that is asked for is taken as it is
        training = altered(named.training, changes, "training")
        self.set = name
        return Named(config, training)

    def prepare(self, size: tuple[int, ...]) -> None:
        """The data, at that size. The first process builds the cache that the others read."""
        self.size = size
        if size in self.sizes:
            return
        if self.fabric.global_rank:
            self.fabric.barrier()
        self.sizes[size] = open_source(self.order.data, self.order.options).prepare(size)
        if not self.fabric.global_rank:
            self.fabric.barrier()
        for note in self.prepared.notes:
            if note not in self.said:
                self.reporter.say(note)
        self.said.update(self.prepared.notes)

    @property
    def prepared(self) -> Prepared:
        return self.sizes[self.size]

    def largest(self, family: Family, named: Named) -> Named:
        """The largest of the model's sizes whose own steps fit the time."""
        sizes = [name for name in SIZES if name in family.sets]
        if len(sizes) < 2:
            return named
        name = largest((self.trial(family, size) for size in sizes), self.order.budget * MARGIN)
        others = ", ".join(sizes)
        self.reporter.say(f"set: {name}, of {others} the one for --time {self.order.time}; --set names another")
        named = self.named(family, name)
        self.prepare(named.training.size)
        return named

    def trial(self, family: Family, size: str) -> Trial:
        named = self.named(family, size)
        self.prepare(named.training.size)
        training = named.training.of(len(self.prepared.train), self.prepared.codec.spec.kind)
        model = self.built(family, named.config, self.order.seed)
        trainer = Trainer(model, self.prepared.train, self.plan(training), self.fabric)
        work = sum(p.numel() for p in model.parameters()) * training.batch * prod(training.size)
        return Trial(size, training.steps, work, lambda: step_seconds(trainer))

    def plan(self, training: Training) -> Plan:
        order = self.order
        if training.batch < 1 or order.shards < 1 or training.batch < order.shards:
            raise Problem(f"--batch {training.batch} --shards {order.shards}: each shard needs at least one item")
        at_once = 4 * training.batch * sum(field.size for field in self.prepared.codec.spec.fields.values())
        if at_once > machines_memory():
            what = f"{at_once / 1e9:,.0f} GB at once, more than this machine has"
            raise Problem(f"--batch {training.batch}: {what}. Pass a smaller one")
        precision = settled(training.precision, self.fabric.device)
        return Plan(
            training.batch, training.clip, training.ema_items, order.shards, order.seed, keep=training.keep,
            precision=precision,
        )  # fmt: skip

    def describe(self, family: Family, named: Named) -> dict[str, Any]:
        """run.json of a new run."""
        training = named.training.of(len(self.prepared.train), self.prepared.codec.spec.kind)
        options, domains = self.order.options, list(self.prepared.domains)
        options = replace(options, beside=tuple(map(resolved, options.beside)), test=resolved(options.test))
        return {
            "format": FORMAT,
            "model": family.name,
            "set": self.set,
            "config": plain(asdict(named.config)),
            "spec": plain(self.prepared.codec.spec.to_json()),
            "codec": self.prepared.codec.to_json(),
            "source": {
                "where": resolved(self.order.data),
                "options": plain(asdict(options)),
                "size": list(self.size),
                "fingerprint": self.prepared.fingerprint,
                "items": len(self.prepared.train),
                "held_out": len(self.prepared.held_out),
                "calibration": len(self.prepared.calibration or ()),
                "notes": list(self.prepared.notes),
                **({"domains": domains} if domains else {}),
            },
            "plan": asdict(self.plan(training)),
            "default_steps": training.steps,
            "passes": training.passes,
            "segments": [],
        }

    def built(self, family: Family, config: Any, seed: int) -> Model:
        reseed(seed, "model")
        model = build_model(family, config, self.prepared.codec.spec)
        named = ",".join(self.order.options.attributes)
        if named and not (isinstance(model, Conditioned) and "attributes" in model.conditions):
            cure = "Leave it out, or name a model whose abilities have condition (see `reverie models`)"
            raise Problem(f"--attributes {named}: {family.name} is told none. {cure}")
        return model


def default_set(family: Family) -> str:
    return "small" if "small" in family.sets else "paper"


def altered(values: Any, changes: Mapping[str, Any], whose: str) -> Any:
    """A Config or Training with some fields set. Raises Problem for a field that is not there."""
    names = [f.name for f in dataclass_fields(values)]
    for name in changes:
        if name not in names:
            raise Problem(f"--{name.replace('_', '-')}: {whose} has no such field. There are: {', '.join(names)}")
    return replace(values, **changes)


def resolved(where: str) -> str:
    """A place as it is named from anywhere; a named set by its name."""
    return str(Path(where).resolve()) if where and Path(where).exists() else where
