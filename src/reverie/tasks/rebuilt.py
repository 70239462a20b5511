"""Items beside what a model rebuilds of them, of any spec."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from reverie.core import Batch, Field, Spec

GRID = 32  # places of a picture down and across, at most


def rebuilt(model: Any, batch: Batch) -> dict[str, Tensor]:
    """The fields of what it makes of the codes of the items."""
    found: dict[str, Tensor] = model.decode(model.encode(batch))
    return found


def columns(spec: Spec, batch: Batch, made: dict[str, Tensor]) -> Tensor:
    """The mean error of each column of each item: (B, columns), float64. A column is a field, of one whose last axis
    has names each of these, and of a picture each place of it, of large ones on a grid. What is not there does not
    count; where nothing is, the error is 0."""
    found = []
    for name, field in spec.fields.items():
        size, there = error(name, field, batch, made[name])
        if placed(spec):
            down, across = (min(GRID, side) for side in field.shape[1:])
            return adaptive_avg_pool2d(size.view(-1, *field.shape).mean(1), (down, across)).flatten(1)
        shape = (len(size), -1, channels(field))
        size, there = size.view(shape), there.view(shape)
        found.append(size.sum(1) / there.sum(1).clamp(min=1))
    return torch.cat(found, 1)


def placed(spec: Spec) -> bool:
    """Is an item one picture, whose errors have places?"""
    fields = list(spec.fields.values())
    return len(fields) == 1 and len(fields[0].shape) == 3 and not fields[0].categories


def named(spec: Spec) -> list[str]:
    """What a person would call each column."""
    out = []
    for name, field in spec.fields.items():
        many = channels(field) > 1
        own = [f"{name} {one}" if len(spec.fields) > 1 else one for one in field.names] if many else [name]
        out += own
    return out


def channels(field: Field) -> int:
    """Columns of a field."""
    whole = not field.categories and len(field.shape) > 0 and len(field.names) == field.shape[-1]
    return len(field.names) if whole else 1


def error(name: str, field: Field, batch: Batch, made: Tensor) -> tuple[Tensor, Tensor]:
    """Of one field of a block, by number, flat (B, numbers): squared differences, with bounds in units of [0, 1]; of a
    category 1 where another one was rebuilt. And which are there: the others are 0."""
    value, count = batch[name], len(batch[name])
    if field.categories:
        size = (value.reshape(count, -1) != made.reshape(count, -1)).double()
    else:
        unit = field.high - field.low if field.high > field.low else 1.0
        size = ((value - made).double() / unit).square().reshape(count, -1)
    known = batch.masks.get(name)
    there = torch.ones_like(size, dtype=torch.bool) if known is None else known.reshape(count, -1)
    if name in batch.lengths:
        each = size.shape[1] // field.shape[0]
        place = torch.arange(size.shape[1], device=size.device) // each
        there = there & (place < batch.lengths[name][:, None])
    return torch.where(there, size, 0.0), there
