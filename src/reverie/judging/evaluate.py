"""Judge a run by what its model can do: samples against held-out items, likelihood, predictions."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reverie.core import Bounds, Predicts, Samples, Says, Scores, Translates
from reverie.errors import Problem
from reverie.metrics import Metric
from reverie.tasks.sample import options
from reverie.training.files import write_json, write_text

from .course import course
from .likelihood import likelihood
from .parts import rate_distortion
from .predictions import predictions
from .report import page
from .samples import Asked, is_statistics, judged, statistics_in, told
from .translations import translations
from .verdict import Verdict, verdicts
from .words import headline

if TYPE_CHECKING:
    from reverie.training.run import Run


@dataclass(frozen=True)
class Report:
    """What judging found. `folder` holds it as report.json and report.html."""

    metrics: list[Metric]
    folder: Path
    headline: list[str]
    notes: list[str] = field(default_factory=list)  # what could not be measured, and why
    verdicts: list[Verdict] = field(default_factory=list)  # what is wrong, or that nothing is; empty: nothing can tell

    @property
    def html(self) -> Path:
        return self.folder / "report.html"

    def __getitem__(self, name: str) -> float:
        """The value of the metric with that name, or of the only one that starts so (`frechet` for `frechet_2k`)."""
        found = [m for m in self.metrics if m.name == name] or [m for m in self.metrics if m.name.startswith(name)]
        if len(found) != 1:
            raise KeyError(f"{name}: {len(found)} metrics are so named; there are {[m.name for m in self.metrics]}")
        return found[0].value

    def to_json(self) -> dict[str, Any]:
        metrics = [m.to_json() for m in self.metrics]
        found = [verdict.to_json() for verdict in self.verdicts]
        return {"verdicts": found, "headline": self.headline, "metrics": metrics, "notes": self.notes}


def evaluate(run: Run, asked: Asked | None = None, *, draws: int = 50, **more: Any) -> Report:
    """Measure what the run's model can do and write its report. `more` are fields of `Asked`: samples, seed, seeds,
    against, extractor; all others are of the model's Sampling. `draws`: importance samples of a likelihood. The same
    run and arguments give the same numbers. Raises Problem."""
    asked = wanted(asked or Asked(), more)
    check(run, asked, draws)
    metrics: list[Metric] = []
    notes: list[str] = []
    made = judged(run, asked) if isinstance(run.model, Samples) else None
    if made:
        metrics += made.metrics
        notes += made.notes
        notes += [run.model.said()] if isinstance(run.model, Says) else []
    there = len(run.prepared.held_out) > 0
    if isinstance(run.model, Scores) and there:
        metrics += likelihood(run, samples=asked.samples, seed=asked.seed, draws=draws)
    if isinstance(run.model, Bounds) and there:
        metrics += rate_distortion(run, samples=asked.samples, seed=asked.seed)
    if isinstance(run.model, Scores | Bounds) and not there:
        notes.append("0 held-out items: nothing to score. Train with more items, or a larger --held-out")
    predicted = predictions(run, samples=asked.samples) if isinstance(run.model, Predicts) else None
    if predicted:
        metrics += predicted.metrics
    elif isinstance(run.model, Predicts):
        notes.append("0 held-out items: nothing to judge predictions by")
    turned = translations(run, asked, course(run)) if isinstance(run.model, Translates) else None
    if turned:
        metrics += turned.metrics
        notes += turned.notes
    found = turned.verdicts if turned else verdicts(metrics, course(run))
    if asked.how:
        notes.append(f"samples were {told(asked.how)}: numbers of other options are of other samples")
    if "designed" in run.info:  # far from the data by intent: no fault
        found = []
        notes.append(
            f"designed from {run.info['designed']['from']}: away from the data by intent, so no verdict is made"
        )
    words = turned.lines if turned else headline(metrics, bool(found))
    folder = run.path / "report"
    report = Report(metrics, folder, [*(one.line for one in found), *words], notes, found)
    about = {"model": run.info["model"], "source": run.info["source"]["where"], "seed": asked.seed}
    write_json(folder / "report.json", {**about, **report.to_json()})
    write_text(report.html, page(run, report, made, predicted, turned))
    return report


def wanted(asked: Asked, more: Mapping[str, Any]) -> Asked:
    """Fields of `Asked` by name; all others are of the model's Sampling."""
    how = {name: value for name, value in more.items() if name not in Asked.__dataclass_fields__}
    own = {"how": asked.how, **{name: value for name, value in more.items() if name not in how}}
    return replace(asked, **{**own, "how": {**own["how"], **how}})


def check(run: Run, asked: Asked, draws: int) -> None:
    if asked.samples < 0:
        raise Problem(f"--samples {asked.samples}: ask for 1 or more, or leave it out")
    if asked.seeds < 1:
        raise Problem(f"--seeds {asked.seeds}: ask for 1 or more")
    if asked.statistics and not os.access(Path(asked.statistics).resolve().parent, os.W_OK):
        raise Problem(f"--statistics {asked.statistics}: its folder is not there, or not writable. Name another place")
    if asked.statistics and Path(asked.statistics).exists() and not is_statistics(Path(asked.statistics)):
        raise Problem(f"--statistics {asked.statistics}: there already, and no statistics. Name another file")
    if draws < 1:
        raise Problem(f"--draws {draws}: a likelihood needs at least 1")
    options(run.sampling, asked.how)
    if not isinstance(run.model, Samples):
        for name in ("against", "extractor", "classifier", "statistics"):
            if getattr(asked, name) and not (name == "extractor" and isinstance(run.model, Translates)):
                raise Problem(f"--{name}: {run.family.name} makes no samples to judge. Leave it out")
        if asked.seeds > 1:
            raise Problem(f"--seeds {asked.seeds}: {run.family.name} makes no samples to judge. Leave it out")
    elif asked.statistics and statistics_in(run, asked):
        both = f"--against {asked.against} --statistics {asked.statistics}"
        raise Problem(f"{both}: what judges is no pictures whose statistics could be kept. Leave one of the two out")
