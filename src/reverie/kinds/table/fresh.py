"""Rows to predict."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reverie.errors import Problem
from reverie.kinds import Unseen

from . import labels
from .codec import Codec
from .files import Table
from .files import read as read_file
from .items import Encoded


def read(where: Sequence[str], codec: Codec, skip_bad: bool) -> Unseen:
    """Every row of every file, in order. Its answers count where each row has one that training knows. Raises Problem
    where a column is missing."""
    if not codec.asked:
        return of_made(where, codec, skip_bad)
    needed, target = [c.name for c in codec.columns], codec.target
    whole: dict[str, list[str | None]] = {name: [] for name in [*needed, target.name]}
    files: list[str] = []
    numbers: list[int] = []
    notes: list[str] = []
    for place in where:
        table = one(place, needed, skip_bad)
        for name in needed:
            whole[name] += table.columns[name]
        whole[target.name] += codec.answers(table)
        files += table.files
        numbers += table.numbers
        notes += table.notes
    answers = whole[target.name]
    bare = [a.removesuffix(".") if a else a for a in answers]
    if target.type == "category" and not set(answers) <= {*target.names, None} and set(bare) <= {*target.names, None}:
        whole[target.name] = answers = bare
        notes.append(f"a full stop after {target.name} taken off")
    truth = all(a is not None and (target.type != "category" or a in target.names) for a in answers)
    other = labels.unknown(answers, target.names, target.sign) if truth and target.type == "labels" else []
    if other:
        notes.append(f"labels that training has not seen, which count as nothing: {', '.join(other[:10])}")
    joined = Table(where[0] if len(where) == 1 else "", whole, notes, numbers=numbers, files=files)
    rows = np.arange(len(joined))
    return Unseen(Encoded(joined, rows, codec, truth), [joined.name(i) for i in range(len(joined))], truth, notes)


def one(place: str, needed: Sequence[str], skip_bad: bool) -> Table:
    """A file that has those columns. Raises Problem."""
    table = read_file(place).checked(skip_bad)
    lacking = [name for name in needed if name not in table.columns]
    if lacking:
        raise Problem(f"{place}: no column {lacking[0]}. There are: {', '.join(table.columns)}")
    return table


def of_made(where: Sequence[str], codec: Codec, skip_bad: bool) -> Unseen:
    """The same of rows that nobody predicts. Columns that all files have and no model sees are kept beside them, for
    people: `Encoded.columns`."""
    tables = [one(place, [c.name for c in codec.seen], skip_bad) for place in where]
    names = [name for name in tables[0].columns if all(name in table.columns for table in tables)]
    whole = {name: [cell for table in tables for cell in table.columns[name]] for name in names}
    notes = [note for table in tables for note in table.notes]
    numbers = [number for table in tables for number in table.numbers]
    files = [file for table in tables for file in table.files]
    joined = Table(where[0] if len(where) == 1 else "", whole, notes, numbers=numbers, files=files)
    items = Encoded(joined, np.arange(len(joined)), codec, truth=False)
    return Unseen(items, [joined.name(i) for i in range(len(joined))], False, notes)
