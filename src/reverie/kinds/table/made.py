"""Encoded columns -> rows as the file would have them, of rows that nobody predicts: what a model makes, or had
read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from .files import number

if TYPE_CHECKING:
    from .codec import Column

FORMS = {
    "%Y-%m-%d": 86_400, "%Y-%m-%d %H:%M": 60, "%Y-%m-%dT%H:%M": 60, "%Y-%m-%d %H:%M:%S": 1, "%Y-%m-%dT%H:%M:%S": 1,
}  # fmt: skip
"""How files write dates, and the seconds of the smallest step that each form tells."""


def rows(columns: Sequence[Column], values: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    """Encoded fields, (N,) each, of some columns or all -> rows as the file would have them, in its order, None where
    nothing stands."""
    count = len(next(iter(values.values())))
    made: dict[str, list[Any]] = {}
    for column in columns:
        if column.type == "constant":
            made[column.name] = list(column.names) * count
        elif column.name in values:
            gone = values.get(column.gap, np.zeros(count))
            said = decode(column, values[column.name])
            made[column.name] = [None if missing else value for value, missing in zip(said, gone)]
    return [dict(zip(made, row)) for row in zip(*made.values())]


def decode(column: Column, values: np.ndarray) -> list[Any]:
    if column.type == "category":
        return [None if column.missing and k == 1 else column.names[int(k)] for k in values]  # 0 is OTHER, 1 the gap
    own = (values.astype(float) * column.deviation + column.mean).clip(column.low, column.high)
    if column.type == "date":
        return [dated(float(x), column) for x in own]
    if column.digits < 0:
        return list(own.tolist())
    return [int(x) if not column.digits else float(x) for x in np.round(own, column.digits)]


def dated(x: float, column: Column) -> str:
    """Seconds since 1970 as the file writes them."""
    unit = FORMS.get(column.form, 0)
    when = datetime.fromtimestamp(round(x / unit) * unit if unit else x, UTC)
    return when.strftime(column.form) if unit else when.isoformat()


def typed(column: Column, cell: str | None) -> Any:
    """A cell of the file as `rows` would give it: a number, a word, a date as it is written, or None."""
    if cell is None or column.type != "number":
        return cell
    value = number(cell)
    return int(value) if value is not None and not column.digits and value % 1 == 0 else value
