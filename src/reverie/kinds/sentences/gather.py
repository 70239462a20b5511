"""Sentences that nobody predicts, wherever they lie: a line each of files, a file each of folders, or a column's
cells."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from reverie.errors import Problem
from reverie.kinds.texts import lines, readable

from .files import TEXT, Line, by_file, by_folder
from .files import read as read_folder
from .rows import Rows, alone

PARTS = ("train", "test")  # stems of files that are parts, not classes


def gathered(where: str, column: str, skip_bad: bool, notes: list[str]) -> Rows:
    """Every sentence, with its class where a folder has a file or a folder a class, and a table's other columns.
    Raises Problem."""
    path = Path(where)
    if readable(path):
        return alone(where, column, skip_bad, notes)
    found = folder(path, notes) if path.is_dir() else file(path, "line", "", notes)
    if not found:
        raise Problem(f"{where}: no sentence in it. Give a text with a sentence a line")
    return Rows(found, {"part": [line.part for line in found]}, "", "")


def folder(path: Path, notes: list[str]) -> list[Line]:
    """Files train.txt and test.txt are parts; other files, or folders, are classes where there are two or more."""
    named = {name: path / name for name in sorted(os.listdir(path)) if is_text(name)}
    stems = {stem(name) for name in named}
    if not by_folder(path) and (stems == set(PARTS) or not by_file(path)):
        parted = stems == set(PARTS)
        sets = [file(one, f"{name} line", stem(name) if parted else "", notes) for name, one in named.items()]
        return [line for one in sets for line in one]
    return read_folder(str(path), notes)


def file(path: Path, called: str, part: str, notes: list[str]) -> list[Line]:
    """A sentence a line; empty lines are left out, and that is said."""
    texts = lines(path, notes)
    empty = sum(not text for text in texts)
    if empty:
        notes.append(f"{empty:,} empty lines of {path.name} left out")
    return [Line(text, "", f"{called} {i + 1}", part) for i, text in enumerate(texts) if text]


def is_text(name: str) -> bool:
    return not name.startswith(".") and name.lower().removesuffix(".gz").endswith(TEXT)


def stem(name: str) -> str:
    return Path(name.lower().removesuffix(".gz")).stem


def repeated(texts: Sequence[str]) -> int:
    """How many are there once more."""
    return len(texts) - len(set(texts))
