"""Judge a run by what its model can do: samples against held-out items, likelihood, predictions."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reverie.core import Predicts, Samples, Scores
from reverie.errors import Problem
from reverie.metrics import Metric
from reverie.training.files import write_json, write_text

from . import items
from .likelihood import likelihood
from .predictions import predictions
from .report import page
from .words import headline

if TYPE_CHECKING:
    from reverie.training.run import Run

SHOWN, COMPARED, NEAREST = 64, 8, 3  # samples on the page; of which beside their neighbours; how many of those


@dataclass(frozen=True)
class Report:
    """What judging found. `folder` holds it as report.json and report.html."""

    metrics: list[Metric]
    folder: Path
    headline: list[str]
    notes: list[str] = field(default_factory=list)  # what could not be measured, and why

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
        return {"headline": self.headline, "metrics": metrics, "notes": self.notes}


def evaluate(run: Run, *, samples: int = 0, seed: int = 0, draws: int = 50) -> Report:
    """Measure what the run's model can do and write its report. `samples`: generated items, and held-out ones that they
    are judged by (0: as many as the kind's measures say); `draws`: importance samples of a likelihood. The same run and
    arguments give the same numbers. Raises Problem."""
    if samples < 0:
        raise Problem(f"--samples {samples}: ask for 1 or more, or leave it out")
    if draws < 1:
        raise Problem(f"--draws {draws}: a likelihood needs at least 1")
    metrics: list[Metric] = []
    notes: list[str] = []
    shown, compared = None, None
    if isinstance(run.model, Samples):
        found, shown, compared = judged(run, samples, seed)
        metrics += found
        if not found:
            notes.append(f"{len(run.prepared.held_out)} held-out items: too few to judge samples by")
    if isinstance(run.model, Scores):
        metrics += likelihood(run, samples=samples, seed=seed, draws=draws)
    predicted = predictions(run, samples=samples) if isinstance(run.model, Predicts) else None
    if predicted:
        metrics += predicted.metrics
    elif isinstance(run.model, Predicts):
        notes.append("0 held-out items: nothing to judge predictions by")
    folder = run.path / "report"
    report = Report(metrics, folder, headline(metrics), notes)
    about = {"model": run.info["model"], "source": run.info["source"]["where"], "seed": seed}
    write_json(folder / "report.json", {**about, **report.to_json()})
    write_text(report.html, page(run, report, shown, compared, predicted))
    return report


def judged(run: Run, samples: int, seed: int) -> tuple[list[Metric], Any, Any]:
    """The metrics; samples to show; and some of them beside the training items that they are most like."""
    measures = import_module(f"reverie.metrics.{run.spec.kind}")
    data = run.prepared
    count = samples or min(measures.SAMPLES, max(len(data.held_out), SHOWN))
    held_out, train = items.spread(len(data.held_out), count), items.spread(len(data.train), count)
    metrics = measures.judge(
        items.raw(data.held_out, held_out),
        items.drawn(run, count, seed),
        items.raw(data.train, train),
        untrained=items.drawn_untrained(run, count, seed),
        seed=seed,
    )
    shown = next(items.drawn(run, min(SHOWN, count), seed))
    queries = shown[:COMPARED]
    near = measures.nearest(queries, items.raw(data.train, train), NEAREST)
    return metrics, shown, [(query, data.train.raw(train[index])) for query, index in zip(queries, near)]
