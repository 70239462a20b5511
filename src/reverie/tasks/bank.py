"""Items and codes that others are compared with: how far the nearest of them lie."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from reverie.core import Batch, Items, Spec
from reverie.metrics.neighbours import ROWS, squared

from .codes import blocks
from .rebuilt import placed
from .vectors import Some, parts

NEAREST = 5  # codes or items, whose mean distance counts
BANK = 64 * 2**20  # bytes of training items, at most, that others are compared with
HALVED = 16  # pixels of the shorter side, from which on a picture is compared at half its size


class Bank(NamedTuple):
    """Places (n, d) that others are compared with, about their mean, for rounding."""

    middle: Tensor
    about: Tensor

    @classmethod
    def of(cls, places: Tensor) -> Bank:
        places = places.double()
        middle = places.mean(0)
        return cls(middle, places - middle)

    def away(self, x: Tensor) -> Tensor:
        """Mean distance of each row (N, d) from the nearest places: (N,)."""
        k = min(NEAREST, len(self.about))
        rows = torch.split(x - self.middle, ROWS)
        near = (squared(row, self.about).topk(k, largest=False).values for row in rows)
        return torch.cat([each.clamp(min=0).sqrt().mean(1) for each in near])


def banked(spec: Spec, items: Items) -> Tensor:
    """Items as what is compared (n, D), as many of the first as memory is given to."""
    one = seen_as(spec, items.take(torch.zeros(1, dtype=torch.long))).shape[1]
    most = max(NEAREST, BANK // (4 * max(1, one)))
    first = Some(items, torch.arange(min(most, len(items))))
    return torch.cat([seen_as(spec, batch)[:kept] for batch, kept in blocks(first)])


def seen_as(spec: Spec, batch: Batch) -> Tensor:
    """Items of a block as what is compared, (B, D): pictures at half their size, where they have the pixels, so that an
    edge that lies a pixel off is near."""
    size = spec.only[1].shape if placed(spec) else ()
    if size and min(size[1:]) >= HALVED:
        name = spec.only[0]
        batch = replace(batch, values={**batch.values, name: avg_pool2d(batch[name], 2, ceil_mode=True)})
    return torch.cat(parts(spec, batch), 1)
