"""Files of sentences, the same line in each language."""

from __future__ import annotations

import gzip
import os
import re
import zlib
from pathlib import Path

from reverie.errors import Problem

LARGEST = 2 << 30  # bytes of one file, unpacked
_NAME = re.compile(r"(.+?)\.([a-z]{2,3}(?:[-_][A-Za-z]{2,4})?)(\.gz)?")
_OTHER = (
    "gz",
    "txt",
    "csv",
    "tsv",
    "zip",
    "md",
    "py",
    "rst",
    "htm",
    "xml",
    "png",
    "jpg",
    "gif",
    "wav",
    "ogg",
    "mid",
    "log",
)


def stems(folder: Path) -> dict[str, dict[str, Path]]:
    """By the files' common name, each language's file: of names that stand for two languages or more."""
    found: dict[str, dict[str, Path]] = {}
    for name in sorted(os.listdir(folder)):
        fits = _NAME.fullmatch(name)
        if fits and fits[2] not in _OTHER and not name.startswith(".") and (folder / name).is_file():
            found.setdefault(fits[1], {})[fits[2]] = folder / name
    return {stem: files for stem, files in found.items() if len(files) > 1}


def language(path: Path) -> str:
    """What a file's name says of its language; "" where it says nothing."""
    fits = _NAME.fullmatch(path.name)
    return fits[2] if fits and fits[2] not in _OTHER else ""


def lines(path: Path, notes: list[str]) -> list[str]:
    """Every line, without the white space around it. Raises Problem."""
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            with gzip.open(path) as unpacked:
                data = unpacked.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Problem(f"{path}: can't be read ({error}). Copy or download it again") from None
    if len(data) > LARGEST:
        raise Problem(f"{path}: more than {LARGEST:,} bytes. Split it")
    if b"\0" in data[:4096]:
        raise Problem(f"{path}: holds NUL bytes: no text. Name a file of sentences, one a line")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
        notes.append(f"{path.name}: not UTF-8, read as Latin-1")
    found = [line.strip() for line in text.split("\n")]
    return found[:-1] if found and not found[-1] else found


def side_by_side(files: dict[str, Path], one: str, other: str, notes: list[str]) -> list[tuple[str, str]]:
    """The pairs of two languages, those with an empty side left out. Raises Problem where the lines don't match."""
    left, right = (lines(files[name], notes) for name in (one, other))
    if len(left) != len(right):
        raise Problem(
            f"{files[one]} has {len(left):,} lines, {files[other].name} {len(right):,}: no pairs. Give as many to both"
        )
    both = [(a, b) for a, b in zip(left, right) if a and b]
    if len(both) < len(left):
        notes.append(f"{len(left) - len(both):,} pairs of {files[one].name} with an empty side left out")
    return both
