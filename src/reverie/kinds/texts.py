"""Texts in files: lines, and columns of tables (.csv, .tsv, Parquet) and of .jsonl records."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reverie.errors import Problem

from .reading import bounded, unpacked
from .table.codec import WORDS
from .table.files import SUFFIXES, Table, clean, delimiter
from .table.files import read as read_table

if TYPE_CHECKING:
    from reverie.core import Batch

LARGEST = 2 << 30  # bytes of one file, unpacked
RECORDS = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
LOOKED_AT = 1_000  # rows that say which column holds texts, evenly spaced
DIFFERENT = 0.7  # share of such cells that are not repeated, at least
FEW = 3  # columns at most, of a table that is taken for texts where nobody says so
BEGINNING = 1 << 16  # bytes that say how many columns there are
SENTENCE = 8  # words that no column's name has


def lines(path: Path, notes: list[str]) -> list[str]:
    """Every line, without the white space around it. Raises Problem."""
    try:
        with unpacked(path) as file:
            data = bounded(file, LARGEST)
    except (OSError, EOFError, zlib.error) as error:
        raise Problem(f"{path}: can't be read ({error}). Copy or download it again") from None
    if data is None:
        raise Problem(f"{path}: more than {LARGEST:,} bytes. Split it")
    if b"\0" in data[:4096]:
        raise Problem(f"{path}: holds NUL bytes: no text. Name a file of sentences, one a line")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
        notes.append(f"{path.name}: not UTF-8, read as Latin-1")
    found = [line.strip() for line in text.split("\n")]
    return found[:-1] if found and not found[-1] else found


def readable(path: Path) -> bool:
    """By its name."""
    return path.is_file() and path.name.lower().endswith((*SUFFIXES, *RECORDS))


def shape(path: Path) -> tuple[int, int]:
    """The columns of a small table, FEW at most, and how many of them hold texts; (0, 0) of all else, of which little
    is read. Of a file that stays as it is, it is found once: more than one kind asks."""
    if not readable(path):
        return 0, 0
    status = path.stat()
    return _shape(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=1)
def _shape(path: Path, size: int, changed: int) -> tuple[int, int]:
    try:
        if path.name.lower().endswith(RECORDS):
            table = _records(str(path), head=True)
        elif 2 <= columns(path) <= FEW:
            table = read(str(path))
        else:
            return 0, 0
    except Problem:  # the kind that it then is says what is wrong with it
        return 0, 0
    return (len(table.columns), len(texts(table))) if len(table.columns) <= FEW else (0, 0)


def columns(path: Path) -> int:
    """How many a table has, by the file's beginning; 0 where that does not say."""
    if path.name.lower().endswith(".parquet"):
        from pyarrow import ArrowException, parquet

        try:
            return int(parquet.read_metadata(path).num_columns)
        except (ArrowException, OSError):
            return 0
    head = beginning(path).decode("utf-8", "replace")
    return len(next(csv.reader(head.splitlines(), delimiter=delimiter(head), skipinitialspace=True), []))


def beginning(path: Path) -> bytes:
    """The first bytes, unpacked; none where it can't be read."""
    try:
        with gzip.open(path) if path.name.lower().endswith(".gz") else open(path, "rb") as file:
            return bytes(file.read(BEGINNING))
    except (OSError, EOFError, zlib.error):
        return b""


def read(where: str) -> Table:
    """Raises Problem, also where a sentence stands in place of the columns' names."""
    table = _records(where) if where.lower().endswith(RECORDS) else read_table(where)
    said = [name for name in table.columns if name.endswith((".", "!")) or len(name.split()) >= SENTENCE]
    if said:
        raise Problem(f"{where}: the first row is no head: {said[0][:40]!r}. Write the columns' names above it")
    return table


def texts(table: Table) -> list[str]:
    """The columns that hold sentences: several words in a cell, and few cells alike."""
    found = []
    for name, cells in table.columns.items():
        there = [cell for cell in cells if cell is not None]
        some = there[:: max(1, len(there) // LOOKED_AT)]  # a file may be sorted by length
        words = sum(len(cell.split()) for cell in some)
        if some and words >= WORDS * len(some) and len(set(some)) >= DIFFERENT * len(some):
            found.append(name)
    return found


def _records(where: str, head: bool = False) -> Table:
    """Every object's plain values, as a table's cells; those in its first bytes, if only its head is wanted. Raises
    Problem."""
    notes: list[str] = []
    bad: list[str] = []
    numbers: list[int] = []
    rows: list[dict[str, str | None]] = []
    names: dict[str, None] = {}
    every = beginning(Path(where)).decode("utf-8", "replace").split("\n") if head else lines(Path(where), notes)
    if head and len(every) > 1:
        every.pop()  # it may be cut
    row = 0
    for k, line in enumerate(every, 1):
        if not line:
            continue
        row += 1
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict):
            raise Problem(f"{where}: line {k} is no JSON object. Write one a line")
        inner = [value for value in record.values() if isinstance(value, dict)]  # {"translation": {"en": …, "de": …}}
        whole = {**{name: x for one in inner for name, x in one.items()}, **record}
        plain = {name: clean(x) for name, x in whole.items() if not isinstance(x, list | dict)}
        if has_half("".join([*plain, *filter(None, plain.values())])):
            bad.append(f"line {k} holds half a surrogate pair")
            continue
        names.update(dict.fromkeys(plain))
        rows.append(plain)
        numbers.append(row)
    if not names:
        raise Problem(f"{where}: {bad[0]}. Mend it" if bad else f"{where}: no records. Write a JSON object a line")
    if bad:
        notes.append(f"{len(bad):,} records left out: {bad[0]}")
    return Table(where, {name: [row.get(name) for row in rows] for name in names}, notes, bad, numbers)


def has_half(text: str) -> bool:
    """Does it hold half a surrogate pair, which no file can? JSON can say one: "\\ud83d"."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def filled(rows: Mapping[str, Sequence[np.ndarray]], more: Mapping[str, np.ndarray] | None = None) -> Batch:
    """Tokens of each field (N, T), as wide as its longest row and with zeros after the others, and their lengths;
    `more` of each item."""
    import torch

    from reverie.core import Batch

    values, lengths = {name: torch.from_numpy(x) for name, x in (more or {}).items()}, {}
    for name, own in rows.items():
        lengths[name] = torch.tensor([len(row) for row in own])
        values[name] = torch.zeros((len(own), int(lengths[name].max()) if len(own) else 0), dtype=torch.long)
        for i, row in enumerate(own):
            values[name][i, : len(row)] = torch.from_numpy(row)
    return Batch(values, lengths)
