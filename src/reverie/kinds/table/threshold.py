"""A number as a question of yes or no: `--predict "diagnosis>0"`."""

from __future__ import annotations

import operator
import re
from collections.abc import Collection
from dataclasses import replace
from typing import NamedTuple

from reverie.errors import Problem

from .files import Table, number

SIGNS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
FORM = re.compile(r"(.+?)\s*(>=|<=|>|<)\s*(\S+)")


class Threshold(NamedTuple):
    """`column` `sign` `value`, such as diagnosis > 0."""

    column: str
    sign: str
    value: float


def asked(predict: str, columns: Collection[str]) -> Threshold | None:
    """Of `--predict "diagnosis>0"` its parts; None where it is a column's own name, or says no such thing."""
    return None if predict in columns else parsed(predict)


def parsed(predict: str) -> Threshold | None:
    found = FORM.fullmatch(predict.strip())
    bound = number(found[3]) if found else None
    return Threshold(found[1], found[2], bound) if found and bound is not None else None


def answers(table: Table, question: Threshold) -> list[str | None]:
    """yes, no, or None where its column is empty. Raises Problem for a word among its numbers."""
    of, sign, bound = question
    said: list[str | None] = []
    for i, cell in enumerate(table.columns[of]):
        value = number(cell)
        if cell is not None and value is None:
            raise Problem(f"{table.place(i)}, {of}: {cell[:40]!r} is not a number. Mend it, or predict {of} itself")
        said.append(None if value is None else "yes" if SIGNS[sign](value, bound) else "no")
    return said


def with_answers(table: Table, predict: str) -> Table:
    """The same table and one column more, of the answers, where it is such a question."""
    found = asked(predict, table.columns)
    if found is None or found.column not in table.columns:
        return table
    return replace(table, columns={**table.columns, predict: answers(table, found)})
