"""Attributes: numbers that a model is told beside each item, and what a person may ask for of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reverie.errors import Problem
from reverie.spec import Field

DRAWN = 1000  # training items whose attributes are kept: samples are made for these where nobody asks for others


@dataclass(frozen=True)
class Attributes:
    """What a model is told, each number mapped from [low, high], its range over all items, to [0, 1]."""

    names: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    drawn: tuple[tuple[float, ...], ...]  # of training items, mapped

    @property
    def field(self) -> Field:
        return Field((len(self.names),), 0.0, 1.0, names=self.names, drawn=self.drawn)

    def asked(self, wish: Mapping[str, float]) -> dict[str, float]:
        """Values that a person asks for, mapped. Raises Problem on a name or a value that the data has not."""
        found = {}
        for name, value in wish.items():
            if name not in self.names:
                raise Problem(f"--attribute {name}: no such attribute. There are: {', '.join(self.names)}")
            low, high = (ends[self.names.index(name)] for ends in (self.low, self.high))
            if not low <= value <= high:
                raise Problem(f"--attribute {name}={value:g}: the data has {low:g} to {high:g}. Pass a value of these")
            found[name] = (value - low) / (high - low)
        return found

    def said(self) -> str:
        """For a person: each with its range."""
        return ", ".join(f"{n} ({a:g} to {b:g})" for n, a, b in zip(self.names, self.low, self.high))

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Attributes:
        flat = {k: tuple(data[k]) for k in ("names", "low", "high")}
        return Attributes(**flat, drawn=tuple(map(tuple, data["drawn"])))


def fit(values: np.ndarray, names: Sequence[str], train: np.ndarray) -> tuple[Attributes, np.ndarray]:
    """From the numbers of all items (N, k) and the rows that are trained on: what a codec keeps, and the numbers
    mapped to [0, 1]. Raises Problem on a column that says nothing."""
    low, high = values.min(0), values.max(0)
    for name, a, b in zip(names, low, high):
        if a == b:
            raise Problem(f"--attributes {name}: {a:g} for every item, which tells them not apart. Leave it out")
    mapped = ((values - low) / (high - low)).astype(np.float32)
    some_rows = train[np.linspace(0, len(train) - 1, min(DRAWN, len(train))).round().astype(np.int64)]
    drawn = tuple(tuple(row) for row in mapped[some_rows].round(6).tolist())
    return Attributes(tuple(names), tuple(low.tolist()), tuple(high.tolist()), drawn), mapped
