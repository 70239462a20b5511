"""Pieces as files: one MIDI each, or many as piano rolls on one page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reverie.errors import Problem
from reverie.kinds.image.page import encoded
from reverie.kinds.writing import write

from .midi import written
from .piece import Piece
from .roll import page


def save(raw: Sequence[Piece], folder: Path, first: int = 0) -> list[Path]:
    """Pieces as sample-000000.mid and on. Raises NoRoom."""
    files = [Path(folder) / f"sample-{first + i:06d}.mid" for i in range(len(raw))]
    for file, piece in zip(files, raw):
        write(file, written(piece))
    return files


def show(raw: Sequence[Piece], file: Path) -> None:
    """Piano rolls of many pieces on one page. Raises NoRoom."""
    if not raw:
        raise Problem("0 pieces: nothing to show. Ask for at least 1.")
    write(Path(file), encoded(page(raw)))
