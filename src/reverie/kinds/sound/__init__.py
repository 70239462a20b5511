"""Sounds: a folder (flat, or a folder a class) or a zip of .wav, .flac and .ogg files, or one such file. Any rate, any
number of channels: what comes out is mono, 16 bits, at one rate, and what was changed on the way is said."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reverie.kinds import DataOptions, Unseen

from .codec import Codec
from .files import mostly_sounds
from .page import save, show
from .source import Sounds

__all__ = ["SHEET", "TARGETS", "Codec", "open", "recognise", "save", "show", "unseen"]

TARGETS = ("labels",)
SHEET = ".png"  # the suffix of what `show` writes


def recognise(path: Path) -> bool:
    """A sound by its name; a folder or zip most of whose files are sounds by their names."""
    return mostly_sounds(Path(path))


def unseen(where: Sequence[str], codec: Codec, options: DataOptions) -> Unseen:
    """Sounds of any source, in its order, as the codec takes them. Raises Problem."""
    from .fresh import read

    return read(where, codec, options)


def open(where: str, options: DataOptions) -> Sounds:
    """A source of sounds at a path. Raises Problem on options that no sounds can meet."""
    return Sounds(where, options)
