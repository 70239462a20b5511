"""How often a predictor is right on held-out items, how well it knows when it is, and where it is most wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from reverie.core import Described
from reverie.maths.targets import form, probabilities
from reverie.metrics import Metric, wilson
from reverie.metrics.predictions import calibrated, of_classes, of_intervals, of_labels, of_numbers
from reverie.tasks.calibrate import Calibration, calibration, outputs
from reverie.tasks.predict import LEVEL, units

from .ahead import of_windows
from .items import spread
from .sequences import ITEMS as SEQUENCES
from .sequences import of_sequences

if TYPE_CHECKING:
    from reverie.training.run import Run

ITEMS = 10_000  # held-out items where nobody says
HARDEST = 24  # mistakes that are shown
GROUPS = 50  # that are told apart, at most


class Mistake(NamedTuple):
    """One item of which the model was sure and wrong, or whose number it missed by most."""

    raw: Any
    said: str
    truth: str


class Judged(NamedTuple):
    """What judging a predictor found. `confusion` (n, n): true classes by row, answers by column; None of numbers."""

    metrics: list[Metric]
    mistakes: list[Mistake]
    names: tuple[str, ...]
    confusion: np.ndarray | None


def predictions(run: Run, *, samples: int = 0) -> Judged | None:
    """Every measure that the target's form allows, on `samples` held-out items (0: at most 10,000). None where nothing
    was held out."""
    held_out, target = run.prepared.held_out, run.spec.predicted[1]
    if not len(held_out):
        return None
    index = spread(len(held_out), samples or (SEQUENCES if form(target) == "sequence" else ITEMS))
    if form(target) == "sequence":
        metrics, worst = of_sequences(run, index, HARDEST)
        return Judged(metrics, [Mistake(*one) for one in worst], (), None)
    output, truth = outputs(run, held_out, index)
    assert truth is not None
    trust = calibration(run)
    if form(target) == "numbers":
        return of_a_number(run, index, output, truth, trust)
    known = truth.numpy()
    share = probabilities(output.double(), target, trust.temperature).numpy()
    if form(target) == "labels":
        return Judged(of_labels(share, known, target.names), [], target.names, None)
    labels = target.names or tuple(map(str, range(target.categories)))
    found = share.argmax(1)
    metrics = of_classes(share, known, labels)
    plain = probabilities(output.double(), target).numpy()
    if trust.items:
        heat = f"temperature {trust.temperature:.3g} from {trust.items} other items"
        metrics.append(calibrated(share, known, "ece", heat))
        metrics.append(calibrated(plain, known, "ece_uncalibrated", "as the network has it"))
    else:
        metrics.append(calibrated(plain, known, "ece", "as the network has it: no part was kept to calibrate by"))
    metrics += by_group(run, index, found == known, rightly)
    confusion = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(confusion, (known, found), 1)
    sure = share.max(1) - share[np.arange(len(known)), known]
    wrong = [i for i in np.argsort(-sure, kind="stable") if found[i] != known[i]][:HARDEST]
    said = [labels[found[i]] for i in wrong]
    return Judged(metrics, mistakes(run, index, wrong, said, [labels[known[i]] for i in wrong]), labels, confusion)


def of_a_number(run: Run, index: Tensor, output: Tensor, truth: Tensor, trust: Calibration) -> Judged:
    """In the target's own unit, with the coverage of its intervals where they are promised."""
    name, target = run.spec.predicted
    if len(target.shape) == 2:
        return Judged(of_windows(run, index, output, truth, trust), [], (), None)
    found, known, unit = units(run, output), units(run, truth), f"unit of {name}"
    metrics = of_numbers(found, known, unit)
    if trust.most >= LEVEL:
        half = torch.from_numpy(trust.quantile(LEVEL)).to(output.dtype).view(target.shape)
        metrics += of_intervals(units(run, output - half), units(run, output + half), known, LEVEL)
    square = ((found - known) ** 2).reshape(len(known), -1).mean(1)

    def group(own: np.ndarray, label: str, protocol: str) -> Metric:
        return Metric(f"rmse[{label}]", float(np.sqrt(own.mean())), unit, len(own), protocol)

    metrics += by_group(run, index, square, group)
    if target.shape:
        return Judged(metrics, [], (), None)
    worst = np.argsort(-square, kind="stable")[:HARDEST].tolist()
    said = [f"{found[i]:.4g}" for i in worst]
    return Judged(metrics, mistakes(run, index, worst, said, [f"{known[i]:.4g}" for i in worst]), (), None)


def mistakes(run: Run, index: Tensor, worst: list[int], said: list[str], truth: list[str]) -> list[Mistake]:
    if not worst:
        return []
    raws = run.prepared.held_out.raw(index[torch.tensor(worst)])
    return [Mistake(*one) for one in zip(raws, said, truth)]


def rightly(own: np.ndarray, label: str, protocol: str) -> Metric:
    said = f"{protocol}; 95 % Wilson interval"
    low, high = wilson(int(own.sum()), len(own))
    return Metric(f"accuracy[{label}]", float(own.mean()), "share right", len(own), said, low, high)


def by_group(
    run: Run, index: Tensor, values: np.ndarray, measure: Callable[[np.ndarray, str, str], Metric]
) -> list[Metric]:
    """A measure of each item's value, for each value of the column that --group names."""
    column, items = run.info["source"]["options"].get("group"), run.prepared.held_out
    if not column or not isinstance(items, Described):
        return []
    member = np.array(items.columns(index)[column])
    return [
        measure(values[member == one], f"{column}={one}", f"held-out items whose {column} is {one}")
        for one in np.unique(member)[:GROUPS]
    ]
