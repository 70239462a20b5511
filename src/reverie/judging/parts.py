"""What a code costs and what is left to say of an item given it: rate and distortion, of a model with such a bound."""

from __future__ import annotations

from math import log, sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from reverie.core import Batch, Bounds, Decodes, Density, Encodes
from reverie.metrics import Metric, Z
from reverie.metrics.image.sharpness import detail
from reverie.tasks.rebuilt import error
from reverie.training.seeds import generator, reseed

from .items import spread
from .likelihood import BLOCK, ITEMS, dequantised

if TYPE_CHECKING:
    from reverie.training.run import Run

ACTIVE = 0.01  # variance over items of a unit's posterior mean, above which it is in use: Burda et al. 2015


class Measured(NamedTuple):
    mean: Tensor  # (N, units) of each item's posterior
    rate: Tensor  # (N, units) nats
    distortion: Tensor  # (N,) nats


@torch.inference_mode()
def measured(run: Run, index: Tensor, seed: int) -> Measured:
    """Of held-out items, by one draw each. A density's distortion is of pictures made continuous."""
    model, found = run.model, []
    assert isinstance(model, Bounds)
    for k, part in enumerate(torch.split(index, BLOCK)):
        batch = run.prepared.held_out.take(part)
        if isinstance(model, Density) and model.density:
            batch = dequantised(batch, run.spec, generator(seed, "dequantise", k))
        reseed(seed, "bound", k)
        found.append([x.double().cpu() for x in model.bound(batch.to(run.device))])
    return Measured(*(torch.cat(rows) for rows in zip(*found)))


def rate_distortion(run: Run, *, samples: int = 0, seed: int = 0) -> list[Metric]:
    """Of `samples` held-out items, evenly spaced (0: 1,000). Alemi et al. 2018, arXiv:1711.00464."""
    index = spread(len(run.prepared.held_out), samples or ITEMS)
    if not len(index):
        return []
    found = measured(run, index, seed)
    count = len(index)
    how = f"{count} held-out items, evenly spaced, one draw of each code"
    rate = "what a code says of its item, KL(q(z|x) ‖ p(z)); rate and distortion add up to a bound of the likelihood"
    used = int((found.mean.var(0, correction=0) > ACTIVE).sum())
    units = found.mean.shape[1]
    in_use = f"{count} held-out items; units whose posterior mean varies by more than {ACTIVE} (Burda et al. 2015)"
    return [
        averaged("rate_nats", found.rate.sum(1), "nats an item", f"{how}; {rate}"),
        averaged("rate_bits", found.rate.sum(1) / log(2), "bits an item", f"{how}; {rate}"),
        averaged("distortion_nats", found.distortion, "nats an item", f"{how}; -log p(x|z): what is left to be said"),
        Metric("active_units", float(used), f"of {units} units", count, in_use, reference=float(units)),
        *reconstructed(run, index),
    ]


def averaged(name: str, values: Tensor, unit: str, protocol: str) -> Metric:
    count, mean = len(values), float(values.mean())
    if count < 2:
        return Metric(name, mean, unit, count, protocol)
    half = Z * float(values.std()) / sqrt(count)
    return Metric(name, mean, unit, count, protocol, low=mean - half, high=mean + half)


@torch.inference_mode()
def reconstructed(run: Run, index: Tensor) -> list[Metric]:
    """How far an item decoded from its code's mean is from itself; of pictures, also how much fine detail is left."""
    model, held_out = run.model, run.prepared.held_out
    if not (isinstance(model, Encodes) and isinstance(model, Decodes)) or not numbers(run):
        return []
    errors, there, made, real = 0.0, 0, [], []
    for part in torch.split(index, BLOCK):
        batch = held_out.take(part)
        items = {name: x.cpu() for name, x in model.decode(model.encode(batch.to(run.device))).items()}
        gone, known = missed(run, batch, items)
        errors, there = errors + gone, there + known
        if run.spec.kind == "image":
            made.append(run.codec.decode(items))
            real.append(held_out.raw(part))
    count = len(index)
    how = f"{count} held-out items decoded from the means of their codes"
    unit = "of the range" if all(field.low < field.high for field in numbers(run).values()) else "deviations"
    out = [Metric("reconstruction_rmse", sqrt(errors / max(1, there)), unit, count, f"{how}, root mean square")]
    if made and (usual := detail(real)):
        blur = f"{how}; strength of their fine detail beside the items' own: below 1 they are blurred"
        out.append(Metric("reconstruction_sharpness", detail(made) / usual, "of held-out", count, blur))
    return out


def numbers(run: Run) -> dict[str, Any]:
    return {name: field for name, field in run.spec.fields.items() if not field.categories}


def missed(run: Run, batch: Batch, items: dict[str, Tensor]) -> tuple[float, int]:
    """The sum of squared errors of all numbers that are there, and how many these are; bounds are 0 and 1."""
    found = [error(name, field, batch, items[name]) for name, field in numbers(run).items()]
    return sum(float(size.sum()) for size, _ in found), sum(int(there.sum()) for _, there in found)
