"""Answers for new items: classes with calibrated probabilities, numbers with intervals that cover as promised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from reverie.errors import Problem
from reverie.maths.targets import Form, form, probabilities
from reverie.spec import Field
from reverie.training.files import write

from . import ahead, sequences
from .calibrate import Calibration, calibration, of_mean, outputs
from .fresh import read
from .predictor import predicts
from .written import as_csv, parquet, rows

if TYPE_CHECKING:
    from reverie.training.run import Run

COLUMNS = 50  # classes whose probabilities are all written; of more, the most probable one's alone
LEVEL = 0.9  # that intervals of numbers promise, where nobody says
RESERVED = ("item", "probability", "set", "low", "high", "truth")  # columns that have a meaning of their own


@dataclass(frozen=True)
class Answers:
    """A table: one value an item in each column, the first of which names the item."""

    columns: dict[str, list[Any]]
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.columns["item"])

    def rows(self) -> list[dict[str, Any]]:
        return rows(self.columns)

    def save(self, file: Path) -> None:
        """As Parquet by its suffix, else as CSV. Raises NoRoom."""
        made = parquet if file.suffix.lower() == ".parquet" else as_csv
        write(file, lambda part: made(part, self.columns))


def predict(run: Run, files: Sequence[str], *, conformal: float | None = None, others: Sequence[Run] = ()) -> Answers:
    """What the run, or the mean of it and `others`, says of every item in the files: of classes and labels the mean of
    their probabilities, of numbers that of their values. `conformal` asks for sets of classes, or intervals of numbers,
    that hold the truth with that probability (of numbers 0.9, where nobody says). Raises Problem."""
    if not files:
        raise Problem("nothing to predict. Name files or folders after the run")
    kind = predicts(run)
    if conformal is not None and not 0 < conformal < 1:
        raise Problem(f"--conformal {conformal:g}: a share above 0 and below 1. Write one, like --conformal 0.9")
    if conformal is not None and kind == "labels":
        raise Problem(f"--conformal {conformal:g}: several labels have a probability each, and no sets. Leave it out")
    if kind == "sequence" and (conformal is not None or others):
        flag = f"--conformal {conformal:g}" if conformal is not None else f"--with {others[0].path}"
        raise Problem(f"{flag}: {run.path} writes sequences, which have neither sets nor a mean. Leave it out")
    for other in others:
        same(run, other)
    return answered([run, *others], files, conformal)


def same(run: Run, other: Run) -> None:
    """Raises Problem where the answers of the two can't be averaged."""
    predicts(other)
    (name, one), (called, two) = run.spec.predicted, other.spec.predicted
    said = (name, one.shape, one.categories, one.names)
    if run.spec.kind != other.spec.kind or said != (called, two.shape, two.categories, two.names):
        raise Problem(f"--with {other.path}: it predicts other things than {run.path}. Leave it out")


def answered(runs: Sequence[Run], places: Sequence[str], conformal: float | None) -> Answers:
    run = runs[0]
    name, target = run.spec.predicted
    unseen = read(run, places)
    index = torch.arange(len(unseen.items))
    if form(target) == "sequence":
        made, about = sequences.columns(run, unseen)
        return Answers(made, [*unseen.notes, *about])
    said, truth = [], None
    for one in runs:
        own = unseen if one.info["codec"] == run.info["codec"] else read(one, places)
        if len(own.items) != len(index):
            raise Problem(f"--with {one.path}: it sees {len(own.items)} items there, the first run {len(index)}")
        output, known = outputs(one, own.items, index)
        said.append(output)
        truth = known if one is run else truth
    columns: dict[str, list[Any]] = {"item": list(unseen.names)}
    notes = list(unseen.notes)
    if form(target) == "numbers":
        found = numbers(runs, said, trusted(runs, conformal, notes), conformal)
        if len(target.shape) == 2:
            columns = ahead.rows(unseen, own_name(name), found, channels(name, target))
            notes += [ahead.WINDOWS] if "low" in found and unseen.ahead else []
            return Answers(columns, notes)
        columns |= found
    else:
        heats = [trusted([one], None, notes).temperature for one in runs]
        shares = [probabilities(output.double(), target, heat) for output, heat in zip(said, heats)]
        share = torch.stack(shares).mean(0).numpy()
        labels = target.names or tuple(map(str, range(share.shape[1])))
        if form(target) == "labels":
            columns |= several(labels, share)
        else:
            most = trusted(runs, conformal, []).quantile(conformal)[0] if conformal else None
            columns |= classes(own_name(name), labels, share, most)
    if unseen.truth and truth is not None:
        columns["truth"] = spoken(run, truth)
        notes.append(scored(columns, name, form(target)))
    return Answers(columns, notes)


