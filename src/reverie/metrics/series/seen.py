"""What the measures of windows share: each set as one array, and how near samples come to training windows. Computed
when it is first read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reverie.metrics import Rows, Sets, blocks
from reverie.metrics.neighbours import nearest

from .apart import scales

OF_DATA = ("real", "train", "untrained", "bank", "scale", "usual")  # what hangs on no sample
LEAST = 6  # windows on either side of what compares two sets


class Seen:
    def __init__(self, sets: Sets):
        self.sets = sets

    @property
    def enough(self) -> bool:
        return min(len(self.real), len(self.fake)) >= LEAST

    @cached_property
    def real(self) -> np.ndarray:
        """(N, T, C) in the data's units."""
        return read(self.sets.real)

    @cached_property
    def fake(self) -> np.ndarray:
        return read(self.sets.fake)

    @cached_property
    def train(self) -> np.ndarray:
        return read(self.sets.train)

    @cached_property
    def untrained(self) -> np.ndarray | None:
        return None if self.sets.untrained is None else read(self.sets.untrained)

    @cached_property
    def bank(self) -> np.ndarray:
        return self.train if self.sets.bank is None else read(self.sets.bank)

    @cached_property
    def scale(self) -> np.ndarray:
        """(C,): deviations of the training windows."""
        return scales(self.bank)

    def flat(self, windows: np.ndarray) -> Tensor:
        """(N, T · C) in these units."""
        return torch.from_numpy((windows / self.scale).reshape(len(windows), -1))

    @cached_property
    def near(self) -> tuple[Tensor, Tensor]:
        """Of each sample, the distance to the nearest training window, and which that is: (n,) each."""
        return self.nearest(self.fake)

    @cached_property
    def usual(self) -> Tensor:
        """The distance of each held-out window: (n,)."""
        return self.nearest(self.real)[0]

    def nearest(self, windows: np.ndarray) -> tuple[Tensor, Tensor]:
        distance, which = nearest(self.flat(windows), self.flat(self.bank))
        return distance[:, 0], which[:, 0]


def stacked(windows: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """(N, T, C) float64."""
    return np.stack([np.asarray(window["window"], dtype=float) for window in windows])


def read(rows: Rows) -> np.ndarray:
    parts = [stacked(block) for block in blocks(rows)]
    return np.concatenate(parts) if parts else np.zeros((0, 1, 1))
