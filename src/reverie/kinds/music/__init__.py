"""Music: MIDI files, scores (MusicXML, ABC, Humdrum kern) and frames of pitches as JSON; a folder or zip of them.

Notes lie on a grid of steps. Music of few voices is written step by step, the pitches that sound from high to low; all
other music note by note. What comes out are MIDI files, piano rolls and, where it is asked for, sound."""

from __future__ import annotations

import zipfile
import zlib
from itertools import islice
from pathlib import Path

from reverie.kinds import DataOptions
from reverie.kinds.text.files import is_zip, members, walk

from .codec import Codec
from .files import HEAD, named
from .fresh import moved, prompt
from .page import save, show
from .piece import Piece
from .sound import play
from .source import Music

__all__ = ["SHEET", "Codec", "Piece", "moved", "open", "play", "prompt", "recognise", "save", "show"]

SHEET = ".png"  # the suffix of what `show` writes

_NAMES = 2000  # of a folder's files: enough to see what it mostly holds
_open = open  # the name is taken below by the kind's own


def recognise(path: Path) -> bool:
    """Music by its name, and of JSON and XML by its first bytes; a folder or zip that holds mostly such files."""
    if path.is_dir():
        names = list(islice(walk(path), _NAMES))
        return 2 * sum(named(name, lambda name=name: _head(path / name)) for name in names) > len(names)  # type: ignore[misc]
    if is_zip(path):
        try:
            with zipfile.ZipFile(path) as archive:
                names = members(archive)[:_NAMES]
                return 2 * sum(named(name, lambda name=name: _inner(archive, name)) for name in names) > len(names)  # type: ignore[misc]
        except (OSError, zipfile.BadZipFile):
            return False
    return path.is_file() and named(path.name, lambda: _head(path))


def _head(path: Path) -> bytes:
    try:
        with _open(path, "rb") as file:
            return file.read(HEAD)
    except OSError:
        return b""


def _inner(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        with archive.open(name) as file:
            return file.read(HEAD)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError):
        return b""


def open(where: str, options: DataOptions) -> Music:
    """A file, folder or zip of music. Raises Problem on options that no music can meet."""
    return Music(where, options)
