"""`reverie fit`: from data to a trained run, or on from where a run was."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reverie.catalog import Family, find
from reverie.choose import choose
from reverie.core import Model, Named
from reverie.errors import Diverged, Problem
from reverie.kinds import DataOptions, Prepared
from reverie.kinds.find import open_source

from . import checkpoint
from .devices import environment, launch
from .files import clean, locked, write_json
from .pace import MARGIN, seconds, step_seconds
from .progress import Reporter, Silent
from .resuming import unchanged
from .run import FORMAT, Run, build_config, build_model, plain
from .seeds import reseed
from .session import Session
from .trainer import Plan, Trainer


@dataclass(frozen=True)
class Order:
    """What a person asked `fit` for. Everything left out is chosen, and said."""

    data: str
    model: str = ""
    out: Path | None = None
    steps: int = 0
    time: str = ""
    set: str = ""
    seed: int = 0
    options: DataOptions = field(default_factory=DataOptions)
    fields: Mapping[str, Any] = field(default_factory=dict)  # of the model's Config
    training: Mapping[str, Any] = field(default_factory=dict)  # of Training: batch, clip, ema_items
    shards: int = 1
    retry: bool = False
    tensorboard: bool = False


def fit(
    data: str | Path,
    model: str = "",
    *,
    out: str | Path = "",
    steps: int = 0,
    time: str = "",
    set: str = "",
    seed: int = 0,
    options: DataOptions | None = None,
    fields: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
    reporter: Reporter | None = None,
    **more: Any,
) -> Run:
    """Train `model` on `data` into the folder `out`, or go on where that folder's run was.

    `steps`, or `time` such as "10m", says how long; `set` names one of the model's sets of values, `fields` overrides
    single ones, `training` the batch and the like. Of `more`: shards, retry, tensorboard. Raises Problem for what a
    person can mend, Diverged, Stopped and NoRoom when training ended early; the last checkpoint is whole then."""
    order = Order(
        str(data),
        model,
        Path(out) if out else None,
        steps,
        time,
        set,
        seed,
        options or DataOptions(),
        fields or {},
        training or {},
        **more,
    )
    return Fitting(order, reporter or Silent()).run()


class Fitting:
    """The stages of one call, in order."""

    def __init__(self, order: Order, reporter: Reporter):
        self.order, self.reporter = order, reporter
        if order.steps < 0 or (order.steps and order.time):
            raise Problem(f"--steps {order.steps} --time {order.time}: give one of the two, above 0")
        self.budget = seconds(order.time) if order.time else 0.0

    def run(self) -> Run:
        order = self.order
        old = Run.open(order.out) if order.out and (order.out / "run.json").is_file() else None
        self.fabric = launch()
        self.reporter = self.reporter if self.fabric.global_rank == 0 else Silent()
        family, named = self.model(old)
        size = tuple(old.info["source"]["size"]) if old else named.training.size if named else ()
        self.prepared = self.prepare(size)
        if family is None:
            family, named, size = self.chosen()
        assert named is not None
        folder = order.out or Path("runs") / f"{slug(order.data)}-{family.name}"
        if old is None and (folder / "run.json").is_file():
            old = Run.open(folder)
        info = self.describe(family, named, size)
        if old:
            unchanged(old, info, order)
        elif folder.is_dir() and any(p.name != ".lock" for p in folder.iterdir()):
            raise Problem(f"{folder}: not empty, and no run. Name another folder by --out")
        self.fabric.barrier()  # no process writes before all have seen what was there
        with locked(folder) if self.fabric.global_rank == 0 else nullcontext():
            return self.train(family, old or Run(folder, info), old is not None)

    # ---------------------------------------------------------------------------------------------------- what to train

    def model(self, old: Run | None) -> tuple[Family | None, Named | None]:
        """The family and its named set, where the person or the old run says which."""
        name = self.order.model or (old.info["model"] if old else "")
        if not name:
            return None, None
        family = find(name)
        return family, self.named(family, self.order.set or (old.info["set"] if old else ""))

    def named(self, family: Family, name: str) -> Named:
        name = name or default_set(family)
        if name not in family.sets:
            raise Problem(f"--set {name}: {family.name} has no such set. There are: {', '.join(family.sets)}")
        named: Named = getattr(family.load().Config, name)()
        config = altered(named.config, self.order.fields, family.name)
        training = altered(named.training, self.order.training, "training")
        self.set = name
        return Named(config, training)

    def chosen(self) -> tuple[Family, Named, tuple[int, ...]]:
        gpu = self.fabric.device.type != "cpu"
        choice = choose(self.prepared.codec.spec, len(self.prepared.train), gpu)
        self.reporter.say(f"model: {choice.model} ({choice.why}); --model names another")
        family = find(choice.model)
        named = self.named(family, self.order.set or choice.set)
        if named.training.size:
            self.prepared = self.prepare(named.training.size)
        return family, named, named.training.size

    def prepare(self, size: tuple[int, ...]) -> Prepared:
        """The first process builds the cache that the others read."""
        if self.fabric.global_rank:
            self.fabric.barrier()
        prepared = open_source(self.order.data, self.order.options).prepare(size)
        if not self.fabric.global_rank:
            self.fabric.barrier()
        for note in prepared.notes:
            self.reporter.say(note)
        return prepared

    def describe(self, family: Family, named: Named, size: tuple[int, ...]) -> dict[str, Any]:
        """run.json of a new run."""
        training = named.training
        where = self.order.data
        plan = Plan(training.batch, training.clip, training.ema_items, self.order.shards, self.order.seed)
        if plan.batch < 1 or plan.shards < 1 or plan.batch < plan.shards:
            raise Problem(f"--batch {plan.batch} --shards {plan.shards}: each shard needs at least one item")
        return {
            "format": FORMAT,
            "model": family.name,
            "set": self.set,
            "config": plain(asdict(named.config)),
            "spec": plain(self.prepared.codec.spec.to_json()),
            "codec": self.prepared.codec.to_json(),
            "source": {
                "where": str(Path(where).resolve()) if Path(where).exists() else where,
                "options": plain(asdict(self.order.options)),
                "size": list(size),
                "fingerprint": self.prepared.fingerprint,
                "items": len(self.prepared.train),
                "held_out": len(self.prepared.held_out),
                "notes": list(self.prepared.notes),
            },
            "plan": asdict(plan),
            "default_steps": training.steps,
            "segments": [],
        }

    # ------------------------------------------------------------------------------------------------------------ train

    def train(self, family: Family, run: Run, going_on: bool) -> Run:
        if self.fabric.global_rank == 0:
            clean(run.path)
        plan = Plan(**run.info["plan"])
        if going_on and self.order.retry:
            plan = replace(plan, attempt=plan.attempt + 1)
        model = self.built(family, run, plan)
        trainer = Trainer(model, self.prepared.train, plan, self.fabric)
        facts = {k: run.info[k] for k in ("model", "config", "spec")}
        sampling = vars(family.load()).get("Sampling")
        session = Session(run.path, trainer, self.prepared, self.reporter, facts, sampling, self.order.tensorboard)
        if going_on and (latest := latest_checkpoint(run.path)):
            session.load(checkpoint.load(latest))
            self.warn(run)
        until, planned = self.schedule(run, session)
        run.info["plan"] = asdict(plan)
        self.record(run, until)
        if trainer.step >= until:
            self.reporter.say(f"{run.path}: done at step {trainer.step}; a larger --steps or --time goes on from there")
            return run
        try:
            session.run(until, planned)
        except Diverged as trouble:
            run.info["trouble"] = str(trouble)
            write_json(run.path / "run.json", run.info)
            raise
        return Run.open(run.path)

    def built(self, family: Family, run: Run, plan: Plan) -> Model:
        config = build_config(family.load().Config, run.info["config"])
        reseed(plan.seed, "model")
        return build_model(family, config, self.prepared.codec.spec)

    def schedule(self, run: Run, session: Session) -> tuple[int, int]:
        """Step at which this sitting ends, and steps that schedules are planned for: those of the first segment, so
        that an extension goes on at the rate at which the last one ended."""
        segments = run.info["segments"]
        done, last = session.trainer.step, segments[-1] if segments else None
        if self.order.steps:
            until = self.order.steps
        elif self.budget and not (last and last["time"] == self.budget):
            until = self.timed(session, last)
        else:
            until = last["steps"] if last else run.info["default_steps"]
        if last and until < max(done, last["steps"]):
            raise Problem(
                f"{run.path}: planned for {last['steps']} steps, {done} done. Pass more --steps than {last['steps']}"
                " to extend it, or leave --steps out to go on as planned"
            )
        return until, segments[0]["steps"] if segments else until

    def timed(self, session: Session, last: Mapping[str, Any] | None) -> int:
        """--time as a number of steps."""
        trainer = session.trainer
        if last:
            pace = session.seconds / max(1, trainer.step)
            return int(max(last["steps"], trainer.step + (self.budget - session.seconds) / max(pace, 1e-9)))
        pace = step_seconds(trainer)
        steps = max(1, int(self.budget * MARGIN / pace))
        steps = int(self.fabric.broadcast(steps))
        self.reporter.say(f"--time {self.order.time}: {steps} steps, at {1 / pace:.3g} a second in a short trial")
        return steps

    def record(self, run: Run, until: int) -> None:
        """run.json, before the first step: a segment for each time the plan grew."""
        segments = run.info["segments"]
        if not segments or segments[-1]["steps"] != until or segments[-1]["time"] != self.budget:
            started = datetime.now(UTC).isoformat(timespec="seconds")
            if not segments or segments[-1]["steps"] != until:
                segments.append({"steps": until, "time": self.budget, "started": started, **environment(self.fabric)})
        run.info.pop("trouble", None)
        if self.fabric.global_rank == 0:
            write_json(run.path / "run.json", run.info)

    def warn(self, run: Run) -> None:
        """Where going on bit for bit can't be promised, and after a divergence that would come again."""
        if run.info.get("trouble") and not self.order.retry:
            raise Problem(f"{run.path}: {run.info['trouble']}")
        before, now = run.info["segments"][-1] if run.info["segments"] else {}, environment(self.fabric)
        for name, value in now.items():
            if name in before and before[name] != value and name != "processes":
                self.reporter.say(
                    f"note: {name} was {before[name]} and is {value}: the run goes on, but not bit for bit"
                )


def latest_checkpoint(folder: Path) -> Path | None:
    """last.ckpt; best.ckpt where only that is left; None before the first."""
    return next((folder / name for name in ("last.ckpt", "best.ckpt") if (folder / name).exists()), None)


def default_set(family: Family) -> str:
    return "small" if "small" in family.sets else "paper"


def altered(values: Any, changes: Mapping[str, Any], whose: str) -> Any:
    """A Config or Training with some fields set. Raises Problem for a field that is not there."""
    names = [f.name for f in fields(values)]
    for name in changes:
        if name not in names:
            raise Problem(f"--{name}: {whose} has no such field. There are: {', '.join(names)}")
    return replace(values, **changes)


def slug(where: str) -> str:
    """A folder's name from the data's."""
    name = Path(where).name.split(".")[0] or "data"
    return re.sub(r"[^\w-]+", "-", name).strip("-").lower() or "data"
