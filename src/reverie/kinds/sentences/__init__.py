"""Sentences and short texts. Of several classes: a folder with a file a class, an item a line (film.pos and film.neg,
or pos.txt and neg.txt), or a folder a class with a text a file; a table or .jsonl file with a column of texts and one
of classes. Where nobody predicts a class, a text with a sentence a line, or a column of a table, is enough: a model
learns to write more of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reverie.kinds import DataOptions, Unseen
from reverie.kinds.texts import shape

from .codec import Codec
from .files import by_file, by_folder
from .page import save, show
from .pieces import Pieces
from .plain import Plain
from .source import Sentences

if TYPE_CHECKING:
    import numpy as np

__all__ = ["SHEET", "TARGETS", "Codec", "open", "prompt", "recognise", "save", "show", "typed", "unseen"]

TARGETS = ("labels",)
SHEET = ".txt"  # the suffix of what `show` writes


def recognise(path: Path) -> bool:
    """A folder with a text file a class, or with folders of text files; a table with little but a column of texts."""
    return bool(by_file(path) or by_folder(path)) if path.is_dir() else shape(path) in ((2, 1), (3, 1))


def open(where: str, options: DataOptions) -> Sentences | Plain:
    """The sentences at a path: with --predict, those of classes. Raises Problem on options that no sentences can
    meet."""
    return Sentences(where, options) if options.predict else Plain(where, options)


def prompt(what: str, codec: Pieces) -> np.ndarray:
    """The tokens of a sentence's beginning (n,)."""
    return codec.ids([what])[0][:-1]


def unseen(where: Sequence[str], codec: Codec | Pieces, options: DataOptions) -> Unseen:
    """A sentence a line of each file, or what lies in a folder or table as it does for training. Raises Problem."""
    from .fresh import read

    return read(where, codec)


def typed(texts: Sequence[str], codec: Codec | Pieces) -> Unseen:
    """Sentences as a person typed them, in place of files. Raises Problem for an empty one."""
    from .fresh import typed as made

    return made(texts, codec)
