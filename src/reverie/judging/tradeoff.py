"""`reverie tradeoff`: one model trained with several weights of its rate, and what each buys: the curve of rate against
distortion. Alemi et al. 2018, "Fixing a Broken ELBO", arXiv:1711.00464; Higgins et al. 2017, "beta-VAE"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import fields as dataclass_fields
from html import escape
from pathlib import Path
from typing import Any

from reverie.catalog import find
from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.metrics import Metric
from reverie.training.files import locked, write_json, write_text
from reverie.training.fit import fit
from reverie.training.log import read
from reverie.training.order import slug
from reverie.training.progress import Reporter, Silent

from .chart import LINES, chart
from .parts import rate_distortion
from .report import document, section
from .style import STYLE
from .words import number

BETAS = (0.25, 1.0, 4.0, 16.0)
WEIGHT = "beta"  # the field that weighs a rate
SHOWN = ("rate_bits", "distortion_nats", "reconstruction_rmse", "reconstruction_sharpness", "active_units")

Point = tuple[float, str, int, Mapping[str, Metric]]  # a weight, its run's folder, steps, what was measured


@dataclass(frozen=True)
class Tradeoff:
    """A point for each weight, and the folder that holds tradeoff.json and tradeoff.html."""

    folder: Path
    data: str
    model: str
    points: Sequence[Point]

    @property
    def json(self) -> Path:
        return self.folder / "tradeoff.json"

    @property
    def html(self) -> Path:
        return self.folder / "tradeoff.html"

    @property
    def names(self) -> list[str]:
        """Measures that every point has."""
        return [name for name in SHOWN if all(name in found for *_, found in self.points)]

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """A line each: weight, steps, measures."""
        return [
            (f"{beta:g}", f"{steps:,}", *(number(found[name].value) for name in self.names))
            for beta, _, steps, found in self.points
        ]

    @property
    def headline(self) -> str:
        ends = self.points if len(self.points) == 1 else (self.points[0], self.points[-1])
        said = (
            f"{WEIGHT} {beta:g}: {number(found['rate_bits'].value)} bits a code, "
            f"distortion {number(found['distortion_nats'].value)} nats"
            for beta, _, _, found in ends
        )
        return "; ".join(said) + "."

    def to_json(self) -> dict[str, Any]:
        points = [
            {WEIGHT: beta, "run": run, "steps": steps, "metrics": [m.to_json() for m in found.values()]}
            for beta, run, steps, found in self.points
        ]
        return {"data": self.data, "model": self.model, "headline": self.headline, "points": points}


def tradeoff(
    data: str | Path,
    model: str,
    betas: Sequence[float] = BETAS,
    *,
    out: str | Path = "",
    steps: int = 0,
    time: str = "",
    samples: int = 0,
    reporter: Reporter | None = None,
    **more: Any,
) -> Tradeoff:
    """Train `model` on `data` once for each of `betas`, alike in all else, for `steps` or `time` each, and measure rate
    and distortion on `samples` held-out items (0: 1,000); or go on where the folder `out` was. Of `more`: set, options,
    and fields of DataOptions. Raises Problem for a model whose rate has no weight, and what `fit` raises."""
    known = {f.name for f in dataclass_fields(DataOptions)}
    by = {k: more.pop(k) for k in list(more) if k in known}
    options = replace(more.pop("options", None) or DataOptions(), **by)
    family, reporter = find(model), reporter or Silent()
    if "bound" not in family.abilities or WEIGHT not in [s.name for s in family.fields()]:
        raise Problem(f"--model {model}: has no rate that a {WEIGHT} weighs. `reverie models` says which have a bound")
    chosen = sorted(set(betas))
    if not chosen or chosen[0] < 0:
        raise Problem(f"--betas {','.join(f'{b:g}' for b in betas)}: give weights of 0 or more, such as 0.25,1,4")
    folder = Path(out) if out else Path("runs") / f"tradeoff-{slug(str(data))}"
    if folder.is_dir() and not all(own(place.name) for place in folder.iterdir()):
        raise Problem(f"{folder}: not empty, and no trade-off. Name another folder by --out")
    points: list[Point] = []
    with locked(folder):
        for beta in chosen:
            name = f"{WEIGHT}-{beta:g}"
            reporter.say(f"{WEIGHT} {beta:g}, {len(points) + 1} of {len(chosen)}, in {folder / name}")
            run = fit(
                data, model, out=folder / name, steps=steps, time=time, fields={WEIGHT: beta}, options=options,
                reporter=reporter, **more,
            )  # fmt: skip
            found = {metric.name: metric for metric in rate_distortion(run, samples=samples)}
            if not found:
                raise Problem("0 held-out items: nothing to measure by. Keep some by --held-out")
            points.append((beta, name, read(run.path / "log.jsonl")[-1]["step"], found))
            made = Tradeoff(folder, str(data), model, points)
            write_json(made.json, made.to_json())  # after each run: what there is, is there
            write_text(made.html, page(made))
    return made


def own(name: str) -> bool:
    """Is it the name of what a trade-off leaves in its folder?"""
    return name in (".lock", "tradeoff.json", "tradeoff.html") or name.startswith(f"{WEIGHT}-")


def page(made: Tradeoff) -> str:
    """The curve and its points, as one file that loads nothing."""
    title = f"Rate and distortion: {made.model} on {Path(made.data).name}"
    found = sorted((one for *_, one in made.points), key=lambda one: one["rate_bits"].value)
    curves = [
        chart(name, "bits a code", {0: [[(one["rate_bits"].value, one[name].value) for one in found]]})
        for name in made.names
        if name not in ("rate_bits", "active_units")
    ]
    heads = (WEIGHT, "steps", *made.names)
    head = "".join(f"<th scope='col'>{escape(name)}</th>" for name in heads)
    body = "".join(
        f"<tbody><tr><th scope='row'>{row[0]}</th>"
        + "".join(f"<td data-name='{escape(name)}'>{cell}</td>" for name, cell in zip(heads[1:], row[1:]))
        + "</tr></tbody>"
        for row in made.rows
    )
    notes = "".join(f"<p class='note'>{escape(m.name)}: {escape(m.protocol)}</p>" for m in made.points[0][3].values())
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p class='note'>{escape(made.headline)}</p>",
        section("What a bit buys", f"<div class='curves'>{''.join(curves)}</div>"),
        section("Points", f"<div class='wide'><table><thead><tr>{head}</tr></thead>{body}</table></div>{notes}"),
    ]
    return document(title, "trade-off", f"{STYLE}{LINES}", parts)
