"""A comparison as one HTML file: nothing is loaded from anywhere, nothing in it runs. Everything on it comes from the
folder, so that an interrupted comparison has a page of what there is."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from reverie.metrics import Metric
from reverie.training.health import SPREAD
from reverie.training.log import read

from .chart import LINES, Points, chart, legend
from .comparison import Comparison, Row
from .counts import renamed
from .ranking import Span, Standing, means
from .report import CHARACTERS, NOT_CURVES, between, blank, document, section
from .style import STYLE
from .words import number

WORSE = {True: "surely worse", False: "not surely worse", None: "no interval"}
OWN = """
.models { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: 1rem 1.5rem; }
.models figcaption { font-size: .9375rem; color: var(--ink); }
.models ul { font-size: .8125rem; color: var(--soft); padding-left: 1.1rem; margin: .5rem 0; }
td small { display: block; color: var(--soft); }
"""


def page(found: Comparison) -> str:
    """The answer, places, measures, samples side by side, curves."""
    order = found.order
    title = f"{', '.join(order.models)} on {Path(order.data).name}"
    said = "".join(f"<li>{escape(line)}</li>" for line in found.verdict)
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p class='note'>{escape(facts(found))}</p>",
        f"<ul class='verdict'>{said}</ul>",
        section("Places", places(found)),
        section("Measures", measures(found)),
        section("Samples", samples(found)),
        section("Training", curves(found)),
    ]
    return document(title, "compared", f"{STYLE}{LINES}{OWN}", parts)


def facts(found: Comparison) -> str:
    """What was done alike, in a line."""
    order = found.order
    seeds = "one run a model"
    if order.seeds > 1:
        seeds = f"{order.seeds} runs a model, training seeds 0 to {order.seeds - 1}"
    size = f"; items of {'×'.join(map(str, found.size))}" if found.size else ""
    return f"{order.budget} of training a run on the same split of {order.data}{size}; {seeds}; {found.folder}"


# --------------------------------------------------------------------------------------------------------------- tables

PLACE = ("place", "95 %", "against the first", "steps", "items seen", "training", "parameters")


def places(found: Comparison) -> str:
    """One row a model: ranked ones first, then those without a rank, then those that could not be trained."""
    ranking = found.ranking
    standing = {s.model: s for s in ranking.standings}
    ordered = sorted(found.rows, key=lambda row: (row.model not in standing, not row.runs, rank(standing, row)))
    names = (ranking.measure or "measure", *PLACE[1:])
    body = "".join(place(row, standing.get(row.model), ("place", *names)) for row in ordered)
    heads = "".join(f"<th scope='col'>{escape(name)}</th>" for name in ("model", "place", *names))
    about = (
        "Intervals of several runs are Student's, of one run the measure's own; surely worse: the intervals lie apart."
    )
    if ranking.leading:
        about = f"{ranking.leading.words}: {'higher' if ranking.leading.higher else 'lower'} is better. {about}"
    whole = f"<table><thead><tr>{heads}</tr></thead>{body}</table>"
    return f"<div class='wide'>{whole}</div><p class='note'>{escape(about)}</p>"


def rank(standing: dict[str, Standing], row: Row) -> int:
    return standing[row.model].rank if row.model in standing else 0


def place(row: Row, standing: Standing | None, names: Sequence[str]) -> str:
    """A model's row; what went wrong in a row of its own."""
    cells = [""] * len(names)
    if row.runs:
        count = len(row.runs)
        items, time = (sum(getattr(run, name) for run in row.runs) / count for name in ("items", "seconds"))
        steps, size = sum(run.steps for run in row.runs) / count, row.runs[0].parameters
        cells[4:] = [f"{steps:,.0f}", f"{items:,.0f}", spent(time), f"{size:,}"]
    if standing:
        span = standing.span
        against = "first" if standing.rank == 1 else WORSE[standing.worse]
        cells[:4] = [str(standing.rank), number(span.value), between(span.low, span.high), against]
    tds = "".join(f"<td data-name='{escape(name)}'>{escape(cell)}</td>" for name, cell in zip(names, cells))
    sets = ", ".join(dict.fromkeys(run.set for run in row.runs))
    links = " ".join(f"<a href='{quote(run.run)}/report/report.html'>{escape(run.run)}</a>" for run in row.runs)
    under = f"<small>{escape(sets)} {links}</small>" if row.runs else ""
    said = f"<tr class='protocol'><td colspan='{len(names) + 1}'>{escape(row.trouble)}</td></tr>" if row.trouble else ""
    return f"<tbody><tr><th scope='row'>{escape(row.model)}{under}</th>{tds}</tr>{said}</tbody>"


