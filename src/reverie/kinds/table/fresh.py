"""Rows to predict."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reverie.errors import Problem
from reverie.kinds import Unseen

from .codec import Codec
from .files import Table
from .files import read as read_file
from .items import Encoded


def read(where: Sequence[str], codec: Codec) -> Unseen:
    """Every row of every file, in order. Its answers count where each row has one that training knows. Raises Problem
    where a column is missing."""
    needed, target = [c.name for c in codec.columns], codec.target
    whole: dict[str, list[str | None]] = {name: [] for name in [*needed, target.name]}
    names: list[str] = []
    notes: list[str] = []
    for place in where:
        table = read_file(place)
        lacking = [name for name in needed if name not in table.columns]
        if lacking:
            raise Problem(f"{place}: no column {lacking[0]}. There are: {', '.join(table.columns)}")
        for name in needed:
            whole[name] += table.columns[name]
        whole[target.name] += table.columns.get(target.name, [None] * len(table))
        names += [f"row {i + 1}" if len(where) == 1 else f"{place} row {i + 1}" for i in range(len(table))]
        notes += table.notes
    answers = whole[target.name]
    if target.type == "category" and not all(a in target.names for a in answers):
        whole[target.name] = answers = [a.removesuffix(".") if a else a for a in answers]
    truth = all(a is not None and (target.type == "number" or a in target.names) for a in answers)
    joined = Table(where[0], whole, notes)
    return Unseen(Encoded(joined, np.arange(len(joined)), codec, truth), names, truth, notes)
