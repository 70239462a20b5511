"""Files for a person: whole or not there at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from reverie.errors import NoRoom, Problem

Content = str | bytes | Callable[[Path], object]  # a text, in UTF-8 with its own line ends, or what fills a given file


def write(file: Path, content: Content) -> None:
    """Makes the folder too. Raises Problem where a file stands in its place, NoRoom where nothing can be written."""
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if callable(content):
            content(part)
        else:
            part.write_bytes(content.encode("utf-8", errors="replace") if isinstance(content, str) else content)
        os.replace(part, file)
    except (FileExistsError, NotADirectoryError):
        raise Problem(f"{file.parent}: not a folder. Name another with --out.") from None
    except OSError as error:
        part.unlink(missing_ok=True)
        raise unwritten(file, error) from None


def append(file: Path, text: str) -> None:
    """After what a file holds. Raises NoRoom."""
    try:
        with open(file, "ab") as out:
            out.write(text.encode("utf-8"))
    except OSError as error:
        raise unwritten(file, error) from None


def unwritten(file: Path, error: OSError) -> NoRoom:
    return NoRoom(f"{file}: can't be written ({error.strerror}). Make room, or name another folder.")
