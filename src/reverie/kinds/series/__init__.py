"""Series: a .csv or .tsv (also gzipped) or Parquet file with a row a time, its dates ascending, and columns of numbers.
What is predicted is how all of them go on: `--predict next`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reverie.errors import Problem
from reverie.kinds import DataOptions, Unseen

from .codec import Codec
from .files import SUFFIXES, head
from .page import save, show
from .source import Steps

__all__ = ["SHEET", "TARGETS", "Codec", "open", "recognise", "save", "show", "unseen"]

TARGETS = ("next",)
SHEET = ".png"


def recognise(path: Path) -> bool:
    """By its name and first rows: ascending dates, and numbers."""
    if not path.is_file() or not path.name.lower().endswith(SUFFIXES):
        return False
    try:
        return len(head(str(path))) > 1
    except Problem:
        return False


def open(where: str, options: DataOptions) -> Steps:
    """A series at a path. Raises Problem on options that no series can meet."""
    return Steps(where, options)


def unseen(where: Sequence[str], codec: Codec, options: DataOptions) -> Unseen:
    """The last rows of each file, as many as the model looks back at: what is predicted comes after the file's end.
    Raises Problem."""
    from .fresh import read

    return read(where, codec, options)
