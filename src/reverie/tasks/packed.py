"""Files of `reverie compress`: a short head, then what the entropy coder wrote.

    RVZ          3 bytes
    version      the upper half of a byte; the lower half is 1 for lossless plus 2 for a set
    run          4 bytes: of the checksum of the weights that its tables are made of
    checksum     4 bytes: CRC-32 of all else
    names        of a set only: a length, then JSON packed by zlib
    content      to the end

The tables themselves are in the run: no file can be read without it."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from reverie.errors import Problem
from reverie.training.files import ESCAPED

MAGIC = b"RVZ"
VERSION = 1
SUFFIX = ".rvz"
LOSSLESS, SET = 1, 2
HEAD = len(MAGIC) + 1 + 4 + 4  # bytes of a file a picture that are no content
MOST = 64  # items of a block; of a set that does not say how many, all blocks have so many
LONGEST = 1 << 28  # bytes of the names of a set, unpacked
NAMES = struct.Struct(">I")


@dataclass(frozen=True)
class Packed:
    """One file."""

    run: bytes  # 4 bytes
    lossless: bool
    content: bytes
    facts: dict[str, Any] | None = field(default=None)  # of a set: {"names": [...], "block"; for people "run" …}

    @property
    def block(self) -> int:
        """Items whose stages take turns."""
        return int((self.facts or {}).get("block", MOST))

    def to_bytes(self) -> bytes:
        kind = VERSION << 4 | self.lossless * LOSSLESS | (self.facts is not None) * SET
        names = b""
        if self.facts is not None:
            plain = json.dumps(self.facts, ensure_ascii=False, separators=(",", ":")).encode("utf-8", ESCAPED)
            text = zlib.compress(plain, 9)
            names = NAMES.pack(len(text)) + text
        head = MAGIC + bytes([kind]) + self.run
        return head + checksum(head, names, self.content) + names + self.content


def checksum(*parts: bytes) -> bytes:
    total = 0
    for part in parts:
        total = zlib.crc32(part, total)
    return struct.pack(">I", total)


def read(file: Path) -> Packed:
    """Raises Problem where it is no such file, not whole, or of another version."""
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        raise Problem(f"{file}: no such file. Is it spelt right?") from None
    except OSError as error:
        raise Problem(f"{file}: can't be read ({error.strerror or error})") from None
    return parse(data, str(file))


def parse(data: bytes, file: str) -> Packed:
    """The content of a file; `file` is what a Problem calls it."""
    broken = f"{file}: not whole: truncated or changed since it was written. Copy it anew, or compress again"
    if data[:3] != MAGIC[: len(data)] or not data:
        what = "empty" if not data else "not a file that `reverie compress` made"
        raise Problem(f"{file}: {what}. Name one that ends in {SUFFIX}")
    if len(data) > 3 and data[3] >> 4 != VERSION:
        cure = "Install the version of reverie that made it" if data[3] >> 4 else "Copy it anew"
        raise Problem(f"{file}: version {data[3] >> 4}, and this reverie reads {VERSION}. {cure}")
    if len(data) < HEAD or checksum(data[:8], data[HEAD:]) != data[8:HEAD]:
        raise Problem(broken)
    facts, content = None, data[HEAD:]
    if data[3] & SET:
        facts, content = parted(content, broken)
    return Packed(data[4:8], bool(data[3] & LOSSLESS), content, facts)


def parted(rest: bytes, broken: str) -> tuple[dict[str, Any], bytes]:
    """A set's facts and its content. What a stranger may have written is checked: its size, its form, its names."""
    try:
        (length,) = NAMES.unpack_from(rest)
        facts = json.loads(zlib.decompressobj().decompress(rest[NAMES.size : NAMES.size + length], LONGEST))
        names = facts["names"]
        good = isinstance(names, list) and all(isinstance(name, str) for name in names)
        good = good and facts.get("block", MOST) in range(1, MOST + 1)
    except (struct.error, zlib.error, ValueError, KeyError, TypeError, RecursionError):
        good = False
    if not good:
        raise Problem(broken)
    return facts, rest[NAMES.size + length :]


def run_id(run: Path) -> bytes:
    """Of the weights of a run's folder. Raises Problem where it has none yet."""
    file = run / "weights.safetensors"
    try:
        return hashlib.blake2b(file.read_bytes(), digest_size=4).digest()
    except OSError:
        raise Problem(f"{file}: no weights yet. Let `reverie fit` go on until its first checkpoint") from None


def inside(names: Sequence[str]) -> list[str]:
    """Names of items as paths below a folder, no two alike: neither absolute nor upwards, whoever wrote them."""
    made: list[str] = []
    taken: dict[str, int] = {}  # and how often a name was asked for
    for name in names:
        windows = "\\" in name and "/" not in name
        path = PureWindowsPath(name) if windows else PurePosixPath(name)
        if path.is_absolute() or path.drive:
            path = type(path)(path.name)
        parts = ["".join(c if c.isprintable() and c not in ':*?"<>|\\' else "_" for c in p) for p in path.parts]
        parts = [part for part in parts if part.strip(". ")] or ["item"]
        plain = unique = PurePosixPath(*parts)
        key, k = str(plain).casefold(), taken.get(str(plain).casefold(), 0)
        while str(unique).casefold() in taken:
            k += 1
            unique = plain.with_name(f"{plain.stem}-{k}{plain.suffix}")
        taken[key] = max(k, 1)
        taken.setdefault(str(unique).casefold(), 1)
        made.append(str(unique))
    return made
