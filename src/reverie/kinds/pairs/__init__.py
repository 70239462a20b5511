"""Sentence pairs, for translation: a folder of files NAME.LANGUAGE (also gzipped), a sentence a line, the same line in
each language: train.en and train.de; val.… and test.… are the data's own parts; or a table with a column a language.

`--predict LANGUAGE` says into which, `--column LANGUAGE` from which; `--predict translation` is enough for two."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reverie.kinds import DataOptions, Unseen
from reverie.kinds.texts import shape

from .codec import Codec
from .files import stems
from .page import save, show
from .source import Pairs

__all__ = ["SHEET", "TARGETS", "Codec", "open", "recognise", "save", "show", "unseen"]

TARGETS = ("translation",)
SHEET = ".txt"  # the suffix of what `show` writes


def recognise(path: Path) -> bool:
    """A folder in which a file has a twin in another language; a table of two columns of texts."""
    return bool(stems(path)) if path.is_dir() else shape(path) == (2, 2)


def open(where: str, options: DataOptions) -> Pairs:
    """The pairs in a folder or table. Raises Problem on options that no pairs can meet."""
    return Pairs(where, options)


def unseen(where: Sequence[str], codec: Codec, options: DataOptions) -> Unseen:
    """Sentences to translate: a line each of text files, or the pairs of a folder. Raises Problem."""
    from .fresh import read

    return read(where, codec)
