"""Text: .txt and any other UTF-8 file, source code, a folder or zip of them, .jsonl; each also gzipped."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from reverie.kinds import DataOptions
from reverie.kinds.writing import write

from .codec import Codec
from .files import is_zip, members, named_as_text, walk
from .source import Texts

if TYPE_CHECKING:
    import numpy as np

__all__ = ["SHEET", "Codec", "open", "prompt", "recognise", "save", "show"]

SHEET = ".txt"  # the suffix of what `show` writes

TABLES = (".csv", ".tsv")  # names that are another kind's: text only where --kind says so
_FIRST = 4096  # bytes that tell text from the rest
_NAMES = 2000  # of a folder's files: enough to see what it mostly holds
_open = open  # the name is taken below by the kind's own


def recognise(path: Path) -> bool:
    """Text by its name or its first bytes; a folder or zip that holds mostly files with names of text."""
    if path.is_dir():
        return _mostly_text(list(islice(walk(path), _NAMES)))
    if is_zip(path):
        try:
            with zipfile.ZipFile(path) as archive:
                return _mostly_text(members(archive)[:_NAMES])
        except (OSError, zipfile.BadZipFile):
            return False
    if not path.is_file() or path.name.lower().endswith(TABLES):
        return False
    return named_as_text(path.name) or _begins_as_text(path)


def open(where: str, options: DataOptions) -> Texts:
    """A file, folder or zip of text. Raises Problem on options that no text can meet."""
    return Texts(where, options)


def save(raw: Sequence[str], folder: Path, first: int = 0) -> list[Path]:
    """Texts as sample-000000.txt and on, in UTF-8 and with their own line ends. Raises NoRoom."""
    folder = Path(folder)
    files = [folder / f"sample-{first + i:06d}.txt" for i in range(len(raw))]
    for file, text in zip(files, raw):
        write(file, text)
    return files


def show(raw: Sequence[str], file: Path) -> None:
    """Many texts on one sheet, each under its number. Raises NoRoom."""
    blocks = [f"{f' {i} ':─^80}\n{text.strip(chr(10))}\n" for i, text in enumerate(raw)]
    write(Path(file), "\n".join(blocks))


def prompt(what: str, codec: Codec) -> np.ndarray:
    """The tokens of a text to go on from (n,). Raises Problem on characters that the training text lacks."""
    return codec.ids(what)


def _mostly_text(names: list[str]) -> bool:
    return 2 * sum(map(named_as_text, names)) > len(names)


def _begins_as_text(path: Path) -> bool:
    try:
        with _open(path, "rb") as file:
            head = file.read(_FIRST)
    except OSError:
        return False
    if not head or b"\0" in head:
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data" and len(head) == _FIRST  # cut within a character
    return True
