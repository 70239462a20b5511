"""Rows <-> tensors: numbers with mean 0 and deviation 1, categories as integers, gaps said by a mask or a category. Of
rows that nobody predicts see also `made`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from reverie.errors import Problem
from reverie.spec import Field, Spec

from . import labels, made, smiles, threshold
from .files import Table, clean, number

if TYPE_CHECKING:
    from torch import Tensor

    from reverie.core import Batch

OTHER, MISSING = "(other)", "(missing)"  # categories that training has not seen, and gaps
NAMED = 256  # categories that have a number of their own, at most; of more, hashes
BUCKETS = 256  # that hashes fall into
MIXED = 0.1  # share of words below which a column is one of numbers with slips in it
WORDS = 4.0  # of a cell, on average, in a column of texts, at least
CLASSES = 10  # distinct whole numbers up to which a target is a class
Cells = Sequence[str | None]


@dataclass(frozen=True)
class Column:
    """One column, as training found it."""

    name: str
    type: str  # number | date | category | hash | molecule; of a target also labels, of rows that are made constant
    mean: float = 0.0
    deviation: float = 1.0
    names: tuple[str, ...] = ()  # of categories (of features the first is OTHER), labels, or a molecule's numbers
    missing: bool = False  # training has gaps in it
    whole: bool = False  # training has whole numbers only
    sign: str = ""  # between labels
    apart: bool = False  # labels have a column each, by their names
    middles: tuple[float, ...] = ()  # of a molecule's numbers
    spreads: tuple[float, ...] = ()
    of: str = ""  # the column that a target such as age>50 asks about
    gap: str = ""  # of a number that is made: the field that says whether it is missing
    low: float = 0.0  # of numbers and dates that are made: the training part's least
    high: float = 0.0  # and largest
    digits: int = -1  # decimals of a number that is made; -1: as float64 has them
    form: str = ""  # of a date that is made, as strftime takes it; "": ISO 8601

    @property
    def field(self) -> Field:
        if self.type == "labels":
            return Field((len(self.names),), categories=2, names=self.names)
        if self.type in ("number", "date"):
            return Field((), 0.0, 0.0, missing=True)
        if self.type == "molecule":
            return Field((len(self.names),), 0.0, 0.0, names=self.names)
        if self.type == "hash":
            return Field((), categories=BUCKETS + 1)
        return Field((), categories=len(self.names), names=self.names)

    def encode(self, cells: Cells, where: Callable[[int], str]) -> tuple[np.ndarray, np.ndarray]:
        """(N,) of float32 or int64, labels (N, labels), molecules (N, names), and which are there. `where` says where
        cell i stands. Raises Problem for a word among numbers or molecules, and for a number that float32 can't hold on
        training's scale."""
        there = np.array([cell is not None for cell in cells])
        if self.type in ("number", "date"):
            read = number if self.type == "number" else seconds
            values = np.zeros(len(cells))
            for i, cell in enumerate(cells):
                if cell is not None:
                    value = read(cell)
                    if value is None:
                        what = "a number" if self.type == "number" else "a date"
                        raise Problem(f"{where(i)}, {self.name}: {cell[:40]!r} is not {what}. Mend it")
                    values[i] = (value - self.mean) / self.deviation
            with np.errstate(over="ignore"):
                small = values.astype(np.float32)
            if not np.isfinite(small).all():
                i = int(np.flatnonzero(~np.isfinite(small))[0])
                raise Problem(f"{where(i)}, {self.name}: {str(cells[i])[:40]} is too far from the rest. Mend it")
            return small, there
        if self.type == "hash":
            return np.array([bucket(cell) for cell in cells], np.int64), there
        if self.type == "labels":
            return labels.encoded(cells, self.names, self.sign), there
        if self.type == "molecule":
            scale = smiles.Scale(self.names, self.middles, self.spreads)
            return smiles.encoded(cells, scale, where, self.name), there
        known = {name: k for k, name in enumerate(self.names)}
        return np.array([known.get(MISSING if c is None else c, 0) for c in cells], np.int64), there

    def decode(self, values: np.ndarray) -> list[Any]:
        """Back to the column's own unit, or to names. A hash can't be undone: its number; nor can a molecule."""
        if self.type in ("number", "date"):
            own = values.astype(float) * self.deviation + self.mean
            if self.type == "date":
                return [datetime.fromtimestamp(float(v), UTC).isoformat() for v in own]
            return [float(v) for v in own]
        if self.type == "labels":
            return [self.sign.join(label for label, holds in zip(self.names, row) if holds) for row in values]
        if self.type == "molecule":
            return [smiles.UNDONE] * len(values)
        return [self.names[int(k)] if self.names else int(k) for k in values]


