"""Which items are unlike those that a run has learnt: a score each, how sure that is, and where it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from reverie.core import Described
from reverie.errors import Problem, listed
from reverie.kinds import Unseen
from reverie.metrics.alarms import Area, Promise, area, finite, least_rate, p_values, promise
from reverie.training.files import write_text

from .anomalies_page import Shown, page
from .codes import files
from .odd import lacking, of_columns, shown
from .reference import HELD, kept, made
from .unlike import able, fit, looks, total
from .written import rows, save_table

if TYPE_CHECKING:
    from reverie.training.run import Run

RATE = 0.01  # of false alarms, where nobody says
WORST = 40  # items that the page shows, where nobody says


@dataclass(frozen=True)
class Anomalies:
    """`columns`: a row an item, in the order of the files. `held`: scores of the held-out items (n,), by which p-values
    and the threshold are set. `area`: where the files say which items are normal."""

    columns: dict[str, list[Any]]
    held: np.ndarray
    promise: Promise | None  # None: nothing was held out
    area: Area | None
    shown: list[Shown]
    title: str
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.columns["item"])

    def rows(self) -> list[dict[str, Any]]:
        return rows(self.columns)

    def ranked(self) -> list[dict[str, Any]]:
        """The highest score first."""
        return sorted(self.rows(), key=lambda row: -row["score"])

    @property
    def headline(self) -> list[str]:
        """What was found, in words."""
        said = []
        if self.promise:
            hits, p = sum(self.columns["flagged"]), self.promise
            said.append(f"{hits:,} of {len(self):,} items are flagged, those with a score above {p.threshold:.4g}.")
            said.append(
                f"Of normal items at most {p.rate * 100:.3g} % would be, if they are like the {p.items:,} held-out "
                f"ones that this rests on (95 %: {p.low * 100:.2g} to {p.high * 100:.2g} % of all such items)."
            )
        else:
            said.append("Nothing was held out in training, so no item is flagged and there are no p-values.")
        if self.area:
            a = self.area
            said.append(
                f"Area under the ROC curve: {a.value:.4g} (95 %: {a.low:.4g} to {a.high:.4g}), {a.other:,} anomalies "
                f"against {a.normal:,} normal items, by the labels of the files."
            )
        return said

    def save(self, file: str | Path) -> list[Path]:
        """The table as .csv or .parquet, and beside it the page. Raises NoRoom."""
        place = Path(file)
        save_table(place, self.columns)
        beside = place.with_suffix(".html")
        scores = {
            "new": np.array(self.columns["score"]),
            "held": self.held,
            "bound": self.promise.threshold if self.promise else None,
        }
        write_text(beside, page(self.title, self.headline, self.notes, scores, self.shown))
        return [place, beside]

    def to_json(self) -> dict[str, Any]:
        bound = self.promise._asdict() if self.promise else None
        found = self.area._asdict() if self.area else None
        return {"headline": self.headline, "promise": bound, "auroc": found, "notes": self.notes}


def anomalies(
    run: Run,
    places: Sequence[str],
    *,
    flag: float | None = None,
    by: str = "best",
    normal: str = "",
    worst: int = WORST,
) -> Anomalies:
    """Score every item of files, folders or named sets. `flag`: the share of normal items that may be flagged (None:
    0.01, or the least that the held-out items can promise); `by`: best, or one part of it; `normal`: labels of normal
    items, or COLUMN=VALUE,VALUE, where the data says what its items are. Raises Problem."""
    parts = able(run, by)
    unseen = files(run, places)
    notes = [*unseen.notes]
    labels, ordinary = labelled(run, unseen, normal)
    there = kept(run, parts)
    bound = asked(flag, len(there.held) if there else min(HELD, len(run.prepared.held_out)), notes)
    fit(run, unseen.items)  # before the work
    there = there or made(run, parts)
    known = there.known
    seen = looks(run, unseen.items, parts, known)
    score, each = total(seen, known, parts)
    scores, normals = finite(score.numpy()), finite(there.held.numpy())
    gone = lacking(run.spec, unseen.items)
    if any(gone):
        scores = lifted(scores, normals, gone, notes)
    alarm = promise(normals, bound) if bound else None
    columns: dict[str, list[Any]] = {"item": list(unseen.names), "score": scores.tolist()}
    chance = p_values(scores, normals).tolist() if len(normals) else [None] * len(scores)
    columns |= {"p": chance, "flagged": [bool(alarm and s > alarm.threshold) for s in scores.tolist()]}
    if labels:
        columns["label"] = list(labels)
    if len(each) > 1:
        columns |= {name: x.tolist() for name, x in each.items()}
    because = of_columns(run.spec, seen, known)
    if because:
        columns["because"] = [
            ", ".join(filter(None, [*(f"{name} (missing)" for name in names), said]))
            for names, said in zip(gone, because)
        ]
    worse = shown(run, unseen.items, columns, known, worst)
    split = area(scores[ordinary], scores[~ordinary]) if ordinary is not None else None
    about(run, places, parts, notes)
    return Anomalies(columns, normals, alarm, split, worse, title(run), notes)


def lifted(scores: np.ndarray, normals: np.ndarray, gone: Sequence[Sequence[str]], notes: list[str]) -> np.ndarray:
    """Scores of items with gaps where training had none: no less than the most unlike held-out item's."""
    hit = np.array([bool(names) for names in gone])
    rest = scores[~hit] if not len(normals) else normals
    top = float(np.nextafter(rest.max(), np.inf)) if len(rest) else float(scores.max())
    names = sorted({name for row in gone for name in row})
    notes.append(
        f"{hit.sum():,} items lack {listed(names)}, which no training item did: they count as more unlike than every "
        "held-out one"
    )
    return np.where(hit, np.maximum(scores, top), scores)


