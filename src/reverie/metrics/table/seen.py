"""What the measures of rows share: each set as arrays, and how near samples come to training rows. Computed when it is
first read."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from torch import Tensor

from reverie.metrics import Rows, Sets, blocks

from .frame import Form, Frame, closest, single

OF_DATA = (  # what hangs on no sample
    "held", "own", "all", "form", "real", "train", "untrained", "bank", "once", "known", "usual",
)  # fmt: skip
LEAST = 6  # rows on either side of what compares two sets


class Seen:
    def __init__(self, sets: Sets):
        self.sets = sets

    @cached_property
    def held(self) -> list[Mapping[str, Any]]:
        return listed(self.sets.real)

    @cached_property
    def own(self) -> list[Mapping[str, Any]]:
        return listed(self.sets.train)

    @cached_property
    def all(self) -> list[Mapping[str, Any]]:
        return self.own if self.sets.bank is None else listed(self.sets.bank)

    @cached_property
    def made(self) -> list[Mapping[str, Any]]:
        return listed(self.sets.fake)

    @cached_property
    def form(self) -> Form:
        """Of the columns that samples have too."""
        first: Mapping[str, Any] = next((block[0] for block in blocks(self.sets.fake, 1)), {})
        real = self.held or self.own
        names = [name for name in (real[0] if real else {}) if name in first]
        return Form.of(real, self.all, names)

    @property
    def enough(self) -> bool:
        return min(len(self.held), len(self.made)) >= LEAST and bool(self.form.numbers or self.form.words)

    @cached_property
    def real(self) -> Frame:
        return self.form.read(self.held)

    @cached_property
    def fake(self) -> Frame:
        return self.form.read(self.made)

    @cached_property
    def train(self) -> Frame | None:
        """As many training rows as there are samples; None of too few."""
        return self.form.read(self.own) if len(self.own) >= LEAST else None

    @cached_property
    def untrained(self) -> Frame | None:
        sets = self.sets
        return self.form.read(listed(sets.untrained)) if sets.untrained is not None and len(sets.untrained) else None

    @cached_property
    def bank(self) -> Frame:
        """All training rows."""
        return self.form.read(self.all)

    @cached_property
    def once(self) -> np.ndarray:
        """Which training rows stand there once: what is there often is no one's own."""
        return np.flatnonzero(single(self.bank))

    @cached_property
    def known(self) -> Frame:
        """Those."""
        return self.bank[self.once]

    @cached_property
    def near(self) -> tuple[Tensor, Tensor]:
        """Of each sample, the distance to the nearest of those, and which that is: (n,) each."""
        distance, which = closest(self.fake, self.known)
        return distance[:, 0], which[:, 0]

    @cached_property
    def usual(self) -> Tensor:
        """The distance of each held-out row: (n,)."""
        return closest(self.real, self.known)[0][:, 0]


def listed(rows: Rows | None) -> list[Mapping[str, Any]]:
    return [] if rows is None else [row for block in blocks(rows) for row in block]
