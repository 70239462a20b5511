"""Rows <-> tensors: numbers with mean 0 and deviation 1, categories as integers, gaps said by a mask or a category."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from reverie.errors import Problem
from reverie.spec import Field, Spec

from .files import number

if TYPE_CHECKING:
    from torch import Tensor

    from reverie.core import Batch

OTHER, MISSING = "(other)", "(missing)"  # categories that training has not seen, and gaps
NAMED = 256  # categories that have a number of their own, at most; of more, hashes
BUCKETS = 256  # that hashes fall into
CLASSES = 10  # distinct whole numbers up to which a target is a class
Cells = Sequence[str | None]


@dataclass(frozen=True)
class Column:
    """One column, as training found it."""

    name: str
    type: str  # number | date | category | hash
    mean: float = 0.0
    deviation: float = 1.0
    names: tuple[str, ...] = ()  # of categories; of features the first is OTHER
    missing: bool = False  # training has gaps in it
    whole: bool = False  # training has whole numbers only

    @property
    def field(self) -> Field:
        if self.type in ("number", "date"):
            return Field((), 0.0, 0.0, missing=True)
        if self.type == "hash":
            return Field((), categories=BUCKETS + 1)
        return Field((), categories=len(self.names), names=self.names)

    def encode(self, cells: Cells, where: str) -> tuple[np.ndarray, np.ndarray]:
        """(N,) of float32 or int64, and which are there. Raises Problem for a word among numbers."""
        there = np.array([cell is not None for cell in cells])
        if self.type in ("number", "date"):
            read = number if self.type == "number" else seconds
            values = np.zeros(len(cells))
            for i, cell in enumerate(cells):
                if cell is not None:
                    value = read(cell)
                    if value is None:
                        what = "a number" if self.type == "number" else "a date"
                        raise Problem(f"{where}: row {i + 1}, {self.name}: {cell[:40]!r} is not {what}. Mend it")
                    values[i] = (value - self.mean) / self.deviation
            return values.astype(np.float32), there
        if self.type == "hash":
            return np.array([bucket(cell) for cell in cells], np.int64), there
        known = {name: k for k, name in enumerate(self.names)}
        return np.array([known.get(MISSING if c is None else c, 0) for c in cells], np.int64), there

    def decode(self, values: np.ndarray) -> list[Any]:
        """Back to the column's own unit, or to names. A hash can't be undone: its number."""
        if self.type in ("number", "date"):
            own = values.astype(float) * self.deviation + self.mean
            if self.type == "date":
                return [datetime.fromtimestamp(float(v), UTC).isoformat() for v in own]
            return [float(v) for v in own]
        return [self.names[int(k)] if self.names else int(k) for k in values]


@dataclass(frozen=True)
class Codec:
    """What rows of one data set look like."""

    columns: tuple[Column, ...]  # that a model sees
    target: Column

    @property
    def spec(self) -> Spec:
        field = replace(self.target.field, missing=False)
        return Spec("table", {c.name: c.field for c in self.columns}, target={self.target.name: field})

    def encode(self, raw: Sequence[Mapping[str, Any]]) -> Batch:
        """Rows as mappings of column to value -> a batch; the target too where every row has it. Raises Problem."""
        import torch

        from reverie.core import Batch

        def cells(name: str) -> list[str | None]:
            return [None if row.get(name) is None else str(row[name]) for row in raw]

        values, masks = {}, {}
        for column in self.columns:
            encoded, there = column.encode(cells(column.name), "rows")
            values[column.name] = torch.from_numpy(encoded)
            if column.type in ("number", "date"):
                masks[column.name] = torch.from_numpy(there)
        answers = cells(self.target.name)
        if all(cell is not None for cell in answers):
            values[self.target.name] = torch.from_numpy(self.target.encode(answers, "rows")[0])
        return Batch(values, masks=masks)

    def decode(self, values: Mapping[str, Tensor]) -> list[dict[str, Any]]:
        """Any of the columns and the target, (N,) each -> rows."""
        known = {c.name: c for c in (*self.columns, self.target)}
        decoded = {name: known[name].decode(x.detach().cpu().numpy()) for name, x in values.items()}
        return [dict(zip(decoded, row)) for row in zip(*decoded.values())]

    def to_json(self) -> dict[str, Any]:
        return {"columns": [asdict(c) for c in self.columns], "target": asdict(self.target)}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Codec:
        def one(values: Mapping[str, Any]) -> Column:
            return Column(**{**values, "names": tuple(values["names"])})

        try:
            return Codec(tuple(one(c) for c in data["columns"]), one(data["target"]))
        except (KeyError, TypeError) as error:
            raise Problem(f"table codec: {error}. Take it from a run.json that fit wrote.") from None


def fit(name: str, cells: Cells) -> Column | str:
    """What a feature is, from its training part; or why it is left out."""
    present = [cell for cell in cells if cell is not None]
    gaps = len(present) < len(cells)
    if not present:
        return "no values"
    distinct = Counter(present)
    if len(distinct) == 1 and not gaps:
        return f"always {present[0]}"
    for kind, read in (("number", number), ("date", seconds)):
        found = [read(cell) for cell in present]
        if all(value is not None for value in found):
            values = np.array(found, dtype=float)
            spread = float(values.std()) or 1.0
            return Column(name, kind, float(values.mean()), spread, missing=gaps, whole=bool((values % 1 == 0).all()))
    if len(distinct) > max(20, 0.9 * len(present)):
        return "another word in almost every row"
    if len(distinct) > NAMED:
        return Column(name, "hash", missing=gaps)
    names = (OTHER, *((MISSING,) if gaps else ()), *sorted(distinct))
    return Column(name, "category", names=names, missing=gaps)


def fit_target(name: str, cells: Cells) -> Column:
    """Words and few whole numbers are classes, all else numbers. Raises Problem where there is nothing to learn."""
    present = [cell for cell in cells if cell is not None]
    found = [number(cell) for cell in present]
    distinct = set(present)
    if len(distinct) < 2:
        what = f"always {present[0]}" if present else "no values"
        raise Problem(f"--predict {name}: {what}: nothing to learn. Predict another column")
    if all(value is not None for value in found):
        values = np.array(found, dtype=float)
        whole = all(cell.lstrip("+-").isdecimal() for cell in distinct)
        if not (whole and len(distinct) <= CLASSES):
            return Column(name, "number", float(values.mean()), float(values.std()) or 1.0, whole=whole)
        return Column(name, "category", names=tuple(sorted(distinct, key=float)))
    if len(distinct) > max(NAMED, len(present) // 2):
        raise Problem(f"--predict {name}: {len(distinct):,} different words in {len(present):,} rows: no classes")
    return Column(name, "category", names=tuple(sorted(distinct)))


def seconds(cell: str) -> float | None:
    """A date or time of ISO 8601 as seconds since 1970, in UTC where it names no zone."""
    if len(cell) < 8 or not cell[:4].isdecimal():
        return None
    try:
        found = datetime.fromisoformat(cell)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def bucket(cell: str | None) -> int:
    """0 for a gap, else 1 … BUCKETS, the same in every program."""
    if cell is None:
        return 0
    return 1 + int.from_bytes(blake2b(cell.encode("utf-8", "replace"), digest_size=4).digest(), "big") % BUCKETS