@dataclass(frozen=True)
class Codec:
    """What rows of one data set look like."""

    columns: tuple[Column, ...]  # that a model sees; of rows that are made also constant ones, in the file's order
    asked: Column | None  # what is predicted; None: nothing is, rows are made

    @property
    def target(self) -> Column:
        """What is predicted, where something is."""
        assert self.asked is not None
        return self.asked

    @property
    def seen(self) -> tuple[Column, ...]:
        """The columns that vary."""
        return tuple(c for c in self.columns if c.type != "constant")

    @property
    def spec(self) -> Spec:
        if self.asked:
            field = replace(self.asked.field, missing=False)
            return Spec("table", {c.name: c.field for c in self.columns}, target={self.asked.name: field})
        fields = {}
        for column in self.seen:
            fields[column.name] = replace(column.field, missing=bool(column.gap))
            if column.gap:
                fields[column.gap] = Field((), categories=2, names=("no", "yes"))
        return Spec("table", fields)

    def encode(self, raw: Sequence[Mapping[str, Any]]) -> Batch:
        """Rows as mappings of column to value -> a batch; the target too where every row has it. Raises Problem."""
        import torch

        from reverie.core import Batch

        def cells(name: str) -> list[str | None]:
            return [clean(row.get(name)) for row in raw]

        def where(i: int) -> str:
            return f"row {i + 1}"

        values, masks = {}, {}
        for column in self.seen:
            encoded, there = column.encode(cells(column.name), where)
            values[column.name] = torch.from_numpy(encoded)
            if column.type in ("number", "date"):
                masks[column.name] = torch.from_numpy(there)
            if column.gap:
                values[column.gap] = torch.from_numpy((~there).astype(np.int64))
        if not self.asked:
            return Batch(values, masks=masks)
        answers = self.answers(Table("rows", {name: cells(name) for name in self.answered}))
        if all(cell is not None for cell in answers):
            unknown = [a for a in answers if self.target.type == "category" and a not in self.target.names]
            if unknown:
                raise Problem(f"{self.target.name}: {unknown[0]!r} is none of its classes. Leave it out")
            values[self.target.name] = torch.from_numpy(self.target.encode(answers, where)[0])
        return Batch(values, masks=masks)

    @property
    def answered(self) -> tuple[str, ...]:
        """The columns that hold the answer."""
        if not self.asked:
            return ()
        return self.target.names if self.target.apart else (self.target.of or self.target.name,)

    def answers(self, table: Table) -> list[str | None]:
        """Cells of the target; all None where the table lacks a column of it. Raises Problem."""
        if any(name not in table.columns for name in self.answered):
            return [None] * len(table)
        if self.target.of and (question := threshold.parsed(self.target.name)):
            return threshold.answers(table, question)
        return labels.joined(table, self.answered) if self.target.apart else table.columns[self.target.name]

    def unit(self, field: str) -> float:
        """The data's own units in one unit of what a model sees: of a date days. 1 where there are none."""
        column = next((c for c in (*self.columns, *([self.asked] if self.asked else [])) if c.name == field), None)
        if column is None or column.type not in ("number", "date"):
            return 1.0
        return column.deviation / 86_400 if column.type == "date" else column.deviation

    def decode(self, values: Mapping[str, Tensor]) -> list[dict[str, Any]]:
        """Any of the columns and the target, (N,) each, labels (N, labels) -> rows; of rows that are made, in the
        file's own form."""
        if not self.asked:
            return made.rows(self.columns, {name: x.detach().cpu().numpy() for name, x in values.items()})
        known = {c.name: c for c in (*self.columns, self.target)}
        decoded = {name: known[name].decode(x.detach().cpu().numpy()) for name, x in values.items()}
        if self.target.apart and self.target.name in decoded:
            del decoded[self.target.name]
            holds = values[self.target.name].detach().cpu().T.tolist()
            decoded |= dict(zip(self.target.names, holds))
        return [dict(zip(decoded, row)) for row in zip(*decoded.values())]

    def to_json(self) -> dict[str, Any]:
        return {"columns": [asdict(c) for c in self.columns], "target": asdict(self.asked) if self.asked else None}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Codec:
        def one(values: Mapping[str, Any]) -> Column:
            read: dict[str, Any] = {k: tuple(v) if isinstance(v, list | tuple) else v for k, v in values.items()}
            return Column(**read)

        try:
            target = data["target"]
            return Codec(tuple(one(c) for c in data["columns"]), one(target) if target else None)
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
        values = _parsed(present, read)
        if values is not None:
            if values.min() == values.max() and not gaps:
                return f"always {present[0]}"
            return Column(name, kind, *scale(values), missing=gaps, whole=bool((values % 1 == 0).all()))
    if smiles.molecules(name, distinct):
        if not smiles.installed():
            return smiles.ABSENT
        names, middles, spreads = smiles.learn(cells)
        return Column(name, "molecule", names=names, missing=gaps, middles=middles, spreads=spreads)
    if len(distinct) > max(20, 0.9 * len(present)):
        words = [cell for cell in present if number(cell) is None]
        if len(words) < MIXED * len(present):
            return f"numbers, but also words such as {words[0][:40]!r}"
        if sum(len(cell.split()) for cell in present) >= WORDS * len(present):
            return "texts, which --kind sentences reads"
        return "another word in almost every row"
    if len(distinct) > NAMED:
        return Column(name, "hash", missing=gaps)
    names = (OTHER, *((MISSING,) if gaps else ()), *sorted(distinct))
    return Column(name, "category", names=names, missing=gaps)


