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
    needed, target = [c.name for c in codec.columns], codec.target
    whole: dict[str, list[str | None]] = {name: [] for name in [*needed, target.name]}
    files: list[str] = []
    numbers: list[int] = []
    notes: list[str] = []
    for place in where:
        table = read_file(place).checked(skip_bad)
        lacking = [name for name in needed if name not in table.columns]
        if lacking:
            raise Problem(f"{place}: no column {lacking[0]}. There are: {', '.join(table.columns)}")
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