def asked(flag: float | None, count: int, notes: list[str]) -> float:
    """The rate that is promised; 0: none can be. Raises Problem where one was asked for that so few items can't
    promise."""
    if flag is not None:
        if not count:
            raise Problem(f"--flag {flag:g}: nothing was held out in training. Train with --held-out 0.1")
        promise(np.arange(float(count)), flag)  # before the work
        return flag
    if not count:
        return 0.0
    rate = max(RATE, least_rate(count))
    if rate > RATE:
        notes.append(f"{count:,} held-out items can't promise {RATE:g} of false alarms: --flag {rate:g} is the least")
    return rate


def labelled(run: Run, unseen: Unseen, normal: str) -> tuple[Sequence[str], np.ndarray | None]:
    """What the files call their items, and which of these are normal; None where that isn't known. Raises Problem."""
    name, sign, values = normal.partition("=")
    labels: Sequence[str] = unseen.labels
    if sign:
        items = unseen.items
        there = items.columns(torch.arange(len(items))) if isinstance(items, Described) else {}
        if name not in there:
            some = f"There are: {', '.join(list(there)[:20])}" if there else "This data has none"
            raise Problem(f"--normal {normal}: no column {name}. {some}")
        labels = there[name]
    elif normal and not labels:
        raise Problem(f"--normal {normal}: the files say no labels. Put the items of each in a folder, or leave it out")
    own = run.info["codec"].get("classes", ())  # also where all that it learnt from had but one
    wanted = [one.strip() for one in (values if sign else normal).split(",") if one.strip()] or list(own)
    unknown = [one for one in wanted if one not in labels] if normal else []
    if unknown:
        some = ", ".join(sorted(set(labels))[:10])
        raise Problem(f"--normal {normal}: no item is {unknown[0]}. There are: {some}")
    ordinary = np.isin(np.array(labels, dtype=str), wanted)
    return labels, ordinary if len(labels) and ordinary.any() and not ordinary.all() else None


def about(run: Run, places: Sequence[str], parts: tuple[str, ...], notes: list[str]) -> None:
    """What a person should know of how it was scored."""
    ways = {
        "reconstruction": "what is lost when it is encoded and decoded",
        "return": "how far its code moves when what was decoded is encoded again",
        "latent": "how far its code lies from the nearest codes of training items",
        "nearest": "how far it lies itself from the nearest training items",
        "likelihood": "how unlikely it is, in nats",
    }
    many = "; the score is their mean, each in deviations of training items" if len(parts) > 1 else ""
    notes.append(f"scored by {', '.join(f'{ways[part]} ({part})' for part in parts)}{many}")
    if run.spec.kind == "series":
        notes.append(
            "windows of one series are not independent: the rate of false alarms is promised of others like it"
        )
    if run.info["source"]["where"] in places:
        notes.append("these are the items that it was trained on: what was seen scores lower than fresh items do")


def title(run: Run) -> str:
    return f"Anomalies: {run.info['model']} on {Path(run.info['source']['where']).name}"
