"""Sentences in a table (.csv, .tsv, Parquet) or a .jsonl file: a column of texts, another of their classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.table.files import LISTED, Table, some
from reverie.kinds.texts import read, texts

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
    places = _whole(table, [text, answer], notes)
    if not places:
        raise Problem(f"{where}: no row has both {text} and {answer}. Fill them")
    columns = {name: [cells[i] or "" for i in places] for name, cells in table.columns.items()}
    return Rows(_lines(table, places, text, answer), columns, text, answer)


def alone(where: str, column: str, skip_bad: bool, notes: list[str]) -> Rows:
    """The rows with a text, which nobody predicts anything from: `column`, or the only one of texts. Raises Problem."""
    table = read(where).checked(skip_bad)
    text = _text(table, column, "")
    rest = [name for name in table.columns if name != text]
    notes += [*table.notes, f"texts: {text}" + (f"; not read: {', '.join(rest)}" if rest else "")]
    places = _whole(table, [text], notes)
    if not places:
        raise Problem(f"{where}: no row has a text in {text}. Fill some, or name another column by --column")
    columns = {name: [cells[i] or "" for i in places] for name, cells in table.columns.items()}
    return Rows(_lines(table, places, text, ""), columns, text, "")


def fresh(where: str, column: str, answer: str, notes: list[str]) -> list[Line]:
    """The texts of a file to predict, with their answers where it has them. Raises Problem."""
    table = read(where)
    text = _text(table, column if column in table.columns else "", answer)
    answer = answer if answer in table.columns else ""
    return _lines(table, _whole(table, [text, answer] if answer else [text], notes), text, answer)


def _whole(table: Table, names: Sequence[str], notes: list[str]) -> list[int]:
    """The rows that have all of these."""
    places = [i for i, cells in enumerate(zip(*(table.columns[name] for name in names))) if None not in cells]
    if len(places) < len(table):
        notes.append(f"{len(table) - len(places):,} rows without {' or '.join(names)} left out")
    return places


def _lines(table: Table, places: Sequence[int], text: str, answer: str) -> list[Line]:
    texts, labels = table.columns[text], table.columns.get(answer, [])
    return [Line(texts[i] or "", (labels[i] or "") if labels else "", table.name(i)) for i in places]


def _answer(table: Table, options: DataOptions) -> str:
    asked = options.predict
    if asked in table.columns:
        return asked
    read = [options.column] if options.column else texts(table)
    rest = [name for name in table.columns if name not in read]
    if asked == "labels" and len(rest) == 1:
        return rest[0]
    raise Problem(f"--predict {asked}: no such column. There are: {some(list(table.columns), LISTED)}")


def _text(table: Table, asked: str, answer: str) -> str:
    """The column that holds the texts: the one asked for, else the only one that looks like it."""
    if asked:
        if asked not in table.columns:
            raise Problem(f"--column {asked}: no such column. There are: {some(list(table.columns), LISTED)}")
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
    raise Problem(f"{table.where}: {which}. Name one by --column: {some(found or rest, LISTED)}")
