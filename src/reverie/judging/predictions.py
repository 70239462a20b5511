"""How often a predictor is right on held-out items, how well it knows when it is, and where it is most wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from reverie.core import Described
from reverie.maths.targets import form, probabilities
from reverie.metrics import Metric
from reverie.metrics.predictions import calibrated, of_classes, of_intervals, of_labels, of_numbers
from reverie.tasks.calibrate import calibration, outputs

from .items import spread

if TYPE_CHECKING:
    from reverie.training.run import Run

ITEMS = 10_000  # held-out items where nobody says
HARDEST = 24  # mistakes that are shown
LEVEL = 0.9  # of the intervals whose coverage is measured
GROUPS = 50  # that are told apart, at most


class Mistake(NamedTuple):
    """One item of which the model was most sure and wrong."""

    raw: Any
    said: str
    truth: str


class Judged(NamedTuple):
    """What judging a predictor found. `confusion` (n, n): true classes by row, answers by column; None of numbers."""

    metrics: list[Metric]
    mistakes: list[Mistake]
    names: tuple[str, ...]
    confusion: np.ndarray | None


def predictions(run: Run, *, samples: int = 0) -> Judged:
    """Every measure that the target's form allows, on `samples` held-out items (0: at most 10,000)."""
    held_out, target = run.prepared.held_out, run.spec.predicted[1]
    index = spread(len(held_out), samples or ITEMS)
    output, truth = outputs(run, held_out, index)
    assert truth is not None
    trust = calibration(run)
    known = truth.numpy()
    if form(target) == "numbers":
        return of_a_number(run, index, output, truth)
    share = probabilities(output.double(), target, trust.temperature).numpy()
    if form(target) == "labels":
        return Judged(of_labels(share, known, target.names), [], target.names, None)
    labels = target.names or tuple(map(str, range(target.categories)))
    metrics = of_classes(share, known, labels)
    plain = probabilities(output.double(), target).numpy()
    if trust.items:
        heat = f"temperature {trust.temperature:.3g} from {trust.items} other items"
        metrics.append(calibrated(share, known, "ece", heat))
        metrics.append(calibrated(plain, known, "ece_uncalibrated", "as the network has it"))
    else:
        metrics.append(calibrated(plain, known, "ece", "as the network has it: no part was kept to calibrate by"))
    right = share.argmax(1) == known
    metrics += by_group(run, index, right)
    confusion = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(confusion, (known, share.argmax(1)), 1)
    sure = np.where(right, -1.0, share.max(1) - share[np.arange(len(known)), known])
    return Judged(metrics, hardest(run, index, sure, share.argmax(1), known, labels), labels, confusion)


def of_a_number(run: Run, index: Tensor, output: Tensor, truth: Tensor) -> Judged:
    """In the target's own unit, with the coverage of its intervals."""
    name, target = run.spec.predicted

    def raw(values: Tensor) -> np.ndarray:
        found = run.codec.decode({name: values})
        return np.array([row[name] for row in found] if isinstance(found, list) else found, dtype=float)

    metrics = of_numbers(raw(output), raw(truth), f"unit of {name}")
    trust = calibration(run)
    if trust.items:
        half = torch.from_numpy(trust.quantile(LEVEL)).to(output.dtype).view(target.shape)
        metrics += of_intervals(raw(output - half), raw(output + half), raw(truth), LEVEL)
    return Judged(metrics, [], (), None)


def hardest(
    run: Run, index: Tensor, sure: np.ndarray, said: np.ndarray, truth: np.ndarray, labels: tuple[str, ...]
) -> list[Mistake]:
    """The mistakes of which the model was most sure, first."""
    worst = [i for i in np.argsort(-sure, kind="stable")[:HARDEST] if sure[i] >= 0]
    if not worst:
        return []
    raws = run.prepared.held_out.raw(index[torch.tensor(worst)])
    return [Mistake(raw, labels[said[i]], labels[truth[i]]) for raw, i in zip(raws, worst)]


def by_group(run: Run, index: Tensor, right: np.ndarray) -> list[Metric]:
    """Accuracy for each value of the column that --group names."""
    column, items = run.info["source"]["options"].get("group"), run.prepared.held_out
    if not column or not isinstance(items, Described):
        return []
    member = np.array(items.columns(index)[column])
    out = []
    for value in np.unique(member)[:GROUPS]:
        own = right[member == value]
        whole = of_classes(np.stack([~own, own], 1).astype(float), np.ones(len(own), np.int64))[0]
        said = f"held-out items whose {column} is {value}; 95 % Wilson interval"
        out.append(replace(whole, name=f"accuracy[{column}={value}]", protocol=said, reference=None))
    return out
