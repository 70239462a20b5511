"""Decoded sounds, served in batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .codec import SCALE, Codec

if TYPE_CHECKING:
    from torch import Tensor

    from reverie.core import Batch


class Recordings:
    """Some rows of a list of int16 arrays at the codec's rate, with their labels and what is known of each."""

    def __init__(
        self,
        sounds: Sequence[np.ndarray],
        labels: np.ndarray | None,
        known: Mapping[str, Sequence[str]],
        rows: np.ndarray,
        codec: Codec,
    ):
        import torch

        self.sounds, self.known, self.rows, self.codec = sounds, known, rows, codec
        kept = labels is not None and codec.labelled
        self.labels = torch.from_numpy(labels[rows].astype(np.int64)) if kept and labels is not None else None

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, index: Tensor, vary: bool = False) -> Batch:
        """Items at index (B,): "sound" (B, T) float32 in [-1, 1] with its lengths (B,), "label" (B,) int64. Sounds vary
        in nothing."""
        from reverie.core import Batch

        batch = self.codec.encode([self.sounds[i] for i in self.rows[index.numpy()]])
        label = {} if self.labels is None else {"label": self.labels[index]}
        return Batch({**batch.values, **label}, batch.lengths)

    def raw(self, index: Tensor) -> list[np.ndarray]:
        """The same sounds, each as long as it is: (n,) float32 in [-1, 1]."""
        return [self.sounds[i].astype(np.float32) / SCALE for i in self.rows[index.numpy()]]

    def columns(self, index: Tensor) -> dict[str, list[str]]:
        """Every word of the names' pattern, else the class's folder as "label"; "item" is the file's name."""
        rows = self.rows[index.numpy()]
        return {name: [values[i] for i in rows] for name, values in self.known.items()}
