"""How far a predictor's confidence can be trusted, from a part of the data that it has not learnt from.

Classes and labels: one temperature that divides the logits (Guo et al. 2017, arXiv:1706.04599). Numbers and sets of
classes: split-conformal quantiles, which cover as promised whatever the model, where items are exchangeable (Vovk,
Gammerman & Shafer 2005; Lei et al. 2018, arXiv:1604.04173; of classes Sadinle, Lei & Wasserman 2019, arXiv:1609.00451).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from math import ceil, exp
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from reverie.core import Items
from reverie.errors import NoRoom, Problem
from reverie.maths.targets import form, nats, probabilities
from reverie.spec import Field
from reverie.training.files import write_json

from .predictor import predictor, predicts

if TYPE_CHECKING:
    from reverie.training.run import Run

FILE = "calibration.json"
BLOCK = 200  # items at a time
WIDEST = 3.0  # |log temperature| at most
KEPT = 200_000  # scores that are kept, over all numbers of an item: some megabytes


@dataclass(frozen=True)
class Calibration:
    """What the calibration part says. `scores`, sorted: of classes, 1 - the true class's probability; of numbers, the
    absolute error in the codec's units, a list for each number of an item. `ranks` says which of the scores they are,
    from 1 to `items`: all, where they are few."""

    items: int = 0  # 0: there was no such part, and nothing is promised
    temperature: float = 1.0
    scores: list[list[float]] = field(default_factory=list)
    ranks: list[int] = field(default_factory=list)

    def quantile(self, level: float) -> np.ndarray:
        """What a fresh item's score is at most, with probability `level`: the ceil((n + 1) level)-th smallest score of
        each number, or the next larger one that is kept. Raises Problem where n items can't promise that much."""
        rank = ceil((self.items + 1) * Fraction(str(level)))  # of the number as written: 0.55 x 100 is no more than 55
        if not 0 < level < 1 or rank > self.items:
            raise Problem(
                f"--conformal {level:g}: {self.items} calibration items promise at most {self.most:.4g}. Ask for less, "
                "or train with a larger --calibration"
            )
        at = int(np.searchsorted(self.ranks, rank))
        return np.array([scores[at] for scores in self.scores])

    @property
    def most(self) -> float:
        """The level that so many items can promise, at most."""
        return self.items / (self.items + 1)


@torch.inference_mode()
def outputs(run: Run, items: Items, index: Tensor) -> tuple[Tensor, Tensor | None]:
    """What the model says of items, and the truth where it is known."""
    model, (name, _) = predictor(run), run.spec.predicted
    said, truth = [], []
    for part in torch.split(index, BLOCK):
        batch = items.take(part)
        said.append(model.predict(batch.to(run.device)).cpu())
        truth.append(batch.values.get(name))
    known = [t for t in truth if t is not None]
    return torch.cat(said), torch.cat(known) if len(known) == len(truth) else None


def calibration(run: Run) -> Calibration:
    """Of a run: kept in its folder, made anew when its weights have changed."""
    if there := kept(run):
        return there
    items, made = run.prepared.calibration, Calibration()
    if items is not None and len(items):
        output, truth = outputs(run, items, torch.arange(len(items)))
        assert truth is not None
        made = fitted(output.double(), truth, run.spec.predicted[1])
    with suppress(NoRoom):  # a run that can't be written to is calibrated each time
        write_json(run.path / FILE, {"weights": mark(run), **asdict(made)})
    return made


def leave(run: Run, say: Callable[[str], None]) -> None:
    """Of a run that has just been trained, in its folder, so that it says how sure it is wherever its data are not."""
    if "predict" not in run.family.abilities or predicts(run) == "sequence" or kept(run):
        return
    if run.prepared.calibration:
        say(f"calibrating by {len(run.prepared.calibration):,} items")
    calibration(run)


def kept(run: Run) -> Calibration | None:
    """What is in the run's folder; None where it is of other weights, of another reverie or not there."""
    try:
        found = json.loads((run.path / FILE).read_text(encoding="utf-8"))
        return Calibration(**found) if found.pop("weights") == mark(run) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def mark(run: Run) -> str:
    """Of the weights that the run has now."""
    return hashlib.blake2b((run.path / "weights.safetensors").read_bytes(), digest_size=12).hexdigest()


def of_mean(runs: Sequence[Run]) -> Calibration:
    """Of the mean of several runs on the same data, split alike: none of them has learnt from the calibration part.
    Nothing is promised where they differ in that."""
    first, target = runs[0], runs[0].spec.predicted[1]
    items = first.prepared.calibration
    alike = len({run.info["source"]["fingerprint"] for run in runs}) == 1
    if not alike or items is None or not len(items) or form(target) == "labels":
        return Calibration()
    pairs = [outputs(run, items, torch.arange(len(items))) for run in runs]
    truth = pairs[0][1]
    assert truth is not None
    if form(target) == "numbers":
        return fitted(torch.stack([output for output, _ in pairs]).double().mean(0), truth, target)
    heats = [calibration(run).temperature for run in runs]
    shares = [probabilities(output.double(), target, heat) for (output, _), heat in zip(pairs, heats)]
    return ranked(1 - torch.stack(shares).mean(0)[torch.arange(len(truth)), truth][:, None])


def fitted(output: Tensor, truth: Tensor, target: Field) -> Calibration:
    """From outputs (N, …) and the truth of the calibration part."""
    count = len(truth)
    if form(target) == "numbers":
        return ranked((output - truth).abs().reshape(count, -1))
    heat = temperature(output, truth, target)
    if form(target) != "classes":
        return Calibration(count, heat)
    share = probabilities(output, target, heat)[torch.arange(count), truth]
    return ranked(1 - share[:, None], heat)


def ranked(scores: Tensor, heat: float = 1.0) -> Calibration:
    """Scores (N, numbers) in order; of many, evenly spaced ranks, so that a quantile is at least what was asked for."""
    count, numbers = scores.shape
    kept = min(count, max(2, KEPT // numbers))
    ranks = torch.linspace(1, count, kept, dtype=torch.float64).round().long()
    return Calibration(count, heat, scores.sort(0).values[ranks - 1].T.tolist(), ranks.tolist())


def temperature(logits: Tensor, truth: Tensor, target: Field) -> float:
    """The one positive number that logits are divided by to make the truth most likely: a search in one dimension."""

    def cost(log_heat: float) -> float:
        return float(nats(logits / exp(log_heat), truth, target).mean())

    return exp(minimize_scalar(cost, bounds=(-WIDEST, WIDEST), method="bounded").x)
