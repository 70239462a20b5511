"""Sentences in a table (.csv, .tsv, Parquet) or a .jsonl file: a column of texts, another of their classes."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.pairs.files import lines as lines_of
from reverie.kinds.table.codec import WORDS
from reverie.kinds.table.files import SUFFIXES, Table, clean, delimiter
from reverie.kinds.table.files import read as read_table

from .files import Line

RECORDS = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
LOOKED_AT = 1_000  # rows that say which column holds texts
DIFFERENT = 0.7  # share of such cells that are not repeated, at least
FEW = 3  # columns at most, of a file that is taken for texts where nobody says so
BEGINNING = 1 << 16  # bytes that say how many columns there are
LISTED = 30  # columns that an error names


class Rows(NamedTuple):
    """Every item of a table, and the table's other columns."""

    lines: list[Line]
    columns: dict[str, list[str]]
    text: str  # names of the two columns
    answer: str


def readable(path: Path) -> bool:
    """By its name."""
    return path.is_file() and path.name.lower().endswith((*SUFFIXES, *RECORDS))


def recognise(path: Path) -> bool:
    """A table of few columns, of which one holds texts."""
    try:
        if not readable(path) or columns(path) > FEW:
            return False
        table = read(str(path))
    except Problem:  # the table's own kind says what is wrong with it
        return False
    return 1 < len(table.columns) <= FEW and len(texts(table)) == 1


def columns(path: Path) -> int:
    """How many, by the file's beginning: a large table is not read twice. 0: that is not told so."""
    name = path.name.lower()
    if name.endswith((*RECORDS, ".parquet")):
        return 0
    try:
        with (gzip.open if name.endswith(".gz") else open)(path, "rb") as file:
            head = file.read(BEGINNING).decode("utf-8", "replace")
    except (OSError, EOFError, zlib.error):
        return 0
    return len(next(csv.reader(head.splitlines(), delimiter=delimiter(head), skipinitialspace=True), []))


def read(where: str) -> Table:
    """Raises Problem."""
    return _records(where) if where.lower().endswith(RECORDS) else read_table(where)


def texts(table: Table) -> list[str]:
    """The columns that hold sentences: several words in a cell, and few cells alike."""
    found = []
    for name, cells in table.columns.items():
        some = list(islice((cell for cell in cells if cell is not None), LOOKED_AT))
        words = sum(len(cell.split()) for cell in some)
        if some and words >= WORDS * len(some) and len(set(some)) >= DIFFERENT * len(some):
            found.append(name)
    return found


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
    raise Problem(f"--predict {asked}: no such column. There are: {_named(table.columns)}")


def _text(table: Table, asked: str, answer: str) -> str:
    """The column that holds the texts: the one asked for, else the only one that looks like it."""
    if asked:
        if asked not in table.columns:
            raise Problem(f"--column {asked}: no such column. There are: {_named(table.columns)}")
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
    raise Problem(f"{table.where}: {which}. Name one by --column: {_named(found or rest)}")


def _records(where: str) -> Table:
    """Every object's plain values, as a table's cells. Raises Problem."""
    notes: list[str] = []
    rows: list[dict[str, str | None]] = []
    names: dict[str, None] = {}
    for k, line in enumerate(lines_of(Path(where), notes), 1):
        if not line:
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict):
            raise Problem(f"{where}: line {k} is no JSON object. Write one a line")
        plain = {name: clean(value) for name, value in record.items() if not isinstance(value, list | dict)}
        names.update(dict.fromkeys(plain))
        rows.append(plain)
    if not names:
        raise Problem(f"{where}: no records. Write a JSON object a line")
    return Table(where, {name: [row.get(name) for row in rows] for name in names}, notes)


def _named(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:LISTED]) + (" …" if len(listed) > LISTED else "")
