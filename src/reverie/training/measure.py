"""The cheap measures that a run takes of itself at intervals, on data kept from training. Lower is better; the first
decides which look was the best."""

from importlib import import_module
from math import sqrt
from typing import NamedTuple

import torch

from reverie.core import Batch, Codec, Items, Model, Predicts, Samples, Scores, Spec
from reverie.maths.targets import nats as target_nats
from reverie.tasks.sample import items as sampled

from .seeds import reseed

COUNT = 500  # held-out items, at most
PREDICTED = 1_000  # the same where an item costs one pass
BLOCK = 100
SEED = 20_140_512  # the measure's own chance: the same at every look, so that looks differ by the model alone


class Measure(NamedTuple):
    name: str
    value: float


def take(model: Model, spec: Spec, codec: Codec, held_out: Items, device: torch.device) -> tuple[Measure, ...]:
    """Of a finished model: its likelihood where it has one, what a predictor gets wrong, else the
    distance between samples and held-out items that the kind's `cheap` measures."""
    count = min(PREDICTED if isinstance(model, Predicts) else COUNT, len(held_out))
    index = torch.arange(count) * len(held_out) // count
    if isinstance(model, Scores):
        return (likelihood(model, held_out, index, device),)
    if isinstance(model, Predicts):
        return mistakes(model, spec, held_out, index, device)
    if isinstance(model, Samples):
        judge = import_module(f"reverie.metrics.{spec.kind}")
        name, value = judge.cheap(held_out.raw(index), sampled(model, spec, codec, count, seed=SEED))
        return (Measure(name, value),)
    return (Measure("nothing", 0.0),)


@torch.inference_mode()
def likelihood(model: Scores, held_out: Items, index: torch.Tensor, device: torch.device) -> Measure:
    nats = units = 0.0
    for k, batch in enumerate(batches(held_out, index, device)):
        reseed(SEED, k)
        item_nats, item_units = model.nll(batch, 1)
        nats, units = nats + float(item_nats.sum()), units + float(item_units.sum())
    return Measure("held_out_nats", nats / units)


@torch.inference_mode()
def mistakes(
    model: Predicts, spec: Spec, held_out: Items, index: torch.Tensor, device: torch.device
) -> tuple[Measure, ...]:
    """Nats and the share of wrong answers of classes and labels; of numbers, the root of the mean squared error in
    units of the training data's deviation."""
    name, field = spec.predicted
    nats, wrong, count = 0.0, 0.0, 0
    for batch in batches(held_out, index, device):
        answer, truth = model.predict(batch), batch[name]
        nats += float(target_nats(answer, truth, field).sum())
        if field.categories:
            missed = ((answer > 0) != truth.bool()) if field.shape else (answer.argmax(1) != truth)
        else:
            missed = (answer - truth).square()
        wrong, count = wrong + float(missed.sum()), count + missed.numel()
    if not field.categories:
        return (Measure("held_out_rmse", sqrt(wrong / count)),)
    return Measure("held_out_nats", nats / len(index)), Measure("held_out_error", wrong / count)


def batches(held_out: Items, index: torch.Tensor, device: torch.device) -> list[Batch]:
    return [held_out.take(part).to(device) for part in torch.split(index, BLOCK)]
