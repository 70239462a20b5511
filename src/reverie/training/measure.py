"""The cheap measures that a run takes of itself at intervals, on data kept from training. Lower is better; the first
decides which look was the best."""

from collections.abc import Callable
from importlib import import_module
from math import sqrt
from typing import Any, NamedTuple

import torch
from torch import Tensor

from reverie.core import Batch, Codec, Items, Model, Predicts, Samples, Scores, Spec
from reverie.maths.targets import nats as target_nats
from reverie.tasks.sample import items as sampled

from .health import SPREAD
from .lanes import wide
from .seeds import generator, reseed

COUNT = 500  # held-out items, at most
PREDICTED = 1_000  # the same where an item costs one pass
BLOCK = 100
SEED = 20_140_512  # the measure's own chance: the same at every look, so that looks differ by the model alone


class Measure(NamedTuple):
    name: str
    value: float
    left_out: tuple[float, ...] = ()  # the value with each group of items left out, where that was asked for


def take(
    model: Model,
    spec: Spec,
    codec: Codec,
    held_out: Items,
    device: torch.device,
    parts: int = 0,
    train: Items | None = None,
) -> tuple[Measure, ...]:
    """Of a finished model: its likelihood where it has one, what a predictor gets wrong, else the
    distance between samples and held-out items that the kind's `cheap` measures. The first is also taken with each of
    `parts` groups of items left out. Samples of classes have them as often as the items of `train`."""
    count = min(PREDICTED if isinstance(model, Predicts) else COUNT, len(held_out))
    if not count:
        return (Measure("nothing", 0.0),)
    if isinstance(model, Scores):
        scored = wide(model, held_out)
        count = max(1, count * len(scored) // len(held_out))  # as many tokens
        return (likelihood(model, scored, spaced(count, scored), device, groups(count, parts)),)
    index, dealt = spaced(count, held_out), groups(count, parts)
    if isinstance(model, Predicts):
        return mistakes(model, spec, held_out, index, device, dealt)
    if isinstance(model, Samples) and count > 1:  # one item has no covariance
        judge = import_module(f"reverie.metrics.{spec.kind}")
        real, fake = held_out.raw(index), sampled(model, spec, codec, count, seed=SEED, like=train)
        name, value = judge.cheap(real, fake)
        return (Measure(name, value, tuple(judge.left_out(real, fake, dealt)) if dealt else ()),)
    return (Measure("nothing", 0.0),)


def spaced(count: int, items: Items) -> Tensor:
    """So many of the items, evenly spaced."""
    return torch.arange(count) * len(items) // count


def groups(count: int, parts: int) -> list[Tensor]:
    """So many groups of items, dealt at random, the same at every look; fewer where a group had less than two items,
    and none where there are not two groups."""
    parts = min(parts, count // 2)
    order = torch.randperm(count, generator=generator(SEED, "groups"))
    return list(order.tensor_split(parts)) if parts > 1 else []


def spread(shown: Any, spec: Spec, held_out: Items) -> Measure | None:
    """How varied samples are beside as many held-out items; None where the kind has no such measure of them."""
    count = min(len(shown), len(held_out))
    if count < 2:
        return None
    judge = import_module(f"reverie.metrics.{spec.kind}")
    index = torch.arange(count) * len(held_out) // count
    return Measure(SPREAD, judge.spread(held_out.raw(index), shown[:count]))


@torch.inference_mode()
def likelihood(model: Scores, held_out: Items, index: Tensor, device: torch.device, dealt: list[Tensor]) -> Measure:
    found = []
    for k, batch in enumerate(batches(held_out, index, device)):
        reseed(SEED, k)
        found.append(model.nll(batch, 1))
    nats, units = (torch.cat(parts) for parts in zip(*found))
    return ratio("held_out_nats", nats, units, dealt)


@torch.inference_mode()
def mistakes(
    model: Predicts, spec: Spec, held_out: Items, index: Tensor, device: torch.device, dealt: list[Tensor]
) -> tuple[Measure, ...]:
    """Nats and the share of wrong answers of classes and labels; of numbers, the root of the mean squared error in
    units of the training data's deviation."""
    name, field = spec.predicted
    nats, wrong = [], []
    for batch in batches(held_out, index, device):
        answer, truth = model.predict(batch), batch[name]
        nats.append(target_nats(answer, truth, field))
        if field.categories:
            missed = ((answer > 0) != truth.bool()) if field.shape else (answer.argmax(1) != truth)
        else:
            missed = (answer - truth).square()
        wrong.append(missed.reshape(len(missed), -1).double().mean(1))
    missing, ones = torch.cat(wrong), torch.ones(len(index))
    if not field.categories:
        return (ratio("held_out_rmse", missing, ones, dealt, root),)
    return ratio("held_out_nats", torch.cat(nats), ones, dealt), ratio("held_out_error", missing, ones, [])


def ratio(name: str, over: Tensor, under: Tensor, dealt: list[Tensor], of: Callable[[float], float] = float) -> Measure:
    """A function of the ratio of two sums over items, (n,) each, whole and without each group."""
    over, under = over.double().cpu(), under.double().cpu()
    sums = float(over.sum()), float(under.sum())
    left_out = [(sums[0] - float(over[group].sum())) / (sums[1] - float(under[group].sum())) for group in dealt]
    return Measure(name, of(sums[0] / sums[1]), tuple(map(of, left_out)))


def root(x: float) -> float:
    return sqrt(max(0.0, x))  # a difference of sums may fall below 0 by rounding


def batches(held_out: Items, index: Tensor, device: torch.device) -> list[Batch]:
    return [held_out.take(part).to(device) for part in torch.split(index, BLOCK)]
