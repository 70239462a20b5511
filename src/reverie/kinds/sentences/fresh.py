"""Sentences to predict or to encode, as a trained run takes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reverie.errors import Problem
from reverie.kinds import Unseen
from reverie.kinds.texts import readable

from .codec import Codec
from .files import Line
from .files import read as read_folder
from .gather import file, folder
from .items import Encoded
from .pieces import Pieces
from .rows import fresh


def read(where: Sequence[str], codec: Codec | Pieces) -> Unseen:
    """Files of a sentence a line; tables and folders as in training, whose classes count where training knows all of
    them. Raises Problem."""
    notes: list[str] = []
    found: list[Line] = []
    for place in where:
        if Path(place).is_dir():
            found += read_folder(place, notes) if isinstance(codec, Codec) else folder(Path(place), notes)
        elif readable(Path(place)):
            found += fresh(place, codec.column, codec.answer, notes)
        else:
            found += file(Path(place), "line" if len(where) == 1 else Path(place).name, "", notes)
    if not found:
        raise Problem(f"{where[0]}: no sentence in it. Give a text with a sentence a line")
    truth = all(line.label in codec.classes for line in found)
    return Unseen(Encoded(found, codec, truth), [line.name for line in found], truth, notes)


def typed(texts: Sequence[str], codec: Codec | Pieces) -> Unseen:
    """Sentences as a person typed them, each of which is its own name. Raises Problem for an empty one."""
    for text in texts:
        if not text.strip():
            raise Problem(f"{text!r}: no sentence. Write at least a word")
    return Unseen(Encoded([Line(text.strip(), "", text) for text in texts], codec, False), list(texts))
