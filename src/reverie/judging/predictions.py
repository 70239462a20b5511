"""How often a predictor is right on held-out items."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from reverie.core import Predicts
from reverie.metrics import Metric, Z, size_name, wilson
from reverie.spec import Field

from .items import spread

if TYPE_CHECKING:
    from reverie.training.run import Run

BLOCK = 100
ITEMS = 10_000  # held-out items where nobody says


def predictions(run: Run, *, samples: int = 0) -> list[Metric]:
    """Accuracy over all and a class, where the target has categories; else the error of a number."""
    targets = {**run.spec.condition, **run.spec.target}
    out: list[Metric] = []
    for name, field in list(run.spec.target.items()) or list(targets.items()):
        found, truth = predicted(run, name, spread(len(run.prepared.held_out), samples or ITEMS))
        out += accuracies(field, found.argmax(1), truth) if field.categories else [error(name, found, truth)]
    return out


@torch.inference_mode()
def predicted(run: Run, name: str, index: Tensor) -> tuple[Tensor, Tensor]:
    assert isinstance(run.model, Predicts)
    pairs = []
    for part in torch.split(index, BLOCK):
        batch = run.prepared.held_out.take(part)
        pairs.append((run.model.predict(batch.to(run.device)).cpu(), batch[name]))
    found, truth = zip(*pairs)
    return torch.cat(found), torch.cat(truth)


def accuracies(field: Field, found: Tensor, truth: Tensor) -> list[Metric]:
    """Over all items, then over those of each class that is there. The reference is the best constant guess."""
    count, right = len(truth), found == truth
    often = int(torch.bincount(truth, minlength=field.categories).max())
    protocol = "evenly spaced held-out items; 95 % Wilson interval"
    best = f"{protocol}; reference: always the most frequent class"
    low, high = wilson(int(right.sum()), count)
    value = float(right.double().mean())
    name = f"accuracy_{size_name(count)}"
    out = [Metric(name, value, "share right", count, best, low=low, high=high, reference=often / count)]
    for k in range(field.categories):
        own = right[truth == k]
        if not len(own):
            continue
        low, high = wilson(int(own.sum()), len(own))
        label = field.names[k] if k < len(field.names) else str(k)
        value, kept = float(own.double().mean()), f"{protocol}, of this class alone"
        out.append(Metric(f"accuracy[{label}]", value, "share right", len(own), kept, low=low, high=high))
    return out


def error(name: str, found: Tensor, truth: Tensor) -> Metric:
    """Root mean squared error; the reference is that of the best constant."""
    wrong = (found.view_as(truth).double() - truth.double()).square()
    count, value = len(truth), sqrt(float(wrong.mean()))
    half = Z * float(wrong.flatten().std()) / sqrt(wrong.numel()) if wrong.numel() > 1 else 0.0
    low, high = sqrt(max(0.0, value**2 - half)), sqrt(value**2 + half)
    constant = float(truth.double().std(correction=0))
    protocol = "evenly spaced held-out items; 95 % normal interval of the mean square; reference: the best constant"
    return Metric(f"rmse_{name}_{size_name(count)}", value, name, count, protocol, low, high, reference=constant)
