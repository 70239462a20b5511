"""Some of a run's items: as vectors, and what they are labelled with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from reverie import metrics
from reverie.core import Batch, Conditioned, Items, Spec

from .codes import blocks

if TYPE_CHECKING:
    from reverie.training.run import Run


class Some:
    """Items of a set, by their places."""

    def __init__(self, items: Items, index: Tensor):
        self.items, self.index = items, index

    def __len__(self) -> int:
        return len(self.index)

    def take(self, index: Tensor, vary: bool = False) -> Batch:
        return self.items.take(self.index[index], vary)

    def raw(self, index: Tensor) -> Any:
        return self.items.raw(self.index[index])


def evenly(count: int, most: int) -> Tensor:
    """As `metrics.evenly`, as places to take."""
    return torch.from_numpy(metrics.evenly(count, most))


def vectors(spec: Spec, items: Items) -> Tensor:
    """Each item as one vector, (N, D): its numbers, 0 where one is missing; its categories as a 1 among 0s; of tokens
    in a ragged row how often each is there. What codes are measured against."""
    return torch.cat([torch.cat(parts(spec, batch), 1)[:kept] for batch, kept in blocks(items)])


def parts(spec: Spec, batch: Batch) -> list[Tensor]:
    found = []
    for name, field in spec.fields.items():
        value = batch[name].reshape(len(batch), -1)
        if not field.categories:
            there = batch.masks.get(name)
            found.append(value.float() if there is None else value.float() * there.reshape(value.shape))
            continue
        ones = one_hot(value, field.categories).float()
        if field.length or field.start is not None:
            found.append(ones.sum(1)[:, 1:])  # 0 fills, or ends
        else:
            found.append(ones.flatten(1))
    return found


def raw_of(run: Run, fields: Mapping[str, Tensor]) -> Any:
    """Decoded items in the form that `Items.raw` gives them in, so that the kind can show and save them."""
    found = run.codec.decode(fields)
    only = [field for name, field in run.spec.fields.items() if name in fields]
    if isinstance(found, np.ndarray) and len(only) == 1 and len(only[0].shape) == 2:  # windows of a series
        (name,) = fields
        return [{name: window, "channels": only[0].names} for window in found]
    return found


class Known(NamedTuple):
    """What items are labelled with."""

    name: str
    values: Tensor  # (N,) classes int64, or numbers in the data's unit
    names: tuple[str, ...]  # of classes; (): numbers


def known(run: Run, items: Items) -> Known | None:
    """The class of each item, or its number; None where the items don't say it."""
    fields = {**run.spec.condition, **run.spec.target}
    single = {name: field for name, field in fields.items() if not field.shape}
    for name, field in single.items():
        found = [(batch.values.get(name), kept) for batch, kept in blocks(items)]
        if any(value is None for value, _ in found):
            continue
        values = torch.cat([value[:kept] for value, kept in found if value is not None])
        if field.categories:
            return Known(name, values, field.names or tuple(map(str, range(field.categories))))
        own = run.codec.decode({name: values})
        return Known(name, torch.tensor([float(row[name]) for row in own]), ())
    return None


def bare(run: Run, codes: Tensor) -> Tensor:
    """Codes (N, latents) without the label that a conditional model's code carries at its end: what is measured by that
    label, or called the model's own finding, must not hold it."""
    count = run.spec.classes
    if not count or codes.shape[1] <= count or not isinstance(run.model, Conditioned):
        return codes
    last = codes[:, -count:]
    ones = ((last == 0) | (last == 1)).all() and (last.sum(1) == 1).all()
    return codes[:, :-count] if ones else codes