def spent(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def measures(found: Comparison) -> str:
    """One row a measure, one column a model; those of single classes are in each run's own report."""
    rows = [row for row in found.rows if any(run.metrics for run in row.runs)]
    runs = renamed([run.metrics for row in rows for run in row.runs])
    known: dict[str, Metric] = {}
    for metrics in runs:
        known = {m.name: m for m in metrics if "[" not in m.name} | known
    if not known:
        return ""
    rest = iter(runs)
    spans = {row.model: means([next(rest) for _ in row.runs]) for row in rows}
    body = ""
    for name, metric in known.items():
        same = references(runs, name)
        tds = "".join(f"<td data-name='{escape(model)}'>{cell(own.get(name))}</td>" for model, own in spans.items())
        tds += f"<td data-name='floor'>{blank(metric.floor)}</td>"
        tds += f"<td data-name='reference'>{blank(same)}</td>"
        body += (
            f"<tbody><tr><th scope='row'>{escape(name)}<small>{escape(metric.unit)}</small></th>{tds}</tr>"
            f"<tr class='protocol'><td colspan='{len(rows) + 3}'>{escape(metric.protocol)}</td></tr></tbody>"
        )
    heads = "".join(f"<th scope='col'>{escape(one)}</th>" for one in ("measure", *spans, "floor", "reference"))
    about = (
        "Floor: what real data scores against real data. Reference: a baseline that the protocol names, where it is "
        "the same for all models; else it stands in the reports of the runs, as measures of single classes do."
    )
    whole = f"<table><thead><tr>{heads}</tr></thead>{body}</table>"
    return f"<div class='wide'>{whole}</div><p class='note'>{about}</p>"


def references(runs: Sequence[Sequence[Metric]], name: str) -> float | None:
    """The one that all models have; None where they differ, as untrained models do."""
    found = {m.reference for metrics in runs for m in metrics if m.name == name}
    return found.pop() if len(found) == 1 else None


def cell(span: Span | None) -> str:
    if span is None:
        return ""
    width = between(span.low, span.high)
    return f"{number(span.value)}<small>{width}</small>" if width else number(span.value)


# --------------------------------------------------------------------------------------------------- samples and curves


def samples(found: Comparison) -> str:
    """The last sheet of each model's first run, and what its report says of it."""
    cells, shown = "", False
    for row in found.rows:
        if row.runs:
            run = row.runs[0]
            picture = sheet(found.folder / run.run, row.model)
            shown = shown or bool(picture)
            lines = "".join(f"<li>{escape(line)}</li>" for line in run.headline)
            cells += f"<figure><figcaption>{escape(run.run)}</figcaption>{picture}<ul>{lines}</ul></figure>"
    about = "Not chosen: the same first ones of one sampling seed, at the last step." if shown else ""
    return f"<p class='note'>{about}</p><div class='models'>{cells}</div>" if cells else ""


def sheet(run: Path, model: str) -> str:
    """The samples that the run took of itself last: a picture, or the beginning of a text."""
    files = sorted((run / "samples").glob("step-*"))
    if not files:
        return ""
    last = files[-1]
    if last.suffix == ".png":
        data = base64.b64encode(last.read_bytes()).decode("ascii")
        return f"<img alt='samples of {escape(model)}' src='data:image/png;base64,{data}'>"
    if last.suffix in (".txt", ".csv"):
        return f"<pre>{escape(last.read_text(encoding='utf-8', errors='replace')[:CHARACTERS])} …</pre>"
    return ""


def curves(found: Comparison) -> str:
    """Each measure that runs take of themselves, against time and against items seen; one chart holds one measure."""
    logs = {
        place: [read(found.folder / run.run / "log.jsonl") for run in row.runs] for place, row in enumerate(found.rows)
    }
    names = dict.fromkeys(name for runs in logs.values() for run in runs for name in looked(run))
    charts = ""
    for name in names:
        for key, under, scale in (("seconds", "minutes of training", 60.0), ("items", "items seen", 1.0)):
            lines = {place: [points(run, name, key, scale) for run in runs] for place, runs in logs.items()}
            charts += chart(name, under, lines)
    if not charts:
        return ""
    about = "What each run measured of itself on data kept from training. Lower is better"
    about += f"; {SPREAD}: 1 is as varied as data." if SPREAD in names else "."
    return f"<p class='note'>{about}</p>{legend([r.model for r in found.rows])}<div class='curves'>{charts}</div>"


def looked(lines: Sequence[dict[str, Any]]) -> list[str]:
    """Names of what a run measured at its looks. A run ends with a look and does not begin with one, and all its losses
    are taken at its first step."""
    if len(lines) < 2:
        return []
    return [name for name in lines[-1] if name not in lines[0] and name not in NOT_CURVES]


def points(lines: Sequence[dict[str, Any]], name: str, key: str, scale: float) -> Points:
    return [(line[key] / scale, float(line[name])) for line in lines if isinstance(line.get(name), int | float)]
