"""What the measures of pictures share: each set's features, and how near each picture is to a training picture. All of
it is computed when it is first read, and in memory that does not grow with the number of samples: what needs pictures
one by one sees 10,000 of a set, evenly spaced."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reverie.metrics import Rows, Sets, blocks, evenly, features
from reverie.metrics.copies import Bank, Found, nearest
from reverie.metrics.features import LIMIT, Extractor, Streamed
from reverie.metrics.neighbours import Neighbourhood, neighbourhood

NEIGHBOURS, NEIGHBOURS_DENSITY = 3, 5  # Kynkäänniemi et al. 2019; Naeem et al. 2020
OF_DATA = (  # what hangs on no sample
    "extractor", "all_real", "all_train", "all_untrained", "bank", "usual", "doubles", "real_classes",
)  # fmt: skip
LEAST = 6  # pictures on either side of what compares two sets


class Some:
    """At most so many pictures of a set, evenly spaced, and their numbers in it."""

    def __init__(self, rows: Rows, most: int | None = None):
        self.rows, self.index = rows, evenly(len(rows), LIMIT if most is None else most)

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, index: np.ndarray) -> Any:
        return self.rows[self.index[index]]


class Seen:
    def __init__(self, sets: Sets):
        self.sets = sets
        self.some, self.held_out, self.learnt = Some(sets.fake), Some(sets.real), Some(sets.train)

    @cached_property
    def extractor(self) -> Extractor:
        """The one that was asked for, else the default at the pictures' size."""
        return features.named(self.sets.extractor or "default", longest_side(self.sets.fake))

    @property
    def enough(self) -> bool:
        return min(len(self.sets.real), len(self.sets.fake)) >= LEAST

    def streamed(self, rows: Rows, cached: bool) -> Streamed:
        return features.stream(blocks(rows, what="features of pictures"), self.extractor, Some(rows).index, cached)

    def maybe(self, rows: Rows | None, cached: bool) -> Streamed | None:
        """None where there are too few."""
        return self.streamed(rows, cached) if rows is not None and len(rows) >= LEAST else None

    @cached_property
    def all_real(self) -> Streamed:
        return self.streamed(self.sets.real, cached=True)

    @cached_property
    def all_fake(self) -> Streamed:
        return self.streamed(self.sets.fake, cached=False)

    @cached_property
    def all_train(self) -> Streamed | None:
        return self.maybe(self.sets.train, cached=True)

    @cached_property
    def all_untrained(self) -> Streamed | None:
        return self.maybe(self.sets.untrained, cached=False)

    @property
    def real(self) -> Tensor:
        """(n, dim), of `held_out`; the others likewise of `some`, `learnt` and the untrained model's."""
        return self.all_real.kept

    @property
    def fake(self) -> Tensor:
        return self.all_fake.kept

    @property
    def train(self) -> Tensor | None:
        return self.all_train.kept if self.all_train else None

    @property
    def untrained(self) -> Tensor | None:
        return self.all_untrained.kept if self.all_untrained else None

    @cached_property
    def near(self) -> Neighbourhood:
        """Each sample's and each held-out picture's part in precision, recall, density and coverage."""
        return neighbourhood(self.real, self.fake, NEIGHBOURS, NEIGHBOURS_DENSITY)

    @cached_property
    def bank(self) -> Bank:
        return Bank(self.sets.train if self.sets.bank is None else self.sets.bank)

    @cached_property
    def copied(self) -> Found:
        """Of each sample."""
        return nearest(self.some, self.bank)

    @cached_property
    def usual(self) -> Found:
        """The same of each held-out picture: how near an honest one comes."""
        return nearest(self.held_out, self.bank)

    @cached_property
    def doubles(self) -> Tensor:
        """Of as many held-out pictures as samples, whether each is a copy of another: how often honest ones are."""
        return repeated(Some(self.held_out, len(self.some)))

    @cached_property
    def real_classes(self) -> Tensor | None:
        """What the classifier that was named says of held-out pictures: (n, classes); None where none was named."""
        return self.classified(self.held_out)

    @cached_property
    def fake_classes(self) -> Tensor | None:
        return self.classified(self.some)

    def classified(self, rows: Rows) -> Tensor | None:
        judge = self.sets.classify
        return None if judge is None else torch.cat([judge(part) for part in blocks(rows)])


def repeated(rows: Rows) -> Tensor:
    """Of each picture, whether it is a copy of another of the set."""
    return nearest(rows, Bank(rows), skip=True).copied


def longest_side(rows: Rows) -> int:
    return max(rows[np.arange(1)].shape[1:3]) if len(rows) else 0
