"""Answers for new items: classes with calibrated probabilities, numbers with intervals that cover as promised."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from reverie.errors import Problem
from reverie.kinds import Unseen
from reverie.kinds.find import located, module
from reverie.maths.targets import form, probabilities
from reverie.training.files import write
from reverie.training.run import read_options

from .calibrate import Calibration, calibration, outputs

if TYPE_CHECKING:
    from reverie.training.run import Run

COLUMNS = 50  # classes whose probabilities are all written; of more, the most probable one's alone
LEVEL = 0.9  # that intervals of numbers promise, where nobody says


@dataclass(frozen=True)
class Answers:
    """A table: one value an item in each column, the first of which names the item."""

    columns: dict[str, list[Any]]
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.columns["item"])

    def rows(self) -> list[dict[str, Any]]:
        return [dict(zip(self.columns, values)) for values in zip(*self.columns.values())]

    def save(self, file: Path) -> None:
        """As Parquet by its suffix, else as CSV. Raises NoRoom."""
        write(file, self._parquet if file.suffix.lower() == ".parquet" else self._csv)

    def _csv(self, part: Path) -> None:
        with open(part, "w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out)
            writer.writerow(self.columns)
            writer.writerows(zip(*self.columns.values()))

    def _parquet(self, part: Path) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        parquet.write_table(pa.table(self.columns), part)


def predict(run: Run, files: Sequence[str], *, conformal: float = 0.0, others: Sequence[Run] = ()) -> Answers:
    """What the run, or the mean of it and `others`, says of every item in the files. `conformal` asks for sets of
    classes, or intervals of numbers, that hold the truth with that probability. Raises Problem."""
    if not files:
        raise Problem("nothing to predict. Name files or folders after the run")
    if others and conformal:
        raise Problem("--conformal: one run's calibration says nothing of the mean of several. Leave --with out")
    for other in others:
        if other.spec.predicted != run.spec.predicted or other.spec.fields != run.spec.fields:
            raise Problem(f"--with {other.path}: it predicts other things, or from other data, than {run.path}")
    places = [str(located(file)) for file in files]
    items = module(run.spec.kind).unseen(places, run.codec, read_options(run.info["source"]["options"]))
    return answered(run, items, conformal, others)


def answered(run: Run, unseen: Unseen, conformal: float, others: Sequence[Run]) -> Answers:
    name, target = run.spec.predicted
    index = torch.arange(len(unseen.items))
    output, truth = outputs(run, unseen.items, index)
    notes = list(unseen.notes)
    trust = calibration(run)
    if not trust.items:
        notes.append("no part was kept to calibrate by: confidence is as the network has it")
    columns: dict[str, list[Any]] = {"item": list(unseen.names)}
    if form(target) == "numbers":
        rest = [outputs(other, unseen.items, index)[0] for other in others]
        mean = torch.stack([output, *rest]).mean(0)
        columns |= numbers(run, name, mean, trust if not others else Calibration(), conformal)
    else:
        shares = [probabilities(output.double(), target, trust.temperature)]
        for other in others:
            logits, _ = outputs(other, unseen.items, index)
            shares.append(probabilities(logits.double(), target, calibration(other).temperature))
        share = torch.stack(shares).mean(0).numpy()
        labels = target.names or tuple(map(str, range(share.shape[1])))
        known = trust.quantile(conformal)[0] if conformal else None
        columns |= classes(name, labels, share, known) if form(target) == "classes" else several(labels, share)
    if unseen.truth and truth is not None:
        columns["truth"] = spoken(run, name, truth)
        notes.append(scored(columns, name))
    return Answers(columns, notes)


def classes(name: str, labels: Sequence[str], share: np.ndarray, most: float | None) -> dict[str, list[Any]]:
    """The most probable class and its probability; where `most` is given, the set of all whose 1 - p is no larger."""
    best = share.argmax(1)
    columns: dict[str, list[Any]] = {
        name: [labels[k] for k in best],
        "probability": share.max(1).round(6).tolist(),
    }
    if most is not None:
        columns["set"] = [" | ".join(np.array(labels)[1 - row <= most]) for row in share]
    if len(labels) <= COLUMNS:
        columns |= {f"p[{label}]": share[:, k].round(6).tolist() for k, label in enumerate(labels)}
    return columns


def several(labels: Sequence[str], share: np.ndarray) -> dict[str, list[Any]]:
    """Of several labels, whether each holds and how probable that is."""
    columns: dict[str, list[Any]] = {label: (share[:, k] > 0.5).tolist() for k, label in enumerate(labels)}
    return columns | {f"p[{label}]": share[:, k].round(6).tolist() for k, label in enumerate(labels)}


def numbers(run: Run, name: str, found: Tensor, trust: Calibration, conformal: float) -> dict[str, list[Any]]:
    """The expected value and, where the run was calibrated, an interval around it."""
    columns = {name: spoken(run, name, found)}
    if conformal or trust.items:
        half = torch.from_numpy(trust.quantile(conformal or LEVEL)).to(found.dtype).view(found.shape[1:])
        columns |= {"low": spoken(run, name, found - half), "high": spoken(run, name, found + half)}
    return columns


def spoken(run: Run, name: str, values: Tensor) -> list[Any]:
    """Values of the target as the data has them."""
    target = run.spec.predicted[1]
    if target.categories and not target.shape:
        labels = target.names or tuple(map(str, range(target.categories)))
        return [labels[int(k)] for k in values]
    if target.categories:
        return [[label for label, holds in zip(target.names, row) if holds] for row in values.tolist()]
    raw = run.codec.decode({name: values})
    return [row[name] for row in raw] if isinstance(raw, list) else np.asarray(raw).tolist()


def scored(columns: dict[str, list[Any]], name: str) -> str:
    """Where the files say the truth."""
    truth, count = columns["truth"], len(columns["truth"])
    if name in columns and isinstance(truth[0], str):
        right = sum(a == b for a, b in zip(columns[name], truth))
        return f"the files say the answers: right on {right:,} of {count:,} ({right / count:.1%})"
    if name in columns:
        wrong = np.asarray(columns[name], dtype=float) - np.asarray(truth, dtype=float)
        return f"the files say the answers: root mean squared error {float(np.sqrt((wrong**2).mean())):.4g}"
    return "the files say the answers: column truth"
