"""Items beside what a model rebuilds of them, number by number, of any spec."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from reverie.core import Batch, Field, Spec


@dataclass(frozen=True)
class Error:
    """Of a block of items, by number: squared differences, fields with bounds in units of [0, 1]; of a category 1 where
    another one was rebuilt. What is not there is 0 in `size` and False in `there`."""

    size: Tensor  # (B, numbers) float64
    there: Tensor  # (B, numbers) bool


def rebuilt(model: Any, batch: Batch) -> dict[str, Tensor]:
    """The fields of what it makes of the codes of the items."""
    found: dict[str, Tensor] = model.decode(model.encode(batch))
    return found


def error(spec: Spec, batch: Batch, made: dict[str, Tensor]) -> Error:
    """Of items and what was rebuilt of them, over all fields in their order."""
    parts = [one(name, field, batch, made[name]) for name, field in spec.fields.items()]
    return Error(*(torch.cat(tensors, 1) for tensors in zip(*parts)))


def one(name: str, field: Field, batch: Batch, made: Tensor) -> tuple[Tensor, Tensor]:
    """Of one field, flat: (B, numbers) each."""
    value, count = batch[name], len(batch[name])
    if field.categories:
        size = (value.reshape(count, -1) != made.reshape(count, -1)).double()
    else:
        unit = field.high - field.low if field.high > field.low else 1.0
        size = ((value - made).double() / unit).square().reshape(count, -1)
    there = batch.masks[name].reshape(count, -1) if name in batch.masks else torch.ones_like(size, dtype=torch.bool)
    if name in batch.lengths:
        each = size.shape[1] // field.shape[0]
        place = torch.arange(size.shape[1], device=size.device) // each
        there = there & (place < batch.lengths[name][:, None])
    return torch.where(there, size, 0.0), there
