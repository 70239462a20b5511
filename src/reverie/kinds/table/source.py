"""A table on disk: what it is, and how it becomes rows to learn from."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from reverie.errors import Problem
from reverie.kinds import DataOptions, Prepared, Summary
from reverie.kinds.public import resolve
from reverie.kinds.split import Parts, key, numbered, parts

from . import labels, making, threshold
from .codec import BUCKETS, CLASSES, Codec, Column, fit, fit_target
from .codec import NAMED as CATEGORIES
from .files import LISTED, Table, number, read, some
from .items import Encoded
from .leaks import leaks

SAID = {
    "number": "numbers",
    "date": "dates",
    "category": "categories",
    "hash": f"categories of more than {CATEGORIES} words, by a hash into {BUCKETS} numbers",
    "molecule": "molecules, by RDKit's descriptors and counts of substructures",
}


class Rows:
    """A file of rows."""

    kind = "table"

    def __init__(self, where: str, options: DataOptions):
        self.where, self.options = where, options
        if options.size:
            raise Problem("--size: a table's rows have none. Leave it out")

    @cached_property
    def table(self) -> Table:
        """All rows that have as many cells as the head."""
        found = read(self.where)
        for name in self.options.drop:
            self.known(found, name, "--drop")
        return found

    @staticmethod
    def known(table: Table, name: str, flag: str) -> None:
        if name not in table.columns:
            near = get_close_matches(name, table.columns, 3, 0.5)
            cure = f"Did you mean {near[0]}? " if near else ""
            ordered = [*near, *(c for c in table.columns if c not in near)]
            raise Problem(f"{flag} {name}: no such column. {cure}There are: {some(ordered, LISTED)}")

    def summary(self) -> Summary:
        table = self.table
        learn = fit if self.options.predict else making.fit_made
        found = {name: learn(name, cells) for name, cells in table.columns.items()}
        columns = {name: _said(found[name], cells) for name, cells in table.columns.items()}
        rows = Counter(zip(*table.columns.values()))
        facts: dict[str, Any] = {"columns": columns, "duplicates": len(table) - len(rows)}
        plan = [*table.notes]
        train = 0
        if table.bad and not self.options.skip_bad:
            plan.append("fit stops at such rows: mend them, or pass --skip-bad")
        elif self.options.predict or (len(table) > 1 and any(map(making.varies, found.values()))):
            prepared = self.prepare()
            plan, train = list(prepared.notes), len(prepared.train)
        if not self.options.predict:
            makes = "or, with" if train else "no rows can be made of it;"
            plan.append(f"{makes} --predict COLUMN, learn to predict one")
        return Summary(
            "table", self.where, len(table), facts, tuple(table.bad), tuple(plan), train, (len(table.columns),)
        )

    def prepare(self, size: tuple[int, ...] = ()) -> Prepared:
        """Splits, then learns types, scales and categories from the training part alone."""
        table, target = self.table.checked(self.options.skip_bad), self.options.predict
        if not target:
            return self._made(table)
        wanted = labels.apart(target, table.columns)
        question = threshold.asked(target, table.columns)
        for name in wanted or (question.column if question else target,):
            self.known(table, name, "--predict")
            if name in self.options.drop:
                raise Problem(f"--drop {name}: it is what --predict asks for. Leave one of the two out")
        table = threshold.with_answers(labels.with_answers(table, target, wanted), target)
        notes = list(table.notes)
        whole, own = self._with_test(table, notes)
        kept = [i for i, cell in enumerate(whole.columns[target]) if cell is not None]
        if len(kept) < len(whole):
            notes.append(f"{len(whole) - len(kept):,} rows without {target} left out")
        if len(kept) < 2:
            raise Problem(f"--predict {target}: {len(kept)} rows have a value: nothing to learn from")
        split = self._split(whole, np.array(kept), own)
        codec = self._codec(whole, split.train, notes)
        if codec.target.sign and not wanted and len(kept) < len(whole):
            notes.append(f"an empty {target} is one that nobody knows: where no label holds, write {codec.target.sign}")
        self._same_classes(whole, codec.target, split, notes)
        notes += split.notes
        notes += leaks(whole, codec, split.train)
        train, out, aside = (Encoded(whole, rows, codec) for rows in (split.train, split.held_out, split.calibration))
        return Prepared(codec, train, out, self._fingerprint(whole), tuple(notes), aside if len(aside) else None)

    def _made(self, table: Table) -> Prepared:
        """For a model that makes rows: nothing is predicted, so nothing is kept to calibrate by."""
        notes = list(table.notes)
        if len(table) < 2:
            raise Problem(f"{self.where}: {len(table)} row: nothing to learn from. Give more")
        whole, own = self._with_test(table, notes)
        split = self._split(whole, np.arange(len(whole)), own)
        codec = making.codec(whole, split.train.tolist(), self.options.drop, notes)
        train, out = (Encoded(whole, rows, codec) for rows in (split.train, split.held_out))
        return Prepared(codec, train, out, self._fingerprint(whole), (*notes, *split.notes))

    def _with_test(self, table: Table, notes: list[str]) -> tuple[Table, np.ndarray | None]:
        """The rows of --test after the others, and which those are."""
        if not self.options.test:
            return table, None
        path = self.options.test if Path(self.options.test).exists() else resolve(self.options.test)
        other = read(str(path or self.options.test), list(self.table.columns)).checked(self.options.skip_bad)
        lacking = [name for name in self.table.columns if name not in other.columns]
        if lacking:
            raise Problem(
                f"--test {self.options.test}: no column {lacking[0]}. There are: {some(list(other.columns), LISTED)}"
            )
        if self.options.predict:
            other = self._answered(other, table, notes)
        columns = {name: [*cells, *other.columns[name]] for name, cells in table.columns.items()}
        numbers, files = table.numbers + other.numbers, table.files + other.files
        whole = Table(table.where, columns, table.notes, numbers=numbers, files=files)
        return whole, np.arange(len(whole)) >= len(table)

    def _answered(self, other: Table, table: Table, notes: list[str]) -> Table:
        """The rows of --test with a column of answers, written as the table's are."""
        target = self.options.predict
        other = labels.with_answers(other, target, labels.apart(target, other.columns))
        other = threshold.with_answers(other, target)
        known, answers = set(table.columns[target]), other.columns[target]
        bare = [cell.removesuffix(".") if cell else cell for cell in answers]
        if not set(answers) <= {*known, None} and set(bare) <= {*known, None}:
            notes.append(f"a full stop after {target} in {self.options.test} taken off")
            other.columns[target] = bare
        return other

    def _split(self, table: Table, kept: np.ndarray, own: np.ndarray | None) -> Parts:
        order, places, options = self.options.order, kept.tolist(), self.options
        for i in places if order in table.columns else ():
            if table.columns[order][i] is None:
                raise Problem(f"{table.place(i)}, {order}: empty, and --order needs a time there. Mend it")
        columns = {k: [cells[i] or "" for i in places] for k, cells in table.columns.items()}
        classes = None
        if not options.predict:
            options = replace(options, calibration=0.0)
        elif len(set(answers := columns[options.predict])) <= len(answers) // 10:
            classes = numbered(answers)
        lines = ["\0".join(row) for row in zip(*columns.values())]
        again = len(set(lines)) < len(lines) and own is None and not self.options.test_where
        found = parts(
            len(kept), options, own=None if own is None else own[kept], columns=columns, classes=classes,
            kept_together=lines if again else None,
        )  # fmt: skip
        notes = found.notes
        if again:
            notes += (f"{len(lines) - len(set(lines)):,} rows are repeated: each and its copies stay in one part",)
        elif own is not None or self.options.test_where:
            learnt = {lines[i] for part in (found.train, found.calibration) for i in part}
            both = sum(lines[i] in learnt for i in found.held_out)
            if both:
                notes += (f"{both:,} held-out rows are also among those learnt from, word for word",)
        return Parts(kept[found.train], kept[found.held_out], kept[found.calibration], notes)

    def _codec(self, table: Table, rows: np.ndarray, notes: list[str]) -> Codec:
        features, left, places = [], [], rows.tolist()
        wanted = labels.apart(self.options.predict, self.table.columns)
        question = threshold.asked(self.options.predict, self.table.columns)
        asked = (self.options.predict, *wanted, *([question.column] if question else []))
        for name, cells in table.columns.items():
            if name in (*asked, *self.options.drop):
                continue
            found = fit(name, [cells[i] for i in places])
            if isinstance(found, Column):
                features.append(found)
            else:
                left.append(f"{name} ({found})")
        if not features:
            why = f": left out are {some(left)}" if left else ""
            raise Problem(f"{self.where}: no column to predict {self.options.predict} from{why}")
        answers = [table.columns[self.options.predict][i] for i in places]
        target = fit_target(self.options.predict, answers, wanted)
        target = replace(target, of=question.column) if question else target
        notes += making.said(table, places, features, SAID, "which the model is told of", left)
        notes += predicted(target, answers)
        return Codec(tuple(features), target)

    def _same_classes(self, table: Table, target: Column, split: Parts, notes: list[str]) -> None:
        """A class that only judging or calibrating has can't be said; such a label counts as none."""
        if target.type == "labels":
            cells = [table.columns[target.name][i] for part in (split.held_out, split.calibration) for i in part]
            other = labels.unknown(cells, target.names, target.sign)
            if other:
                notes.append(f"labels that are not in the training part count as nothing: {some(other)}")
        if target.type != "category":
            return
        for rows in (split.held_out, split.calibration):
            for i in rows:
                if table.columns[target.name][i] not in target.names:
                    value = table.columns[target.name][i]
                    cure = f"Give more such rows, or remove these ({table.place(i)})"
                    raise Problem(f"--predict {target.name}: {value!r} is not in the training part. {cure}")

    def _fingerprint(self, table: Table) -> str:
        digest = hashlib.blake2b(json.dumps([key(self.options), self.options.drop]).encode(), digest_size=16)
        for name, cells in table.columns.items():
            digest.update(json.dumps([name, cells]).encode())
        return digest.hexdigest()