def trusted(runs: Sequence[Run], conformal: float | None, notes: list[str]) -> Calibration:
    """By what the answers' confidence is set. Where nothing is, a note says so; or a Problem, if it was asked for."""
    why = "no part of the data was kept to calibrate by, or the runs differ in it"
    try:
        found = calibration(runs[0]) if len(runs) == 1 else of_mean(runs)
    except Problem as problem:  # the data is not here, and was not needed until now
        found, why = Calibration(), str(problem)
    if conformal and not found.items:
        raise Problem(f"--conformal {conformal:g}: can't be promised: {why}")
    note = f"{runs[0].path}: not calibrated ({why}); confidence is as the network has it"
    if not found.items and note not in notes:
        notes.append(note)
    return found


def channels(name: str, target: Field) -> tuple[str, ...]:
    """What each number of the last axis is called."""
    count = target.shape[-1] if target.shape else 1
    if len(target.names) == count:
        return target.names
    return tuple(f"{name} {k + 1}" for k in range(count)) if target.shape else (name,)


def own_name(name: str) -> str:
    """A column for the answer, beside those that have a meaning."""
    return f"predicted {name}" if name in RESERVED or name.startswith("p[") else name


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
    columns: dict[str, list[Any]] = {own_name(label): (share[:, k] > 0.5).tolist() for k, label in enumerate(labels)}
    return columns | {f"p[{label}]": share[:, k].round(6).tolist() for k, label in enumerate(labels)}


def numbers(
    runs: Sequence[Run], said: Sequence[Tensor], trust: Calibration, conformal: float | None
) -> dict[str, list[Any]]:
    """The expected value and, where there is a calibration part that promises so much, an interval around it."""

    def mean(shift: Tensor | float) -> list[Any]:
        found: list[Any] = np.mean([units(run, x + shift) for run, x in zip(runs, said)], axis=0).tolist()
        return found

    columns = {own_name(runs[0].spec.predicted[0]): mean(0.0)}
    if conformal or trust.most >= LEVEL:
        half = torch.from_numpy(trust.quantile(conformal or LEVEL)).to(said[0].dtype).view(said[0].shape[1:])
        columns |= {"low": mean(-half), "high": mean(half)}
    return columns


def units(run: Run, values: Tensor) -> np.ndarray:
    """Numbers of the target (N, *shape), from the codec's units to the data's own."""
    name = run.spec.predicted[0]
    found = run.codec.decode({name: values})
    return np.array([row[name] for row in found] if isinstance(found, list) else found, dtype=float)


def spoken(run: Run, values: Tensor) -> list[Any]:
    """Values of the target as the data has them."""
    target = run.spec.predicted[1]
    if not target.categories:
        found: list[Any] = units(run, values).tolist()
        return found
    if target.shape:
        return [" | ".join(label for label, holds in zip(target.names, row) if holds) for row in values.tolist()]
    labels = target.names or tuple(map(str, range(target.categories)))
    return [labels[int(k)] for k in values]


def scored(columns: dict[str, list[Any]], name: str, kind: Form) -> str:
    """Where the files say the truth."""
    truth, count = columns["truth"], len(columns["truth"])
    if kind == "labels":
        names = [head.removeprefix("p[").removesuffix("]") for head in columns if head.startswith("p[")]
        answers = zip(*(columns[own_name(label)] for label in names))
        all_right = sum(" | ".join(n for n, holds in zip(names, row) if holds) == t for row, t in zip(answers, truth))
        return f"the files say the answers: all labels right on {all_right:,} of {count:,} ({all_right / count:.1%})"
    found = columns[own_name(name)]
    if kind == "classes":
        right = sum(a == b for a, b in zip(found, truth))
        return f"the files say the answers: right on {right:,} of {count:,} ({right / count:.1%})"
    wrong = np.asarray(found) - np.asarray(truth)
    return f"the files say the answers: root mean squared error {float(np.sqrt((wrong**2).mean())):.4g}"
