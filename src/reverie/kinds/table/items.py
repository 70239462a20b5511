"""Encoded rows, served in batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .codec import Codec
from .files import Table
from .made import typed

if TYPE_CHECKING:
    from torch import Tensor

    from reverie.core import Batch


class Encoded:
    """Some rows of a table. Columns of one type lie side by side, so that a batch is three look-ups, however many
    there are."""

    def __init__(self, table: Table, rows: np.ndarray, codec: Codec, truth: bool = True):
        import torch

        self.table, self.rows, self.codec = table, rows, codec
        places = rows.tolist()
        numbers: dict[str, np.ndarray] = {}
        masks: dict[str, np.ndarray] = {}
        categories: dict[str, np.ndarray] = {}
        self.wide: dict[str, Tensor] = {}  # labels and molecules, (N, width) each
        for column in [*codec.seen, *([codec.asked] if truth and codec.asked else [])]:
            cells = table.columns[column.name]
            encoded, there = column.encode([cells[i] for i in places], lambda k: table.place(places[k]))
            if encoded.ndim > 1:
                self.wide[column.name] = torch.from_numpy(encoded)
                continue
            (numbers if encoded.dtype == np.float32 else categories)[column.name] = encoded
            if column.type in ("number", "date") and column is not codec.asked:
                masks[column.name] = there
            if column.gap:
                categories[column.gap] = (~there).astype(np.int64)

        def stacked(columns: dict[str, np.ndarray], like: type) -> tuple[list[str], Tensor]:
            return list(columns), torch.from_numpy(
                np.array(list(columns.values()), like).reshape(len(columns), len(rows))
            )

        self.values = [stacked(numbers, np.float32), stacked(categories, np.int64)]  # (columns, N) each
        self.masks = stacked(masks, np.bool_)

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, index: Tensor, vary: bool = False) -> Batch:
        """Items at index (B,): each column (B,), float32 or int64, labels and molecules (B, width), and which numbers
        are there."""
        from reverie.core import Batch

        def chosen(names: list[str], columns: Tensor) -> dict[str, Tensor]:
            return dict(zip(names, columns.index_select(1, index).unbind(0)))

        values = {name: x for part in self.values for name, x in chosen(*part).items()}
        values |= {name: x[index] for name, x in self.wide.items()}
        return Batch(values, masks=chosen(*self.masks))

    def raw(self, index: Tensor) -> list[dict[str, Any]]:
        """The same rows as the file has them: what the model saw, and the answer. Of rows that are made, numbers are
        numbers, as in those that it makes."""
        rows = self.rows[index.numpy()]
        if not self.codec.asked:
            columns = [(c, self.table.columns.get(c.name)) for c in self.codec.columns]
            return [{c.name: typed(c, cells[i]) for c, cells in columns if cells is not None} for i in rows]
        names = [*(c.name for c in self.codec.columns), *self.codec.answered]
        return [{k: self.table.columns[k][i] for k in names if k in self.table.columns} for i in rows]

    def columns(self, index: Tensor) -> dict[str, list[str]]:
        """Every column of the file, and "item", the row's number, after its file's name where there are several."""
        rows = self.rows[index.numpy()]
        known = {k: [cells[i] or "" for i in rows] for k, cells in self.table.columns.items()}
        return {**known, "item": [self.table.name(i) for i in rows]}
