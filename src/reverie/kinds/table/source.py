"""A table on disk: what it is, and how it becomes rows to learn from."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from reverie.errors import Problem
from reverie.kinds import DataOptions, Prepared, Summary
from reverie.kinds.public import resolve
from reverie.kinds.split import Parts, key, parts

from .codec import Codec, Column, fit, fit_target
from .files import Table, number, read
from .items import Encoded
from .leaks import leaks

NAMED = 8  # columns that a line names


class Rows:
    """A file of rows."""

    kind = "table"

    def __init__(self, where: str, options: DataOptions):
        self.where, self.options = where, options
        if options.size:
            raise Problem("--size: a table's rows have none. Leave it out")

    @cached_property
    def table(self) -> Table:
        """All rows, of the test file too."""
        found = read(self.where, self.options.skip_bad)
        for name in self.options.drop:
            self.known(found, name, "--drop")
        return found

    @staticmethod
    def known(table: Table, name: str, flag: str) -> None:
        if name not in table.columns:
            near = get_close_matches(name, table.columns, 1, 0.5)
            cure = f"Did you mean {near[0]}? " if near else ""
            raise Problem(f"{flag} {name}: no such column. {cure}There are: {', '.join(table.columns)}")

    def summary(self) -> Summary:
        table = self.table
        kinds = {name: _said(fit(name, cells), cells) for name, cells in table.columns.items()}
        rows = Counter(zip(*table.columns.values()))
        facts: dict[str, Any] = {"columns": kinds, "duplicates": len(table) - len(rows)}
        plan = [*table.notes]
        train = 0
        if self.options.predict:
            prepared = self.prepare()
            plan, train = list(prepared.notes), len(prepared.train)
        else:
            plan.append("--predict COLUMN learns to predict one; no model makes rows yet")
        return Summary("table", self.where, len(table), facts, (), tuple(plan), train, (len(table.columns),))

    def prepare(self, size: tuple[int, ...] = ()) -> Prepared:
        """Splits, then learns types, scales and categories from the training part alone."""
        table, target = self.table, self.options.predict
        if not target:
            names = ", ".join(table.columns)
            raise Problem(f"{self.where}: no model makes rows yet. Predict a column by --predict. There are: {names}")
        self.known(table, target, "--predict")
        notes = list(table.notes)
        whole, own = self._with_test(table, notes)
        kept = [i for i, cell in enumerate(whole.columns[target]) if cell is not None]
        if len(kept) < len(whole):
            notes.append(f"{len(whole) - len(kept):,} rows without {target} left out")
        if len(kept) < 2:
            raise Problem(f"--predict {target}: {len(kept)} rows have a value: nothing to learn from")
        split = self._split(whole, np.array(kept), own)
        codec = self._codec(whole, split.train, notes)
        self._same_classes(whole, codec.target, split)
        notes += split.notes
        notes += leaks(whole, codec, split.train)
        train, out, aside = (Encoded(whole, rows, codec) for rows in (split.train, split.held_out, split.calibration))
        return Prepared(codec, train, out, self._fingerprint(whole), tuple(notes), aside if len(aside) else None)

    def _with_test(self, table: Table, notes: list[str]) -> tuple[Table, np.ndarray | None]:
        """The rows of --test after the others, and which those are."""
        if not self.options.test:
            return table, None
        path = self.options.test if Path(self.options.test).exists() else resolve(self.options.test)
        other = read(str(path or self.options.test), self.options.skip_bad, list(table.columns))
        lacking = [name for name in table.columns if name not in other.columns]
        if lacking:
            raise Problem(f"--test {self.options.test}: no column {lacking[0]}. There are: {', '.join(other.columns)}")
        target = self.options.predict
        known, answers = set(table.columns[target]), other.columns[target]
        bare = [cell.removesuffix(".") if cell else cell for cell in answers]
        if not set(answers) <= known and set(bare) <= known:
            notes.append(f"a full stop after {target} in {self.options.test} taken off")
            other.columns[target] = bare
        columns = {name: [*cells, *other.columns[name]] for name, cells in table.columns.items()}
        return Table(table.where, columns, table.notes), np.arange(len(table) + len(other)) >= len(table)

    def _split(self, table: Table, kept: np.ndarray, own: np.ndarray | None) -> Parts:
        columns = {k: [cells[i] or "" for i in kept] for k, cells in table.columns.items()}
        answers = columns[self.options.predict]
        classes = None
        if len(set(answers)) <= len(answers) // 10:
            classes = np.unique(np.array(answers), return_inverse=True)[1].reshape(-1)
        lines = ["\0".join(row) for row in zip(*columns.values())]
        again = len(set(lines)) < len(lines) and own is None and not self.options.test_where
        found = parts(
            len(kept), self.options, own=None if own is None else own[kept], columns=columns, classes=classes,
            kept_together=lines if again else None,
        )  # fmt: skip
        notes = found.notes
        if again:
            notes += (f"{len(lines) - len(set(lines)):,} rows are repeated: each and its copies stay in one part",)
        return Parts(kept[found.train], kept[found.held_out], kept[found.calibration], notes)

    def _codec(self, table: Table, rows: np.ndarray, notes: list[str]) -> Codec:
        features, left = [], []
        for name, cells in table.columns.items():
            if name == self.options.predict or name in self.options.drop:
                continue
            found = fit(name, [cells[i] for i in rows])
            if isinstance(found, Column):
                features.append(found)
            else:
                left.append(f"{name} ({found})")
        if not features:
            raise Problem(f"{self.where}: no column to predict {self.options.predict} from")
        target = fit_target(self.options.predict, [table.columns[self.options.predict][i] for i in rows])
        for kind, what in (("number", "numbers"), ("date", "dates"), ("category", "categories"), ("hash", "hashed")):
            names = [c.name for c in features if c.type == kind]
            if names:
                notes.append(f"{what}: {_some(names)}")
        gaps = [c.name for c in features if c.missing]
        if gaps:
            notes.append(f"with gaps, which the model is told of: {_some(gaps)}")
        if left:
            notes.append(f"left out: {_some(left)}")
        many = f"{len(target.names)} classes ({_some(list(target.names))})"
        notes.append(f"predicts {target.name}: {many if target.names else 'a number'}")
        return Codec(tuple(features), target)

    def _same_classes(self, table: Table, target: Column, split: Parts) -> None:
        """A class that only judging or calibrating has can't be said."""
        if target.type != "category":
            return
        for rows in (split.held_out, split.calibration):
            for i in rows:
                if table.columns[target.name][i] not in target.names:
                    value = table.columns[target.name][i]
                    cure = "Give more such rows, or remove these"
                    raise Problem(f"--predict {target.name}: {value!r} is not in the training part. {cure}")

    def _fingerprint(self, table: Table) -> str:
        digest = hashlib.blake2b(json.dumps([key(self.options), self.options.drop]).encode(), digest_size=16)
        for name, cells in table.columns.items():
            digest.update(json.dumps([name, cells]).encode())
        return digest.hexdigest()


def _said(found: Column | str, cells: list[str | None]) -> str:
    gaps = sum(cell is None for cell in cells)
    some = f", {gaps:,} missing" if gaps else ""
    if isinstance(found, str):
        return f"left out ({found}{some})"
    values = [v for v in map(number, cells) if v is not None]
    if found.type == "number":
        return f"number {min(values):g} … {max(values):g}{some}"
    return f"{found.type}, {len(set(cells) - {None}):,} different{some}"


def _some(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= NAMED else f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"
