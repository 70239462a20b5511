"""A text that stays in its file: of one too large for memory, a part at a time is read."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from reverie.errors import Problem

STRIDE = 1 << 20  # characters between the places in the file that are remembered
BLOCK = 1 << 24  # bytes that are read at a time
MARK = codecs.BOM_UTF8


class Long:
    """Characters first … last of a file in UTF-8: of what a string can do, what a codec needs."""

    def __init__(self, path: Path, places: np.ndarray, first: int, last: int):
        self.path = path
        self.places = places  # byte at which every STRIDE-th character begins, and the file's end
        self.first, self.last = first, last

    @staticmethod
    def scan(path: Path) -> Long:
        """Reads the file once. Raises ValueError that says what is wrong where it is no text in UTF-8."""
        decode = codecs.getincrementaldecoder("utf-8")().decode
        places, count, at = list[int](), 0, 0
        with open(path, "rb") as file:
            at = len(MARK) if file.read(len(MARK)) == MARK else 0
            file.seek(at)
            while True:
                block = file.read(BLOCK)
                if (zero := block.find(b"\0")) >= 0:
                    raise ValueError(f"binary, not text (a NUL byte at offset {at + zero})")
                try:
                    decode(block, final=not block)
                except UnicodeDecodeError as error:
                    place = at + error.start - (len(error.object) - len(block))  # with what the block before it left
                    raise ValueError(f"not UTF-8 (byte 0x{error.object[error.start]:02x} at offset {place})") from None
                if not block:
                    break
                begins = np.flatnonzero((np.frombuffer(block, np.uint8) & 0xC0) != 0x80)  # of characters
                places += (at + begins[-count % STRIDE :: STRIDE]).tolist()
                count += len(begins)
                at += len(block)
        return Long(path, np.array([*places, at], np.int64), 0, count)

    def __len__(self) -> int:
        return self.last - self.first

    def __getitem__(self, part: slice) -> str:
        """Of a slice with a step of 1."""
        low, high, _ = part.indices(len(self))
        return self.read(self.first + low, self.first + high) if high > low else ""

    def __iter__(self) -> Iterator[str]:
        for at in range(0, len(self), STRIDE):
            yield from self[at : at + STRIDE]

    def read(self, low: int, high: int) -> str:
        """Characters low … high - 1 of the file, at least one."""
        block = low // STRIDE
        begin, end = int(self.places[block]), int(self.places[(high - 1) // STRIDE + 1])
        with open(self.path, "rb") as file:
            file.seek(begin)
            text = file.read(end - begin).decode("utf-8")
        return text[low - block * STRIDE : high - block * STRIDE]

    def part(self, low: int, high: int) -> Long:
        return Long(self.path, self.places, self.first + low, self.first + high)

    def byte(self, character: int) -> int:
        """Where a character of the file begins."""
        block = character // STRIDE
        if block >= len(self.places) - 1:
            return int(self.places[-1])
        return (
            int(self.places[block]) + len(self.read(block * STRIDE, character).encode())
            if character % STRIDE
            else (int(self.places[block]))
        )

    @property
    def size(self) -> int:
        """Bytes."""
        return self.byte(self.last) - self.byte(self.first)

    def bytes(self) -> Iterator[bytes]:
        """Block by block."""
        left = self.size
        with open(self.path, "rb") as file:
            file.seek(self.byte(self.first))
            while left > 0:
                block = file.read(min(BLOCK, left))
                if not block:
                    raise Problem(f"{self.path}: has changed while it was read. Start again")
                left -= len(block)
                yield block

    def count(self, what: str) -> int:
        """How often one character comes."""
        return sum(self[at : at + STRIDE].count(what) for at in range(0, len(self), STRIDE))

    def endswith(self, what: str) -> bool:
        return self[max(0, len(self) - len(what)) :].endswith(what)


Text = str | Long


def part(text: Text, low: int, high: int) -> Text:
    """Characters low … high - 1, of a long text still in its file."""
    return text.part(low, high) if isinstance(text, Long) else text[low:high]


def size(text: Text) -> int:
    """Bytes in UTF-8."""
    return text.size if isinstance(text, Long) else len(text.encode("utf-8"))
