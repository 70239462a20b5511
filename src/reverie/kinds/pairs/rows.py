"""Sentence pairs in a table (.csv, .tsv, Parquet) or a .jsonl file: a column a language."""

from __future__ import annotations

from reverie.errors import Problem
from reverie.kinds.table.files import LISTED, Table, some
from reverie.kinds.texts import texts

from .files import Pair


def languages(table: Table) -> list[str]:
    """The columns that hold texts; all, where fewer than two look like it."""
    found = texts(table)
    return found if len(found) > 1 else list(table.columns)


def pairs(table: Table, one: str, other: str, notes: list[str]) -> list[Pair]:
    """Of two columns, without the rows in which one of them is empty."""
    both = zip(table.numbers, table.columns[one], table.columns[other])
    found = [Pair(number, a, b) for number, a, b in both if a and b]
    if len(found) < len(table):
        notes.append(f"pairs with an empty side, left out: {len(table) - len(found):,}")
    return found


def fresh(table: Table, one: str, other: str, notes: list[str]) -> list[Pair]:
    """What to translate: the column `one`, or the only one of texts; with the other side where each row has it. Raises
    Problem."""
    own = texts(table)
    name = one if one in table.columns else own[0] if len(own) == 1 else ""
    if not name:
        raise Problem(f"{table.where}: no column {one}. There are: {some(list(table.columns), LISTED)}")
    known = other in table.columns and name != other
    rows = zip(table.numbers, table.columns[name], table.columns[other] if known else [None] * len(table))
    found = [Pair(number, a, b or "") for number, a, b in rows if a]
    if len(found) < len(table):
        notes.append(f"rows without {name}, left out: {len(table) - len(found):,}")
    return found
