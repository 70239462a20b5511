"""`reverie evaluate RUN`: how good a run is, in numbers that say how they were taken."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reverie.terminal import Terminal

from .arguments import Parser, add_options, drawing, given_fields
from .readers import text, whole

if TYPE_CHECKING:
    from reverie.metrics import Metric

HELP = "say how good a run is, in words and in numbers"


def parser(words: Sequence[str]) -> Parser:
    made, family = drawing("evaluate", f"{HELP[0].upper()}{HELP[1:]}, and write its report.", words)
    made.add_argument("run", metavar="RUN", help="a folder that `reverie fit` made")
    made.value("--samples", whole("--samples", 1), "items to judge by (default: as many as the kind's measures say)")
    made.value("--seed", whole("--seed", 0), "of all chance (default 0)", default=0)
    made.value("--seeds", whole("--seeds", 1), "sampling seeds: means and intervals over them (default 1)", default=1)
    other = "other data to judge samples by (default: the held-out part)"
    made.value("--against", text("--against"), other, metavar="DATA")
    which = "of features: default, inception, inception-clean (default: what needs no download)"
    made.value("--extractor", text("--extractor"), which, metavar="NAME")
    judge = "a run that predicts the same labels: judges classes"
    made.value("--classifier", text("--classifier"), judge, metavar="RUN")
    made.value("--statistics", text("--statistics"), "keep the real side's statistics in this file", metavar="FILE.npz")
    made.switch("--json", "print one JSON object, and nothing else, on standard output")
    add_options(made, family)
    return made


def run(args: Namespace, screen: Terminal) -> dict[str, Any]:
    from reverie.judging.evaluate import evaluate
    from reverie.judging.samples import Asked
    from reverie.training.run import Run

    opened = Run.open(args.run)
    names = ("against", "extractor", "classifier", "statistics")
    given = {name: getattr(args, name) or "" for name in names}
    asked = Asked(args.samples or 0, args.seed, args.seeds, **given, how=given_fields(args))
    report = evaluate(opened, asked)
    screen.tell(*report.headline)
    columns = ("measure", "value", "95 %", "floor", "reference", "p", "samples", "unit")
    screen.table(columns, map(row, report.metrics), right=("value", "floor", "reference", "p", "samples"))
    screen.tell(*protocols(report.metrics), *report.notes)
    files = [report.folder / "report.json", report.html]
    screen.files(files)
    after = f"reverie sample {shlex.quote(str(opened.path))} -n 64"
    if "translate" in opened.family.abilities:
        screen.tell(f"next: reverie translate {shlex.quote(str(opened.path))} FILES")
    if "sample" in opened.family.abilities:
        screen.tell(f"next: {after}")
    return {"run": opened.path, **report.to_json(), "files": files}


def protocols(metrics: Sequence[Metric]) -> list[str]:
    """A line each, of equal ones together."""
    named: dict[str, list[str]] = {}
    for m in metrics:
        named.setdefault(m.protocol, []).append(m.name)
    few = {how: names if len(names) < 4 else [names[0], "…", names[-1]] for how, names in named.items()}
    return [f"{', '.join(names)}: {how}" for how, names in few.items()]


def row(m: Metric) -> tuple[str, ...]:
    return m.name, number(m.value), span(m), number(m.floor), number(m.reference), number(m.p), f"{m.samples:,}", m.unit


def number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def span(metric: Metric) -> str:
    """The 95 % interval."""
    return "" if metric.low is None or metric.high is None else f"{metric.low:.4g} … {metric.high:.4g}"
