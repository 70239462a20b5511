"""What a comparison found, and compare.json, which keeps it beside what was asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from reverie.errors import Problem
from reverie.metrics import Metric

from .order import Order
from .ranking import Ranking, Span, means, ranked, verdict, window

FORMAT = 1  # of compare.json
HELD = {  # by it
    "options": dict,
    "set": str,
    "samples": int,
    "budget": dict,
    "seeds": int,
    "models": list,
    "size": list,
}


@dataclass
class Trained:
    """One run, and what judging found of it: nothing yet, where `metrics` is empty."""

    run: str  # its folder's name
    steps: int = 0
    items: int = 0  # seen in training
    seconds: float = 0.0  # spent in training
    set: str = ""
    parameters: int = 0
    metrics: list[Metric] = field(default_factory=list)
    headline: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "metrics": [m.to_json() for m in self.metrics]}

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Trained:
        return Trained(**{**values, "metrics": [Metric(**m) for m in values["metrics"]]})


@dataclass
class Row:
    """A model, its runs by training seed, and what went wrong, by seed too."""

    model: str
    seeds: dict[int, Trained] = field(default_factory=dict)
    troubles: dict[int, str] = field(default_factory=dict)

    @property
    def runs(self) -> list[Trained]:
        return [self.seeds[seed] for seed in sorted(self.seeds)]

    @property
    def means(self) -> dict[str, Span]:
        return means([run.metrics for run in self.runs])

    @property
    def trouble(self) -> str:
        """In a line; "" where there was none."""
        if not self.troubles:
            return ""
        seed, said = min(self.troubles.items())
        if not self.seeds:
            return said
        tried = self.seeds.keys() | self.troubles.keys()
        return f"{len(self.troubles)} of {len(tried)} seeds failed; seed {seed}: {said}"

    def to_json(self) -> dict[str, Any]:
        spans = {name: {"value": s.value, "low": s.low, "high": s.high} for name, s in self.means.items()}
        seeds = [{"seed": seed, **self.seeds[seed].to_json()} for seed in sorted(self.seeds)]
        out = {"model": self.model, "seeds": seeds, "mean": spans}
        return {**out, "trouble": self.trouble} if self.troubles else out


@dataclass(frozen=True)
class Comparison:
    """What `compare` found. `order.folder` holds it as compare.json and compare.html, and each run."""

    order: Order
    rows: list[Row]
    fingerprint: str  # of the data; "" before the first run
    size: tuple[int, ...]  # that all runs' items were brought to; (): what the models ask for, or the data's own

    @property
    def folder(self) -> Path:
        return self.order.folder

    @property
    def html(self) -> Path:
        return self.folder / "compare.html"

    @property
    def json(self) -> Path:
        return self.folder / "compare.json"

    @property
    def ranking(self) -> Ranking:
        return ranked({row.model: row.means for row in self.rows})

    @property
    def best(self) -> str:
        """The first model's name; "" where none is ranked."""
        standings = self.ranking.standings
        return standings[0].model if standings else ""

    @property
    def verdict(self) -> list[str]:
        """In words, the answer first."""
        ranking = self.ranking
        placed = {standing.model for standing in ranking.standings}
        unranked = [row.model for row in self.rows if row.model not in placed and row.runs]
        troubles = {row.model: row.trouble for row in self.rows if row.troubles}
        windows = {row.model: window([run.metrics for run in row.runs], ranking.measure) for row in self.rows}
        return verdict(ranking, f"in {self.order.budget}", troubles, unranked, windows)

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            **self.order.to_json(),
            "fingerprint": self.fingerprint,
            "size": list(self.size),
            "measure": self.ranking.measure,
            "models": [row.to_json() for row in self.rows],
            "best": self.best or None,
            "verdict": self.verdict,
        }


def read(folder: Path) -> dict[str, Any] | None:
    """compare.json of a folder, None where there is none. Raises Problem where it is not ours, or not whole."""
    file = folder / "compare.json"
    if not file.is_file():
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        known = found["format"]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise Problem(f"{file}: not a comparison ({type(error).__name__}). Name another folder by --out") from error
    if known != FORMAT:
        raise Problem(f"{file}: format {known}, and this reverie reads {FORMAT}. Name another folder by --out")
    for name, kind in HELD.items():
        if not isinstance(found.get(name), kind) or not whole(name, found[name]):
            spoilt = f"{file}: its {name} is spoilt ({found.get(name)!r:.80})"
            raise Problem(f"{spoilt}. Bring back a copy, or name another folder by --out")
    return dict(found)


def whole(name: str, value: Any) -> bool:
    """Has that part of compare.json all that is asked of it?"""
    if name == "budget":
        return "steps" in value or {"time", "seconds"} <= value.keys()
    try:
        return name != "models" or all(
            isinstance(row["model"], str) and all(one["seed"] >= 0 and trained(one) for one in row["seeds"])
            for row in value
        )
    except (KeyError, TypeError, AttributeError):
        return False


def trained(one: Mapping[str, Any]) -> Trained:
    """A run, as a row of compare.json has it."""
    return Trained.from_json({k: v for k, v in one.items() if k != "seed"})


def judged_before(kept: Mapping[str, Any] | None, model: str, seed: int) -> Trained | None:
    """What compare.json says of one run."""
    rows = [row for row in kept["models"] if row["model"] == model] if kept else []
    found = [one for row in rows for one in row["seeds"] if one["seed"] == seed]
    if not found or not found[0]["metrics"]:
        return None
    return trained(found[0])
