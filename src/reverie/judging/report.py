"""The report as one HTML file: nothing is loaded from anywhere, nothing in it runs."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import ceil, sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reverie.kinds.music.piece import Piece
from reverie.metrics import Metric
from reverie.training.log import read

from . import rows, scores
from .pictures import curve, grid, png
from .style import STYLE
from .words import number

if TYPE_CHECKING:
    from reverie.training.run import Run

    from .evaluate import Report
    from .predictions import Judged
    from .samples import Beside
    from .samples import Judged as Made
    from .translations import Judged as Turned
    from .verdict import Verdict

NOT_CURVES = ("step", "items", "seconds")
COLUMNS = ("value", "95 %", "floor", "reference", "p", "n")
CHARACTERS = 600  # of a text sample, shown
LINE = 300  # of a text that is shown in a line, where all are so short
PIECES = 6  # of music, drawn
WIDE = 6  # fields that are named
PLURAL = {"music": "pieces of music"}
MOST = 20  # classes that a confusion table shows
SUSPECTS = (
    "First of each row: a sample, one of those that come nearest to a training item of all that were judged. Then that "
    "item. Near pairs of simple things are no copies; many equal pairs are."
)
FIRST = "First of each row: a sample, not chosen. Then the training items most like it, among those used for the floor."


def page(
    run: Run, report: Report, made: Made | None = None, predicted: Judged | None = None, turned: Turned | None = None
) -> str:
    """Verdict, samples, neighbours, mistakes, numbers, curves: what anyone sees first, then what experts read."""
    title = f"{run.info['model']} on {Path(run.info['source']['where']).name}"
    rest = report.headline[len(report.verdicts) :]  # the first lines are the verdicts'
    said = "".join(f"<li>{escape(line)}</li>" for line in rest)
    notes = "".join(f"<p class='note'>{escape(line)}</p>" for line in report.notes)
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p class='note'>{escape(facts(run))}</p>",
        "".join(map(box, report.verdicts)),
        f"<ul class='findings'>{said}</ul>{notes}",
        section("Samples", samples(made.shown) if made else ""),
        section("Translated", strips(turned)),
        section("Nearest to the training data", neighbours(made.nearest, SUSPECTS) if made else ""),
        section("The first samples beside the training data", neighbours(made.compared, FIRST) if made else ""),
        section("Hardest mistakes", mistakes(predicted)),
        section("Confusion", confusion(predicted)),
        section("Measures", table(report.metrics)),
        section("Training", curves(run)),
    ]
    return document(title, "report", STYLE, parts)


def document(title: str, what: str, style: str, parts: Sequence[str]) -> str:
    """A page that loads nothing and runs nothing, for light and dark, wide and narrow."""
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}: {what}</title><style>{style}</style>"
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body><main>{"".join(parts)}</main></body></html>\n'


def box(verdict: Verdict) -> str:
    """What is wrong, or that nothing is, to be seen at once."""
    advice = f"<p>{escape(verdict.advice)}.</p>" if verdict.advice else ""
    evidence = escape(verdict.evidence[0].upper() + verdict.evidence[1:])
    tone = "fine" if verdict.name == "good" else "fault"
    return f"<div class='verdict {tone}'><strong>{escape(verdict.title)}</strong><p>{evidence}.</p>{advice}</div>"


def facts(run: Run) -> str:
    """What was trained on what, in a line."""
    source = run.info["source"]
    shapes = ", ".join(f"{name} {'×'.join(map(str, f.shape)) or '1'}" for name, f in run.spec.fields.items())
    if len(run.spec.fields) > WIDE:
        shapes = f"{len(run.spec.fields)} columns"
    size = sum(p.numel() for p in run.model.parameters())
    classes = f", {run.spec.classes} classes" if run.spec.classes else ""
    counts = f"{len(run.prepared.train):,} training and {len(run.prepared.held_out):,} held-out items"
    if source.get("domains"):
        each = [f"{one['name']} ({one['items']:,} and {one['held_out']:,} held-out)" for one in source["domains"]]
        counts = f"items {' and '.join(each)}"
    kind = run.spec.kind
    what = PLURAL.get(kind) or (kind if kind.endswith("s") else f"{kind}s")  # series, sentences, pairs
    return f"{what} ({shapes}){classes}; {counts} of {source['where']}; {size:,} parameters; {run.path}"


def section(title: str, inner: str) -> str:
    return f"<section><h2>{title}</h2>{inner}</section>" if inner else ""


def table(metrics: Sequence[Metric]) -> str:
    """One row a metric; its protocol in a row of its own, so that it can be read on a phone."""
    if not metrics:
        return ""
    lines = []
    for m in metrics:
        rest = [blank(m.floor), blank(m.reference), blank(m.p), f"{m.samples:,}"]
        cells = [number(m.value), between(m.low, m.high), *rest]
        numbers = "".join(f"<td data-name='{name}'>{escape(cell)}</td>" for name, cell in zip(COLUMNS, cells))
        lines.append(
            f"<tbody><tr><th scope='row'>{escape(m.name)}<small>{escape(m.unit)}</small></th>{numbers}</tr>"
            f"<tr class='protocol'><td colspan='7'>{escape(m.protocol)}</td></tr></tbody>"
        )
    heads = "".join(f"<th scope='col'>{name}</th>" for name in ("measure", *COLUMNS))
    about = "Floor: what real data scores against real data. Reference: a baseline that the protocol names."
    whole = f"<table><thead><tr>{heads}</tr></thead>{''.join(lines)}</table>"
    return f"<div class='wide'>{whole}</div><p class='note'>{about}</p>"


def between(low: float | None, high: float | None) -> str:
    """An interval; "" where there is none."""
    return "" if low is None or high is None else f"{number(low)} … {number(high)}"


def blank(x: float | None) -> str:
    return "" if x is None else number(x)


def samples(shown: Any) -> str:
    """Pictures as one grid, texts as text, rows and windows as people know them."""
    if shown is None or not len(shown):
        return ""
    if isinstance(shown[0], dict):
        return rows.windows(shown) if rows.is_window(shown[0]) else rows.table(shown)
    if isinstance(shown[0], Piece):
        return "".join(map(scores.roll, shown[:PIECES]))
    if isinstance(shown, np.ndarray):
        columns = ceil(sqrt(len(shown)))
        wide = columns * shown.shape[2] * max(1, 640 // (columns * shown.shape[2]))  # whole pixels, where there is room
        alt = f"{len(shown)} samples, not chosen: the first of this seed"
        return f"<img class='grid' style='width:{wide}px' alt='{alt}' src='{png(grid(shown, columns))}'>"
    if all(isinstance(text, str) and len(text) <= LINE for text in shown):  # sentences
        return f"<pre>{escape(chr(10).join(' '.join(text.split()) for text in shown))}</pre>"
    return "".join(f"<pre>{escape(clipped(text))}</pre>" for text in shown[:4])


def strips(turned: Turned | None) -> str:
    """Held-out pictures as they were, in the other domain, and back."""
    if turned is None or turned.strips is None:
        return ""
    about = "Held-out pictures, not chosen: as they were, in the other domain, and back in their own."
    alt = "rows of pictures: original, translated, back"
    return f"<p class='note'>{about}</p><img alt='{alt}' src='{png(np.asarray(turned.strips))}'>"


def neighbours(compared: Sequence[Beside], about: str) -> str:
    """Each sample, then the training items most like it: copies would show."""
    if not compared:
        return ""
    found = "".join(
        f"<div class='near'><div>{item(one.sample, 'sample')}</div>"
        + "".join(f"<div>{item(other, 'training item')}</div>" for other in one.near)
        + "</div>"
        for one in compared
    )
    kind = "pictures" if isinstance(compared[0].sample, np.ndarray) else "texts"
    kind += " pairs" if all(len(one.near) == 1 for one in compared) else ""
    return f"<p class='note'>{about}</p><div class='{kind}'>{found}</div>"


def mistakes(predicted: Judged | None) -> str:
    """What the model was most sure of and wrong, or missed by most: what it said, and what is true."""
    if predicted is None or not predicted.mistakes:
        return ""
    cells = "".join(
        f"<figure>{item(one.raw, 'item')}<figcaption>{escape(f'{one.said}, true: {one.truth}')}</figcaption></figure>"
        for one in predicted.mistakes
    )
    about = "Of the held-out items, those that were predicted worst: wrong and most sure, or furthest from the truth."
    form = "mistakes lines" if isinstance(predicted.mistakes[0].raw, str) else "mistakes"  # sentences need the width
    return f"<p class='note'>{about}</p><div class='{form}'>{cells}</div>"


def confusion(predicted: Judged | None) -> str:
    """How many items of each class (row) were taken for which (column)."""
    if predicted is None or predicted.confusion is None or not 2 <= len(predicted.names) <= MOST:
        return ""
    heads = "".join(f"<th scope='col'>{escape(name)}</th>" for name in predicted.names)
    found = "".join(
        f"<tr><th scope='row'>{escape(name)}</th>{''.join(f'<td>{count or chr(183)}</td>' for count in row)}</tr>"
        for name, row in zip(predicted.names, predicted.confusion.tolist())
    )
    about = "Rows: what is true. Columns: what was said."
    whole = f"<table class='confusion'><tr><th></th>{heads}</tr>{found}</table>"
    return f"<p class='note'>{about}</p><div class='wide'>{whole}</div>"


def item(raw: Any, what: str) -> str:
    if isinstance(raw, dict) and rows.is_window(raw):
        return rows.windows([raw])
    if isinstance(raw, Piece):
        return scores.roll(raw)
    if isinstance(raw, dict):
        return f"<pre>{escape(clipped(', '.join(f'{k}={rows.cell(v)}' for k, v in raw.items())))}</pre>"
    if isinstance(raw, np.ndarray) and raw.ndim == 1:  # a sound: its picture would need a spectrogram
        return f"<pre>{len(raw):,} samples</pre>"
    if isinstance(raw, np.ndarray):
        return f"<img alt='{what}' src='{png(raw)}'>"
    return f"<pre>{escape(clipped(raw))}</pre>"


def clipped(text: str) -> str:
    return text if len(text) <= CHARACTERS else text[:CHARACTERS] + " …"


def curves(run: Run) -> str:
    """One small chart for each thing that was logged."""
    lines = read(run.path / "log.jsonl")
    names = dict.fromkeys(name for line in lines for name in line if name not in NOT_CURVES)
    charts = []
    for name in names:
        pairs = [(line["step"], line[name]) for line in lines if isinstance(line.get(name), int | float)]
        charts.append(curve(name, [s for s, _ in pairs], [float(v) for _, v in pairs]))
    return f"<div class='curves'>{''.join(charts)}</div>" if any(charts) else ""
