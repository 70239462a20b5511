"""The cheap measure that a run takes of itself at intervals, on held-out data. Lower is better."""

from importlib import import_module
from typing import NamedTuple

import torch

from reverie.core import Batch, Codec, Items, Model, Predicts, Samples, Scores, Spec
from reverie.tasks.sample import items as sampled

from .seeds import reseed

COUNT = 500  # held-out items, at most
BLOCK = 100
SEED = 20_140_512  # the measure's own chance: the same at every look, so that looks differ by the model alone


class Measure(NamedTuple):
    name: str
    value: float


def take(model: Model, spec: Spec, codec: Codec, held_out: Items, device: torch.device) -> Measure:
    """Of a finished model: its likelihood where it has one, the share of wrong predictions of a predictor, else the
    distance between samples and held-out items that the kind's `cheap` measures."""
    count = min(COUNT, len(held_out))
    index = torch.arange(count) * len(held_out) // count
    if isinstance(model, Scores):
        return likelihood(model, held_out, index, device)
    if isinstance(model, Predicts):
        return mistakes(model, held_out, index, device)
    if isinstance(model, Samples):
        judge = import_module(f"reverie.metrics.{spec.kind}")
        name, value = judge.cheap(held_out.raw(index), sampled(model, spec, codec, count, seed=SEED))
        return Measure(name, value)
    return Measure("nothing", 0.0)


@torch.inference_mode()
def likelihood(model: Scores, held_out: Items, index: torch.Tensor, device: torch.device) -> Measure:
    nats = units = 0.0
    for k, batch in enumerate(batches(held_out, index, device)):
        reseed(SEED, k)
        item_nats, item_units = model.nll(batch, 1)
        nats, units = nats + float(item_nats.sum()), units + float(item_units.sum())
    return Measure("held_out_nats", nats / units)


@torch.inference_mode()
def mistakes(model: Predicts, held_out: Items, index: torch.Tensor, device: torch.device) -> Measure:
    wrong = 0
    for batch in batches(held_out, index, device):
        wrong += int((model.predict(batch).argmax(1) != batch["label"]).sum())
    return Measure("held_out_error", wrong / len(index))


def batches(held_out: Items, index: torch.Tensor, device: torch.device) -> list[Batch]:
    return [held_out.take(part).to(device) for part in torch.split(index, BLOCK)]
