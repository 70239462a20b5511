"""`reverie compare`: several models trained alike on the same split, judged alike, and ranked."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import fields as dataclass_fields
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any

from reverie.catalog import Family
from reverie.errors import Diverged, NoRoom, Problem, Stopped, out_of_memory
from reverie.kinds import DataOptions
from reverie.kinds.find import open_source
from reverie.training import log
from reverie.training.files import locked, write_json, write_text
from reverie.training.fit import fit
from reverie.training.pace import seconds
from reverie.training.progress import Reporter, Silent
from reverie.training.run import Run
from reverie.training.written import read_options

from .compare_page import page
from .comparison import Comparison, Row, Trained, judged_before, read
from .evaluate import evaluate
from .order import Order, common_size, settled, wishes


def compare(
    data: str | Path,
    models: str | Sequence[str] = (),
    *,
    time: str = "",
    steps: int = 0,
    out: str | Path = "",
    reporter: Reporter | None = None,
    **more: Any,
) -> Comparison:
    """Train each of `models` for the same `time` (such as "10m", the default) or `steps` on the same split of `data`,
    judge all alike, and rank them; or go on where the folder `out` was. Of `more`: seeds (training seeds a model), set,
    samples, options, resume, and fields of DataOptions. A model that can't be trained is a row that says why. Raises
    Problem where no model could be trained, and for an order that the folder can't hold; Stopped and NoRoom as `fit`
    does, after which the same call goes on."""
    named = models.split(",") if isinstance(models, str) else models
    known = {f.name for f in dataclass_fields(DataOptions)}
    read_by = {k: more.pop(k) for k in list(more) if k in known}
    options = replace(more.pop("options", None) or DataOptions(), **read_by)
    chosen = tuple(name.strip() for name in named if name.strip())
    order = Order(str(data), chosen, Path(out) if out else None, time, steps, options=options, **more)
    return Comparing(order, reporter or Silent()).run()


class Comparing:
    """The stages of one call, in order."""

    def __init__(self, order: Order, reporter: Reporter):
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            raise Problem("compare: started as several processes. Start it without torchrun: it trains in one")
        self.kept = read(order.folder)
        self.order, self.reporter = settled(order, self.kept), reporter
        self.rows = {model: Row(model) for model in self.order.models}
        self.fingerprint = ""
        self.size: tuple[int, ...] = ()  # forced on all models
        self.first: Problem | None = None  # that a model had

    def run(self) -> Comparison:
        folder = self.order.folder
        if not self.kept and folder.is_dir() and any(p.name != ".lock" for p in folder.iterdir()):
            raise Problem(f"{folder}: not empty, and no comparison. Name another folder by --out")
        source = open_source(self.order.data, self.order.options)
        before = self.before()
        forced = tuple(self.kept["size"]) if self.kept else ()
        wish = tuple(before[0].info["source"]["size"]) if before else None
        self.size = common_size(self.order, source.kind, forced, wish)
        if before:
            self.unchanged(before[0])
        else:
            asked = wishes(self.order.families[0], self.order, source.kind)
            source.prepare(self.size or max(asked, default=()))  # its faults are no model's
        if self.size and not before:
            size = "x".join(map(str, self.size))
            self.reporter.say(f"size: {size} for all models, the largest that one asks for; --size sets another")
        with locked(folder):
            return self.all()

    def before(self) -> list[Run]:
        """Runs that are in the folder already."""
        places = [self.place(model, seed) for model in self.order.models for seed in range(self.order.seeds)]
        return [Run.open(place) for place in places if (place / "run.json").is_file()]

    def place(self, model: str, seed: int) -> Path:
        return self.order.folder / f"{model}-seed{seed}"

    def unchanged(self, run: Run) -> None:
        """Raises Problem where the data is not what the folder's runs were trained on."""
        source, folder = run.info["source"], self.order.folder
        size = self.order.options.size or tuple(source["options"]["size"])
        found = open_source(self.order.data, replace(self.order.options, size=size)).prepare(tuple(source["size"]))
        if found.fingerprint != source["fingerprint"]:
            raise Problem(
                f"{self.order.data}: other data, or read otherwise, than {folder} compares on. Name another folder by "
                f"--out to compare anew; {folder} stays as it is"
            )
        self.fingerprint = found.fingerprint

    def all(self) -> Comparison:
        """Seed by seed, so that a first answer is there as early as can be."""
        self.remember()
        write_json(self.found.json, self.found.to_json())
        for seed in range(self.order.seeds):
            for family in self.order.families:
                self.one(family, seed)
        if not any(row.seeds for row in self.rows.values()):
            if not self.before():  # nothing was begun: the folder is as it was
                self.found.json.unlink()
                self.found.html.unlink(missing_ok=True)
            assert self.first is not None
            raise self.first
        return self.found

    def remember(self) -> None:
        """What was judged for as long a training and by as many samples stays in compare.json until its turn comes."""
        asked = self.order.to_json()
        if self.kept and all(self.kept[k] == asked[k] for k in ("budget", "samples")):
            for row in self.rows.values():
                for seed in range(self.order.seeds):
                    if before := judged_before(self.kept, row.model, seed):
                        row.seeds[seed] = before

    @property
    def found(self) -> Comparison:
        return Comparison(self.order, list(self.rows.values()), self.fingerprint, self.size)

    def one(self, family: Family, seed: int) -> None:
        """Train and judge one run; what goes wrong with it is kept, and the others go on."""
        row, place = self.rows[family.name], self.place(family.name, seed)
        if row.troubles and not row.seeds:
            return  # what it can't do by one seed it can't by another
        row.seeds.pop(seed, None)
        self.reporter.say(f"{family.name}, seed {seed}")
        try:
            self.judge(self.trained(family, seed), row, seed)
        except (Stopped, NoRoom):
            raise
        except Problem as problem:
            self.failed(row, seed, problem)
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            self.failed(row, seed, Problem(f"{place}: out of memory. Pass a smaller --size or --set"))
        write_json(self.found.json, self.found.to_json())
        write_text(self.found.html, page(self.found))

    def failed(self, row: Row, seed: int, problem: Problem) -> None:
        row.troubles[seed] = said = str(problem)
        if isinstance(problem, Diverged):
            place = self.place(row.model, seed)
            row.troubles[seed] = f"{said} (reverie fit … --out {place} --retry; the comparison then takes it as it is)"
        self.first = self.first or problem
        self.reporter.say(f"{row.model}, seed {seed}: {problem}")

    # ------------------------------------------------------------------------------------------------- train and judge

    def trained(self, family: Family, seed: int) -> Run:
        """The run, trained as far as the order says."""
        place, order = self.place(family.name, seed), self.order
        old = Run.open(place) if (place / "run.json").is_file() else None
        if old and old.info.get("trouble"):
            raise Diverged(old.info["trouble"])
        if old and finished(old, order):
            self.reporter.say(f"{place}: trained already")
            return old
        options = replace(order.options, size=self.size) if self.size else order.options
        run = fit(
            order.data,
            family.name,
            out=place,
            steps=order.steps,
            time=order.time,
            set="" if old else self.set_of(family),
            seed=seed,
            options=read_options(old.info["source"]["options"]) if old else options,
            reporter=self.reporter,
        )
        found = run.info["source"]["fingerprint"]
        if found != (self.fingerprint or found):
            raise Problem(f"{place}: trained on other data than the others. Remove it, or name another folder by --out")
        self.fingerprint = found
        return run

    def set_of(self, family: Family) -> str:
        """The one that the model's other seeds have: what is compared is one model. "": by the rule of `fit`."""
        runs = [self.place(family.name, seed) for seed in range(self.order.seeds)]
        others = [Run.open(run).info["set"] for run in runs if (run / "run.json").is_file()]
        return str(others[0]) if others else self.order.set if self.order.set in family.sets else ""

    def judge(self, run: Run, row: Row, seed: int) -> None:
        """Unless that was done, for the run as it is and by the same protocol."""
        before = judged_before(self.kept, row.model, seed)
        if before and self.stands(before, run):
            row.seeds[seed] = before
            self.reporter.say(f"{run.path}: judged already")
            return
        size = sum(p.numel() for p in run.model.parameters())
        last = (log.read(run.path / "log.jsonl") or [{"items": 0, "seconds": 0.0}])[-1]
        entry = Trained(run.path.name, run.step, last["items"], last["seconds"], run.info["set"], size)
        row.seeds[seed] = entry
        report = evaluate(run, samples=self.order.samples)
        entry.metrics, entry.headline = [m for m in report.metrics if isfinite(m.value)], report.headline
        lost = [m.name for m in report.metrics if not isfinite(m.value)]
        if lost:
            raise Problem(f"{run.path}: {', '.join(lost)} not finite, and left out. See its report")

    def stands(self, before: Trained, run: Run) -> bool:
        """Is what compare.json says still what the run's own report says, of its last step and by as many samples?"""
        assert self.kept is not None
        try:
            report = json.loads((run.path / "report" / "report.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        same = report.get("metrics") == [m.to_json() for m in before.metrics]
        return same and before.steps == run.step and self.kept["samples"] == self.order.samples


def finished(run: Run, order: Order) -> bool:
    """Is it trained as long as the order says?"""
    segments: Sequence[Mapping[str, Any]] = run.info["segments"]
    if not segments or not (run.path / "last.ckpt").is_file():
        return False
    last = segments[-1]
    asked = last["steps"] == order.steps if order.steps else last["time"] == seconds(order.time)
    return bool(asked and run.step >= last["steps"])
