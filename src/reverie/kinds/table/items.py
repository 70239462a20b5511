"""Encoded rows, served in batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .codec import Codec
from .files import Table

if TYPE_CHECKING:
    from torch import Tensor

    from reverie.core import Batch


class Encoded:
    """Some rows of a table. Numbers of all columns lie side by side, so that a batch is one look-up."""

    def __init__(self, table: Table, rows: np.ndarray, codec: Codec, truth: bool = True):
        import torch

        self.table, self.rows, self.codec = table, rows, codec
        self.values: dict[str, Tensor] = {}
        self.masks: dict[str, Tensor] = {}
        for column in [*codec.columns, *([codec.target] if truth else [])]:
            cells = table.columns[column.name]
            encoded, there = column.encode([cells[i] for i in rows], table.where)
            self.values[column.name] = torch.from_numpy(encoded)
            if column.type in ("number", "date") and column is not codec.target:
                self.masks[column.name] = torch.from_numpy(there)

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, index: Tensor, vary: bool = False) -> Batch:
        """Items at index (B,): each column (B,), float32 or int64, and which numbers are there."""
        from reverie.core import Batch

        values = {k: v[index] for k, v in self.values.items()}
        return Batch(values, masks={k: v[index] for k, v in self.masks.items()})

    def raw(self, index: Tensor) -> list[dict[str, Any]]:
        """The same rows as the file has them: what the model saw, and the answer."""
        names = [*(c.name for c in self.codec.columns), self.codec.target.name]
        rows = self.rows[index.numpy()]
        return [{k: self.table.columns[k][i] for k in names if k in self.table.columns} for i in rows]

    def columns(self, index: Tensor) -> dict[str, list[str]]:
        """Every column of the file, and "item", the row's number."""
        rows = self.rows[index.numpy()]
        known = {k: [cells[i] or "" for i in rows] for k, cells in self.table.columns.items()}
        return {**known, "item": [f"row {i + 1}" for i in rows]}
