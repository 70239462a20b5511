"""How far a predictor's confidence can be trusted, from a part of the data that it has not learnt from.

Classes and labels: one temperature that divides the logits (Guo et al. 2017, arXiv:1706.04599). Numbers and sets of
classes: split-conformal quantiles, which cover as promised whatever the model, where items are exchangeable (Vovk,
Gammerman & Shafer 2005; Lei et al. 2018, arXiv:1604.04173; of classes Sadinle, Lei & Wasserman 2019, arXiv:1609.00451).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from math import ceil, exp
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from reverie.core import Items, Predicts
from reverie.errors import Problem
from reverie.maths.targets import form, nats, probabilities
from reverie.spec import Field
from reverie.training.files import write_json

if TYPE_CHECKING:
    from reverie.training.run import Run

BLOCK = 200  # items at a time
WIDEST = 3.0  # |log temperature| at most
KEPT = 5_000  # scores that are kept; more are thinned evenly, which moves no quantile by more than 1 in 5,000


@dataclass(frozen=True)
class Calibration:
    """What the calibration part says. `scores`, sorted: of classes, 1 - the true class's probability; of numbers, the
    absolute error in the codec's units, a list for each number of an item."""

    items: int = 0  # 0: there was no such part, and nothing is promised
    temperature: float = 1.0
    scores: list[list[float]] = field(default_factory=list)

    def quantile(self, level: float) -> np.ndarray:
        """What a fresh item's score stays below with probability `level`: the ceil((n + 1) level)-th smallest score, of
        each number. Raises Problem where so few items can't promise that much."""
        n = len(self.scores[0]) if self.scores else 0
        rank = ceil((n + 1) * level)
        if not 0 < level < 1 or rank > n:
            most = n / (n + 1) if n else 0.0
            raise Problem(
                f"--conformal {level:g}: {n} calibration items promise at most {most:.4g}. Ask for less, or train with "
                "a larger --calibration"
            )
        return np.array([scores[rank - 1] for scores in self.scores])


@torch.inference_mode()
def outputs(run: Run, items: Items, index: Tensor) -> tuple[Tensor, Tensor | None]:
    """What the model says of items, and the truth where it is known."""
    model, (name, _) = run.model, run.spec.predicted
    if not isinstance(model, Predicts):
        raise Problem(f"{run.path}: {run.family.name} predicts nothing. Make samples with `reverie sample`")
    said, truth = [], []
    for part in torch.split(index, BLOCK):
        batch = items.take(part)
        said.append(model.predict(batch.to(run.device)).cpu())
        truth.append(batch.values.get(name))
    known = [t for t in truth if t is not None]
    return torch.cat(said), torch.cat(known) if len(known) == len(truth) else None


def calibration(run: Run) -> Calibration:
    """Of a run: kept in its folder, made anew when its weights have changed."""
    file = run.path / "calibration.json"
    mark = hashlib.blake2b((run.path / "weights.safetensors").read_bytes(), digest_size=12).hexdigest()
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept.pop("weights") == mark:
            return Calibration(**kept)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass  # not there yet, or of another reverie
    items = run.prepared.calibration
    made = Calibration()
    if items is not None and len(items):
        output, truth = outputs(run, items, torch.arange(len(items)))
        assert truth is not None
        made = fitted(output.double(), truth, run.spec.predicted[1])
    write_json(file, {"weights": mark, **asdict(made)})
    return made


def fitted(output: Tensor, truth: Tensor, target: Field) -> Calibration:
    """From outputs (N, …) and the truth of the calibration part."""
    count = len(truth)
    if form(target) == "numbers":
        errors = (output - truth).abs().reshape(count, -1).T.sort(1).values
        return Calibration(count, 1.0, thinned(errors).tolist())
    heat = temperature(output, truth, target)
    if form(target) != "classes":
        return Calibration(count, heat)
    share = probabilities(output, target, heat)[torch.arange(count), truth]
    return Calibration(count, heat, thinned((1 - share).sort().values[None]).tolist())


def thinned(scores: Tensor) -> Tensor:
    """Sorted scores (numbers, N), at most KEPT of each."""
    count = scores.shape[1]
    return scores if count <= KEPT else scores[:, torch.linspace(0, count - 1, KEPT).round().long()]


def temperature(logits: Tensor, truth: Tensor, target: Field) -> float:
    """The one positive number that logits are divided by to make the truth most likely: a search in one dimension."""

    def cost(log_heat: float) -> float:
        return float(nats(logits / exp(log_heat), truth, target).mean())

    return exp(minimize_scalar(cost, bounds=(-WIDEST, WIDEST), method="bounded").x)
