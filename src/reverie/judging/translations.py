"""Judging a run that translates between domains, each direction for itself: is what it makes like the domain it should
be of, does it come back, and is it nearer to the true picture where that is known?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from reverie.core import Described, Items
from reverie.metrics import Metric, features, student, wilson
from reverie.metrics.features import Extractor
from reverie.metrics.image import LEAST, judge
from reverie.metrics.likeness import psnr, unit
from reverie.tasks.strips import strips
from reverie.tasks.turned import Turned, directions, sets, turned

from . import judges
from .course import Course
from .items import spread
from .samples import Asked
from .verdict import Verdict, reached
from .words import number, percent

if TYPE_CHECKING:
    from reverie.training.run import Run

ITEMS = 1_000  # held-out items of each domain, where nobody says: each is translated twice, and held in memory
KEPT = ("frechet", "kid", "precision", "recall")


@dataclass(frozen=True)
class Judged:
    metrics: list[Metric]
    lines: list[str]  # the same in words
    verdicts: list[Verdict]
    notes: list[str]
    strips: Image.Image | None  # held-out pictures, translated, and back


def translations(run: Run, asked: Asked, course: Course) -> Judged:
    """Every direction, on held-out items. Raises Problem."""
    held_out, train = sets(run.prepared.held_out), sets(run.prepared.train)
    extractor = features.named(judges.extractor(run, asked.extractor) or "default", max(run.spec.only[1].shape[1:]))
    found: dict[tuple[str, str], Turned] = {}
    metrics: list[Metric] = []
    lines, notes, ways = [], [], []
    for source, to in directions(run.spec.domains):
        index = spread(len(held_out[source]), asked.samples or ITEMS)
        if not len(index):
            notes.append(f"0 held-out items of {source}: nothing to judge by. Keep some by --held-out")
            continue
        one = found[source, to] = turned(run.model, run.codec, held_out[source], index, source, to)
        real, usual = (part.raw(spread(len(part), len(index))) for part in (held_out[to], train[to]))
        near = likeness(one, real, usual, (source, to), extractor)
        cycle = there_and_back(one, source, to)
        pairs = true_pairs(held_out, index, one, (source, to), extractor)
        metrics += [*near, *cycle, *pairs.metrics]
        notes += pairs.notes
        way = gone(near, source, to)
        ways += [way] if way else []
        if not near:
            notes.append(f"{source} to {to}: too few held-out items to say how like they are; it takes {LEAST}")
        lines += [*([way[1] + "."] if way else []), said(cycle, source, to), *pairs.lines]
    verdicts = reached(min(ways), course) if ways else []
    return Judged(metrics, lines, verdicts, notes, strips(found) if found else None)


# ------------------------------------------------------------------------------------------------------------- likeness


def likeness(
    one: Turned, real: np.ndarray, usual: np.ndarray, way: tuple[str, str], extractor: Extractor
) -> list[Metric]:
    """Distances from held-out pictures of the new domain. The reference is what the pictures score untouched."""
    source, to = way
    found = judge(real, one.there, usual, untrained=one.was, extractor=extractor)
    out = []
    for m in found:
        if m.name.split("_")[0] in KEPT:
            protocol = m.protocol.replace("generated", f"of {source} as {to}").replace(
                "of the untrained model", f"of {source} untouched"
            )
            out.append(replace(m, name=f"to_{to}_{m.name}", protocol=protocol))
    return out


def gone(near: Sequence[Metric], source: str, to: str) -> tuple[float, str] | None:
    """How much of the way from one domain to the other, by the Fréchet distance, and in words."""
    m = next((m for m in near if m.name.startswith(f"to_{to}_frechet")), None)
    if m is None or m.floor is None or m.reference is None or m.reference <= m.floor:
        return None
    way = min(1.0, (m.reference - m.value) / (m.reference - m.floor))
    ends = f"untouched {number(m.reference)}, real {to} {number(m.floor)}"
    evidence = f"(Fréchet distance {number(m.value)}; {ends})"
    if way <= 0:
        return way, f"{source} made {to} is no nearer to {to} than it was {evidence}"
    return way, f"{source} made {to} has come {percent(way)} of the way to {to} {evidence}"


# ------------------------------------------------------------------------------------------------------- there and back


def there_and_back(one: Turned, source: str, to: str) -> list[Metric]:
    """What a picture that was translated and translated back lacks."""
    count = len(one.error)
    how = f"{count} held-out items of {source}, made {to} and back; before rounding to levels"
    db = psnr(one.back, one.was)
    rounded = f"{count} held-out items of {source}, made {to} and back; the median, 8 or 16 bits as they are"
    return [
        mean(f"cycle_rmse[{source}]", one.error, "of the range", how),
        Metric(f"cycle_psnr_db[{source}]", float(db.median()), "dB", count, rounded),
    ]


def said(cycle: Sequence[Metric], source: str, to: str) -> str:
    rmse, db = cycle[0].value, cycle[1].value
    return f"{source} that was made {to} and back is off by {number(100 * rmse)} % of the range ({db:.1f} dB)."


def mean(name: str, values: Tensor, what: str, protocol: str, reference: float | None = None) -> Metric:
    count = len(values)
    if count < 2:
        return Metric(name, float(values.mean()), what, count, protocol, reference=reference)
    middle, low, high = student(values.tolist())
    return Metric(name, middle, what, count, f"{protocol}; 95 % Student interval", low, high, reference=reference)


# ---------------------------------------------------------------------------------------------------------- true pairs


@dataclass(frozen=True)
class Pairs:
    metrics: list[Metric]
    lines: list[str]
    notes: list[str]


def true_pairs(
    held_out: dict[str, Items], index: Tensor, one: Turned, way: tuple[str, str], extractor: Extractor
) -> Pairs:
    """Where held-out files of both domains have the same names: is the translated picture nearer to its true partner
    than the untouched one? In features and in pixels."""
    source, to = way
    partners = matched(names(held_out[source], index), names(held_out[to], torch.arange(len(held_out[to]))))
    if len(partners) < LEAST:
        return Pairs([], [], [])
    mine, theirs = (torch.tensor(part) for part in zip(*partners.items()))
    true = held_out[to].raw(theirs)
    was, there = one.was[mine.numpy()], one.there[mine.numpy()]
    spaces = {"features": [features.of(x, extractor).double() for x in (was, there, true)]}
    spaces["pixels"] = [unit(x).flatten(1) for x in (was, there, true)]
    if not any(related(x, spaces["features"][2]) for x in spaces["features"][:2]):
        both = f"{len(mine)} held-out files of {source} and {to} have the same names"
        return Pairs([], [], [f"{both}, and have no more to do with each other than strangers: not taken for pairs"])
    metrics = []
    for name, (before, after, right) in spaces.items():
        old, new = apart(before, right), apart(after, right)
        if name == "pixels":
            old, new = old / right.shape[1] ** 0.5, new / right.shape[1] ** 0.5
        what = "of the range, root mean square" if name == "pixels" else f"distance, {extractor.name}"
        how = f"{len(mine)} held-out pictures of {source} made {to} from the file of that name in {to}"
        metrics.append(mean(f"pair_{name}[{to}]", new, what, f"{how}; reference: untouched", float(old.mean())))
        hits = int((new < old).sum())
        low, high = wilson(hits, len(new))
        nearer = f"{how}: nearer than untouched; 95 % Wilson interval"
        metrics.append(Metric(f"pair_nearer_{name}[{to}]", hits / len(new), "share", len(new), nearer, low, high))
    by_feature, by_pixel = metrics[1].value, metrics[3].value
    line = f"{source} made {to} is nearer to its true partner than untouched: {percent(by_feature)} by features, "
    return Pairs(metrics, [f"{line}{percent(by_pixel)} by pixels ({len(mine)} pairs)."], [])


def related(one: Tensor, other: Tensor) -> bool:
    """Is a row surely nearer to its partner than to another's, or surely further (of opposites)? By 95 % Wilson."""
    hits = int((apart(one, other) < apart(one, other.roll(1, 0))).sum())
    low, high = wilson(hits, len(one))
    return not low <= 0.5 <= high


def apart(one: Tensor, other: Tensor) -> Tensor:
    return (one - other).square().sum(1).sqrt()


def names(items: Items, index: Tensor) -> list[str]:
    """What each item's file is called, without folders and suffix; "" where that is not known."""
    if not isinstance(items, Described):
        return [""] * len(index)
    return [PurePosixPath(name).stem for name in items.columns(index)["item"]]


def matched(mine: Sequence[str], theirs: Sequence[str]) -> dict[int, int]:
    """Place by place, names that stand once on each side."""
    places = {name: k for k, name in enumerate(theirs) if name and theirs.count(name) == 1}
    return {k: places[name] for k, name in enumerate(mine) if name in places and mine.count(name) == 1}