def predicted(target: Column, answers: Sequence[str | None]) -> list[str]:
    """What the target is, from its training cells."""
    if target.type == "number":
        return [f"predicts {target.name}: a number"]
    if target.type == "category":
        whole = all(number(name) is not None for name in target.names)
        few = f"; at most {CLASSES} different whole numbers are classes" if whole else ""
        return [f"predicts {target.name}: {len(target.names)} classes ({some(list(target.names))}{few})"]
    how = "a column each" if target.apart else f"{target.sign!r} stands between them"
    which = some(list(target.names))
    said = f"predicts {target.name}: {len(target.names)} labels, any of which may hold ({which}; {how})"
    held = labels.encoded(answers, target.names, target.sign).mean(0)
    same = [name for name, share in zip(target.names, held) if share in (0, 1)]
    return [said, *([f"labels that never or always hold in the training part: {some(same)}"] if same else [])]


def _said(found: Column | str, cells: list[str | None]) -> str:
    gaps = sum(cell is None for cell in cells)
    some = f", {gaps:,} missing" if gaps else ""
    if isinstance(found, str):
        return f"left out ({found}{some})"
    values = [v for v in map(number, cells) if v is not None]
    span = f" {min(values):g} … {max(values):g}" if found.type == "number" else ""
    return f"{found.type}{span}, {len(set(cells) - {None}):,} different{some}"