def fit_target(name: str, cells: Cells, apart: Sequence[str] = ()) -> Column:
    """Cells with a sign between words that come again are labels, other words and few whole numbers classes, all else
    numbers. `apart`: labels in columns of their own, whose joined cells these are. Raises Problem where there is
    nothing to learn."""
    present = [cell for cell in cells if cell is not None]
    if apart:
        return Column(name, "labels", names=tuple(apart), sign=labels.between(apart), apart=True)
    between = labels.sign(present)
    if between:
        return Column(name, "labels", names=labels.names(present, between), sign=between)
    values = _parsed(present, number)
    distinct = set(present)
    if len(distinct) < 2 or (values is not None and values.min() == values.max()):
        what = f"always {present[0]}" if present else "no values"
        raise Problem(f"--predict {name}: {what}: nothing to learn. Predict another column")
    if values is not None:
        whole = all(cell.lstrip("+-").isdecimal() for cell in distinct)
        if not (whole and len(distinct) <= CLASSES):
            return Column(name, "number", *scale(values), whole=whole)
        return Column(name, "category", names=tuple(sorted(distinct, key=float)))
    words = [cell for cell in present if number(cell) is None]
    if len(words) < MIXED * len(present) and len(distinct) > CLASSES:
        raise Problem(f"--predict {name}: {words[0][:40]!r} is not a number, as the others are. Mend or empty it")
    if len(distinct) > max(NAMED, len(present) // 2):
        raise Problem(f"--predict {name}: {len(distinct):,} different words in {len(present):,} rows: no classes")
    return Column(name, "category", names=tuple(sorted(distinct)))


def _parsed(cells: Cells, read: Callable[[str], float | None]) -> np.ndarray | None:
    """(N,) where every cell is of that form."""
    found = []
    for cell in cells:
        value = None if cell is None else read(cell)
        if value is None:
            return None
        found.append(value)
    return np.array(found, dtype=float)


def scale(values: np.ndarray) -> tuple[float, float]:
    """Mean and deviation; 1 of numbers that are all the same, whose computed deviation may be a rounding error."""
    low, high = float(values.min()), float(values.max())
    if low == high:
        return low, 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        mean, deviation = float(values.mean()), float(values.std())
    if not np.isfinite([mean, deviation]).all():  # squares beyond float64
        most = max(-low, high)
        mean, deviation = float((values / most).mean() * most), float((values / most).std() * most)
    return mean, deviation or 1.0


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
