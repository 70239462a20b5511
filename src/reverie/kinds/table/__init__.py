"""Rows of a table: .csv, .tsv (also gzipped) and Parquet, with or without a head, with gaps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reverie.kinds import DataOptions, Unseen

from .codec import Codec
from .files import SUFFIXES
from .source import Rows

__all__ = ["SHEET", "TARGETS", "Codec", "open", "recognise", "save", "show", "unseen"]

TARGETS: tuple[str, ...] = ()
SHEET = ".csv"


def recognise(path: Path) -> bool:
    """By its name: a folder is none."""
    return path.is_file() and path.name.lower().endswith(SUFFIXES)


def open(where: str, options: DataOptions) -> Rows:
    """A table at a path. Raises Problem on options that no table can meet."""
    return Rows(where, options)


def unseen(where: Sequence[str], codec: Codec, options: DataOptions) -> Unseen:
    """Every row of every file, as the codec takes them. Raises Problem."""
    from .fresh import read

    return read(where, codec, options.skip_bad)


def save(raw: Sequence[dict[str, Any]], folder: Path, first: int = 0) -> list[Path]:
    """All rows in one file, sample-rows.csv: those from `first` on after those that are there, and then no new file is
    named. Raises NoRoom."""
    from .files import append, write

    file = Path(folder) / "sample-rows.csv"
    if first and file.exists():
        append(raw, file)
        return []
    return [write(raw, file)]


def show(raw: Sequence[dict[str, Any]], file: Path) -> None:
    """The same rows under the name that is asked for."""
    from .files import write

    write(raw, Path(file))
