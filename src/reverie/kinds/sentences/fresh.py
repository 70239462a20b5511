"""Sentences to predict, as a trained run takes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reverie.errors import Problem
from reverie.kinds import Unseen
from reverie.kinds.texts import lines, readable

from .codec import Codec
from .files import Line
from .files import read as read_folder
from .items import Encoded
from .rows import fresh


def read(where: Sequence[str], codec: Codec) -> Unseen:
    """Files of a sentence a line; tables and folders as in training, whose classes count where training knows all of
    them. Raises Problem."""
    notes: list[str] = []
    found: list[Line] = []
    for place in where:
        if Path(place).is_dir():
            found += read_folder(place, notes)
            continue
        if readable(Path(place)):
            found += fresh(place, codec.column, codec.answer, notes)
            continue
        name = "line" if len(where) == 1 else Path(place).name
        texts = lines(Path(place), notes)
        found += [Line(text, "", f"{name} {i + 1}") for i, text in enumerate(texts) if text]
        empty = sum(not text for text in texts)
        if empty:
            notes.append(f"{empty:,} empty lines of {place} left out")
    if not found:
        raise Problem(f"{where[0]}: no sentence in it. Give a text with a sentence a line")
    truth = all(line.label in codec.classes for line in found)
    return Unseen(Encoded(found, codec, truth), [line.name for line in found], truth, notes)
