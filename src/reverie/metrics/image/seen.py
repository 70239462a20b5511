"""What the measures of pictures share: each set's features, and how near each picture is to a training picture. All of
it is computed when it is first read."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from torch import Tensor

from reverie.metrics import Rows, Sets, blocks, features
from reverie.metrics.copies import Bank, Found, nearest
from reverie.metrics.features import Extractor

LEAST = 6  # pictures on either side of what compares two sets


class Seen:
    def __init__(self, sets: Sets):
        self.sets = sets

    @cached_property
    def extractor(self) -> Extractor:
        """The one that was asked for, else the default at the pictures' size."""
        chosen: Extractor = self.sets.extractor or features.default(longest_side(self.sets.real))
        return chosen

    @property
    def enough(self) -> bool:
        return min(len(self.sets.real), len(self.sets.fake)) >= LEAST

    def of(self, rows: Rows | None, keep: bool) -> Tensor | None:
        """(n, dim); None where there are too few."""
        if rows is None or len(rows) < LEAST:
            return None
        return features.gather(blocks(rows), self.extractor, keep=keep)

    @cached_property
    def real(self) -> Tensor:
        return features.gather(blocks(self.sets.real), self.extractor, keep=True)

    @cached_property
    def fake(self) -> Tensor:
        return features.gather(blocks(self.sets.fake), self.extractor)

    @cached_property
    def train(self) -> Tensor | None:
        return self.of(self.sets.train, keep=True)

    @cached_property
    def untrained(self) -> Tensor | None:
        return self.of(self.sets.untrained, keep=False)

    @cached_property
    def bank(self) -> Bank:
        return Bank(self.sets.train if self.sets.bank is None else self.sets.bank)

    @cached_property
    def copied(self) -> Found:
        """Of each sample."""
        return nearest(self.sets.fake, self.bank)

    @cached_property
    def usual(self) -> Found:
        """The same of each held-out picture: how near an honest one comes."""
        return nearest(self.sets.real, self.bank)


def longest_side(rows: Rows) -> int:
    return max(rows[np.arange(1)].shape[1:3]) if len(rows) else 0
