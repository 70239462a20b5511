"""`reverie fit`: from data to a trained run, or on from where a run was."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from dataclasses import fields as dataclass_fields
from math import prod
from numbers import Integral
from pathlib import Path
from typing import Any

from reverie.catalog import Family, find
from reverie.choose import choose
from reverie.core import Conditioned, Model, Named, Training
from reverie.errors import Diverged, Problem
from reverie.kinds import DataOptions, Prepared
from reverie.kinds.find import open_source
from reverie.machine import memory as machines_memory

from . import checkpoint, memory, segments
from .build import build_config, build_model, one_set
from .devices import in_order, launch
from .files import clean, locked, write_json
from .length import length
from .pace import MARGIN, seconds, step_seconds
from .precision import settled
from .progress import Reporter, Silent
from .resuming import unchanged, warn
from .run import Run
from .seeds import reseed
from .session import Session
from .sizes import SIZES, Trial, largest
from .trainer import Plan, Trainer
from .written import FORMAT, plain


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
    training: Mapping[str, Any] = field(default_factory=dict)  # of Training: batch, clip, ema_items, precision
    shards: int = 1
    retry: bool = False
    tensorboard: bool = False
    stop: str = ""  # never | auto; "": as before, never in a new run


def fit(
    data: str | Path | Sequence[str | Path],
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
    """Train `model` on `data` into the folder `out`, or go on where that folder's run was. Two places are two domains.

    `steps`, or `time` such as "10m", says how long; `set` names one of the model's sets of values, `fields` overrides
    single ones, `training` the batch and the like. Of `more`: shards, retry, tensorboard, stop="auto" to end where the
    measure on held-out data no longer improves, and fields of DataOptions, such as predict="labels". Raises Problem for
    what a person can mend, Diverged, Stopped and NoRoom when training ended early; the last checkpoint is whole."""
    read = {f.name for f in dataclass_fields(DataOptions)}
    options = replace(options or DataOptions(), **{k: more.pop(k) for k in list(more) if k in read})
    if not isinstance(data, str | Path):
        if not isinstance(data, Sequence) and data is not None:
            raise Problem(f"{data!r:.60}: no data. Name a file, a folder or a public set")
        if not data:
            raise Problem("[]: no data. Name a file, a folder or a public set")
        data, *rest = data
        options = replace(options, beside=tuple(map(str, rest)))
    order = Order(
        str(data),
        model,
        Path(out) if out else None,
        steps,
        time,
        set,
        seed,
        options,
        fields or {},
        training or {},
        **more,
    )
    return Fitting(order, reporter or Silent()).run()


class Fitting:
    """The stages of one call, in order."""

    def __init__(self, order: Order, reporter: Reporter):
        self.order, self.reporter = order, reporter
        for name, value in (("steps", order.steps), ("seed", order.seed), ("shards", order.shards)):
            if not isinstance(value, Integral) or isinstance(value, bool):
                raise Problem(f"{name}={value!r}: give a whole number")
        for name, word in (("model", order.model), ("time", order.time), ("set", order.set)):
            if not isinstance(word, str | None):
                raise Problem(f"{name}={word!r}: give a word")
        if order.steps < 0 or (order.steps and order.time):
            raise Problem(f"--steps {order.steps} --time {order.time}: give one of the two, above 0")
        self.budget = seconds(order.time) if order.time else 0.0
        segments.known(order.stop)
        self.preferred = ""  # the set that came with the choice of the model
        self.sizes: dict[tuple[int, ...], Prepared] = {}  # the data, at each size that was looked at
        self.size: tuple[int, ...] = ()  # the one that counts
        self.said: set[str] = set()  # notes on the data

    def run(self) -> Run:
        self.fabric = launch()
        self.reporter = self.reporter if self.fabric.global_rank == 0 else Silent()
        with in_order(self.fabric.device, self.reporter.say):
            return self.begin()

    def begin(self) -> Run:
        """From data and order to a folder, and training in it."""
        old = self.old()
        if not self.order.model and not old:
            self.choose()
            old = self.old()
        family = find(self.order.model or (old.info["model"] if old else ""))
        one_set(family, (self.order.data, *self.order.options.beside))
        named = self.named(family, self.order.set or self.usual_set(family, old))
        self.prepare(tuple(old.info["source"]["size"]) if old else named.training.size)
        folder = self.folder(family.name)
        if not old and folder.is_dir() and any(p.name != ".lock" for p in folder.iterdir()):
            raise Problem(f"{folder}: not empty, and no run. Name another folder by --out")
        if not old and not self.order.set and self.budget:
            named = self.largest(family, named)
        info = self.describe(family, named)
        if old:
            unchanged(old, info, self.order)
        self.fabric.barrier()  # no process writes before all have seen what was there
        with locked(folder) if self.fabric.global_rank == 0 else nullcontext():
            return self.train(family, old or Run(folder, info), old is not None)

    def folder(self, model: str) -> Path:
        places = (self.order.data, *self.order.options.beside)
        return self.order.out or Path("runs") / "-".join([*map(slug, places), model])

    def old(self) -> Run | None:
        """The run to go on with; None too where its folder's name hangs on a model that is not chosen yet."""
        folder = self.folder(self.order.model)
        known = self.order.out or self.order.model
        return Run.open(folder) if known and (folder / "run.json").is_file() else None

    # ---------------------------------------------------------------------------------------------------- what to train

    def choose(self) -> None:
        """A model for the data at its own size."""
        self.prepare(())
        spec, count = self.prepared.codec.spec, len(self.prepared.train)
        shape = next(iter(spec.fields.values())).shape
        gpu = self.fabric.device.type != "cpu"
        choice = choose(spec.kind, shape, count, gpu, self.order.options.predict, spec.domains)
        self.reporter.say(f"model: {choice.model} ({choice.why}); --model names another")
        if choice.set and not self.order.set and not self.budget:
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
        name = largest((self.trial(family, size) for size in sizes), self.budget * MARGIN)
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

    # ------------------------------------------------------------------------------------------------------------ train

    def train(self, family: Family, run: Run, going_on: bool) -> Run:
        if self.fabric.global_rank == 0:
            clean(run.path)
        plan = Plan(**run.info["plan"])
        if going_on and self.order.retry:
            plan = replace(plan, attempt=plan.attempt + 1)
        model = self.built(family, build_config(family.load().Config, run.info["config"]), plan.seed)
        memory.keep()  # from here on: what data took while it was read is given back
        trainer = Trainer(model, self.prepared.train, plan, self.fabric)
        facts = {k: run.info[k] for k in ("model", "config", "spec")}
        sampling = vars(family.load()).get("Sampling")
        session = Session(run.path, trainer, self.prepared, self.reporter, facts, sampling, self.order.tensorboard)
        if going_on and (latest := latest_checkpoint(run.path)):
            whole = checkpoint.load(latest)
            with checkpoint.of_this_model(latest):
                session.load(whole)
            warn(run, self.order.retry, self.fabric, self.reporter.say)
        until, planned = length(self.order, self.budget, run, session)
        run.info["plan"] = asdict(plan)
        session.stop = segments.stop_of(self.order.stop, run)
        segments.record(run, until, session.stop, self.budget, trainer.step, self.fabric)
        session.since = segments.last_of(run).get("from", 0)
        if trainer.step >= until or session.verdict():
            self.done(session, until)
        else:
            if trainer.rests(planned):
                self.reporter.say(
                    f"note: the learning rate fell to 0 by step {planned:,}, as planned: further steps teach nothing. "
                    f"Begin anew for longer: --steps {until} --out with another folder"
                )
            self.sit(session, run, until, planned)
        segments.record_end(run, session)
        if self.fabric.global_rank == 0:
            self.calibrate(run.path)
        return Run.open(run.path)

    def done(self, session: Session, until: int) -> None:
        """Nothing to train; what a kill at the very end left undone is made good."""
        if session.agreed(not (session.folder / "last.ckpt").exists()):
            session.save(ends=True)
        what, cure = f"done at step {session.trainer.step}", "a larger --steps or --time"
        if session.trainer.step < until:
            what, cure = f"done, {session.why(until)}", f"{cure}, or --stop never,"
        self.reporter.say(f"{session.folder}: {what}; {cure} goes on from there")

    def sit(self, session: Session, run: Run, until: int, planned: int) -> None:
        """Train; what ended it early is kept in run.json."""
        try:
            session.run(until, planned)
        except Diverged as trouble:
            run.info["trouble"] = str(trouble)
            write_json(run.path / "run.json", run.info)
            raise

    def calibrate(self, folder: Path) -> None:
        """What goes wrong with it is said, and made good by the first `predict`: the run itself is whole."""
        from reverie.tasks.calibrate import leave

        run = Run.open(folder)
        run.prepared = self.prepared  # open already; the run that is returned doesn't keep it in memory
        try:
            leave(run, self.reporter.say)
        except Exception as error:
            self.reporter.say(f"note: not calibrated yet ({error})")

    def built(self, family: Family, config: Any, seed: int) -> Model:
        reseed(seed, "model")
        model = build_model(family, config, self.prepared.codec.spec)
        named = ",".join(self.order.options.attributes)
        if named and not (isinstance(model, Conditioned) and "attributes" in model.conditions):
            cure = "Leave it out, or name a model whose abilities have condition (see `reverie models`)"
            raise Problem(f"--attributes {named}: {family.name} is told none. {cure}")
        return model


def latest_checkpoint(folder: Path) -> Path | None:
    """last.ckpt; best.ckpt where only that is left; None before the first."""
    return next((folder / name for name in ("last.ckpt", "best.ckpt") if (folder / name).exists()), None)


def default_set(family: Family) -> str:
    return "small" if "small" in family.sets else "paper"


def altered(values: Any, changes: Mapping[str, Any], whose: str) -> Any:
    """A Config or Training with some fields set. Raises Problem for a field that is not there."""
    names = [f.name for f in dataclass_fields(values)]
    for name in changes:
        if name not in names:
            raise Problem(f"--{name}: {whose} has no such field. There are: {', '.join(names)}")
    return replace(values, **changes)


def resolved(where: str) -> str:
    """A place as it is named from anywhere; a named set by its name."""
    return str(Path(where).resolve()) if where and Path(where).exists() else where


def slug(where: str) -> str:
    """A folder's name from the data's."""
    name = Path(where).name.split(".")[0] or "data"
    return re.sub(r"[^\w-]+", "-", name).strip("-").lower() or "data"
