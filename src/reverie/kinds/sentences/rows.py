"""Sentences in a table (.csv, .tsv, Parquet) or a .jsonl file: a column of texts, another of their classes."""

from __future__ import annotations

from typing import NamedTuple

from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.table.files import Table
from reverie.kinds.texts import named, read, texts

from .files import Line


class Rows(NamedTuple):
    """Every item of a table, and the table's other columns."""

    lines: list[Line]
    columns: dict[str, list[str]]
    text: str  # names of the two columns
    answer: str


def labelled(where: str, options: DataOptions, notes: list[str]) -> Rows:
    """The rows with a text and an answer. Raises Problem."""
    table = read(where).checked(options.skip_bad)
    notes += table.notes
    answer = _answer(table, options)
    text = _text(table, options.column, answer)
    others = [name for name in table.columns if name not in (text, answer)]
    told = f"texts: {text}" + (f"; not read: {', '.join(others)}" if others else "")
    notes.append(told)
    found = _lines(table, text, answer, notes)
    columns = {name: [table.columns[name][i] or "" for i in found.values()] for name in table.columns}
    if not found:
        raise Problem(f"{where}: no row has both {text} and {answer}. Fill them")
    return Rows(list(found), columns, text, answer)


def fresh(where: str, column: str, answer: str, notes: list[str]) -> list[Line]:
    """The texts of a file to predict, with their answers where it has them. Raises Problem."""
    table = read(where)
    text = _text(table, column if column in table.columns else "", answer)
    return list(_lines(table, text, answer if answer in table.columns else "", notes))


def _lines(table: Table, text: str, answer: str, notes: list[str]) -> dict[Line, int]:
    """Each line and its row."""
    found: dict[Line, int] = {}
    for i, cell in enumerate(table.columns[text]):
        label = table.columns[answer][i] if answer else ""
        if cell is not None and label is not None:
            found[Line(cell, label, table.name(i))] = i
    if len(found) < len(table):
        lacking = f"{text} or {answer}" if answer else text
        notes.append(f"{len(table) - len(found):,} rows without {lacking} left out")
    return found


def _answer(table: Table, options: DataOptions) -> str:
    asked = options.predict
    if asked in table.columns:
        return asked
    rest = [name for name in table.columns if name not in (options.column, *([] if options.column else texts(table)))]
    if asked == "labels" and len(rest) == 1:
        return rest[0]
    raise Problem(f"--predict {asked}: no such column. There are: {named(table.columns)}")


def _text(table: Table, asked: str, answer: str) -> str:
    """The column that holds the texts: the one asked for, else the only one that looks like it."""
    if asked:
        if asked not in table.columns:
            raise Problem(f"--column {asked}: no such column. There are: {named(table.columns)}")
        if asked == answer:
            raise Problem(f"--column {asked}: it is what --predict asks for. Name the one that holds the texts")
        return asked
    found = [name for name in texts(table) if name != answer]
    if len(found) == 1:
        return found[0]
    rest = [name for name in table.columns if name != answer]
    if len(rest) == 1:
        return rest[0]
    which = f"{len(found)} columns of texts" if found else "no column of texts"
    raise Problem(f"{table.where}: {which}. Name one by --column: {named(found or rest)}")
