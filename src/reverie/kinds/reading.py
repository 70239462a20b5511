"""Bytes of files that may be packed: what one unpacks to nobody knows beforehand."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import IO, Protocol, cast

PART = 1 << 24  # bytes at once: Python takes memory for all that is asked for, be there as few as there may


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def unpacked(path: str | Path) -> IO[bytes]:
    """A file opened, as what it unpacks to where it is gzipped, whatever its name. Raises OSError."""
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast(IO[bytes], gzip.open(path)) if packed else open(path, "rb")


def bounded(file: Readable, most: int) -> bytes | None:
    """All that is left in a file; None where that is more than `most` bytes."""
    found = io.BytesIO()
    while part := file.read(PART):
        if found.tell() + len(part) > most:
            return None
        found.write(part)
    return found.getvalue()
