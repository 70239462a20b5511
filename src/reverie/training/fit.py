"""`reverie fit`: from data to a trained run, or on from where a run was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import Any

from reverie.catalog import Family, find
from reverie.errors import Diverged, Problem
from reverie.kinds import DataOptions

from . import checkpoint, memory, segments
from .build import build_config, one_set
from .choice import Choice
from .devices import in_order, launch
from .files import clean, locked, write_json
from .length import length
from .order import Order
from .progress import Reporter, Silent
from .resuming import unchanged, warn
from .run import Run
from .session import Session
from .trainer import Plan, Trainer


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
    folder = Path(out) if out else None
    asked = Order(str(data), model, folder, steps, time, set, seed, options, fields or {}, training or {}, **more)
    return Fitting(asked, reporter or Silent()).run()


class Fitting:
    """The stages of one call, in order."""

    def __init__(self, order: Order, reporter: Reporter):
        self.fabric = launch()
        self.reporter = reporter if self.fabric.global_rank == 0 else Silent()
        self.choice = Choice(order, self.fabric, self.reporter)

    def run(self) -> Run:
        with in_order(self.fabric.device, self.reporter.say):
            return self.begin()

    def begin(self) -> Run:
        """From data and order to a folder, and training in it."""
        choice, old = self.choice, self.old()
        if not self.order.model and not old:
            choice.choose()
            old = self.old()
        family = find(self.order.model or (old.info["model"] if old else ""))
        one_set(family, self.order.places)
        named = choice.named(family, self.order.set or choice.usual_set(family, old))
        choice.prepare(tuple(old.info["source"]["size"]) if old else named.training.size)
        folder = self.order.folder(family.name)
        if not old and folder.is_dir() and any(p.name != ".lock" for p in folder.iterdir()):
            raise Problem(f"{folder}: not empty, and no run. Name another folder by --out")
        if not old and not self.order.set and self.order.budget:
            named = choice.largest(family, named)
        info = choice.describe(family, named)
        if old:
            unchanged(old, info, self.order)
        self.fabric.barrier()  # no process writes before all have seen what was there
        with locked(folder) if self.fabric.global_rank == 0 else nullcontext():
            return self.train(family, old or Run(folder, info), old is not None)

    @property
    def order(self) -> Order:
        """With the model in it, once that is chosen."""
        return self.choice.order

    def old(self) -> Run | None:
        """The run to go on with; None too where its folder's name hangs on a model that is not chosen yet."""
        folder = self.order.folder(self.order.model)
        known = self.order.out or self.order.model
        return Run.open(folder) if known and (folder / "run.json").is_file() else None

    def train(self, family: Family, run: Run, going_on: bool) -> Run:
        if self.fabric.global_rank == 0:
            clean(run.path)
        plan = Plan(**run.info["plan"])
        if going_on and self.order.retry:
            plan = replace(plan, attempt=plan.attempt + 1)
        model = self.choice.built(family, build_config(family.load().Config, run.info["config"]), plan.seed)
        memory.keep()  # from here on: what data took while it was read is given back
        data, board = self.choice.prepared, self.order.tensorboard
        trainer = Trainer(model, data.train, plan, self.fabric)
        facts = {k: run.info[k] for k in ("model", "config", "spec")}
        sampling = vars(family.load()).get("Sampling")
        session = Session(run.path, trainer, data, self.reporter, facts, sampling, board)
        if going_on and (latest := latest_checkpoint(run.path)):
            whole = checkpoint.load(latest)
            with checkpoint.of_this_model(latest):
                session.load(whole)
            warn(run, self.order.retry, self.fabric, self.reporter.say)
        until, planned = length(self.order, run, session)
        run.info["plan"] = asdict(plan)
        session.stop = segments.stop_of(self.order.stop, run)
        segments.record(run, until, session.stop, self.order.budget, trainer.step, self.fabric)
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
        run.prepared = self.choice.prepared  # open already; the run that is returned doesn't keep it in memory
        try:
            leave(run, self.reporter.say)
        except Exception as error:
            self.reporter.say(f"note: not calibrated yet ({error})")


def latest_checkpoint(folder: Path) -> Path | None:
    """last.ckpt; best.ckpt where only that is left; None before the first."""
    return next((folder / name for name in ("last.ckpt", "best.ckpt") if (folder / name).exists()), None)
