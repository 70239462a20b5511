"""Sentences as files and on a sheet of text: one a line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reverie.kinds.writing import write


def save(raw: Sequence[str], folder: Path, first: int = 0) -> list[Path]:
    """All sentences in one file, sentences-000000.txt and on. Raises NoRoom."""
    file = Path(folder) / f"sentences-{first:06d}.txt"
    write(file, listed(raw))
    return [file]


def show(raw: Sequence[str], file: Path) -> None:
    """The same under the name that is asked for. Raises NoRoom."""
    write(Path(file), listed(raw))


def listed(raw: Sequence[str]) -> str:
    """One a line: a line's end within a sentence, which a table's cell may have, is a space."""
    return "".join(f"{' '.join(text.splitlines())}\n" for text in raw)
