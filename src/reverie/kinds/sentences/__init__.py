"""Sentences and short texts of several classes: a folder with a file a class, an item a line (film.pos and film.neg, or
pos.txt and neg.txt), or a folder a class with a text a file; a table or .jsonl file with a column of texts and one of
classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reverie.kinds import DataOptions, Unseen
from reverie.kinds.texts import shape

from .codec import Codec
from .files import by_file, by_folder
from .page import save, show
from .source import Sentences

__all__ = ["SHEET", "TARGETS", "Codec", "open", "recognise", "save", "show", "unseen"]

TARGETS = ("labels",)
SHEET = ".txt"  # the suffix of what `show` writes


def recognise(path: Path) -> bool:
    """A folder with a text file a class, or with folders of text files; a table with little but a column of texts."""
    return bool(by_file(path) or by_folder(path)) if path.is_dir() else shape(path) in ((2, 1), (3, 1))


def open(where: str, options: DataOptions) -> Sentences:
    """The sentences in a folder or table. Raises Problem on options that no sentences can meet."""
    return Sentences(where, options)


def unseen(where: Sequence[str], codec: Codec, options: DataOptions) -> Unseen:
    """A sentence a line of each file, or what lies in a folder or table as it does for training. Raises Problem."""
    from .fresh import read

    return read(where, codec)
