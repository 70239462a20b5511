"""Where music lies: files, folders and zips, with a part or a class where folders name them."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from reverie.errors import Problem
from reverie.kinds.image.listing import part as part_of
from reverie.kinds.text.files import is_zip, members, walk

from . import frames, midi
from .heard import Bad, Heard

MIDI = (".mid", ".midi", ".kar", ".rmi")
SCORES = (".musicxml", ".mxl", ".abc", ".krn")
LARGEST = 64 << 20  # bytes of one file: what is more, or unpacks to more, is a mistake or an attack
MEMBERS = 1_000_000  # of a zip
HEAD = 4096  # bytes that tell music from other XML and JSON


class File(NamedTuple):
    name: str
    read: Callable[[], bytes]  # raises Bad


class Tune(NamedTuple):
    """One item as its file has it."""

    heard: Heard
    name: str  # what a person would call it
    label: str = ""  # the folder that names its class
    part: str = ""  # train, valid or test, where folders or the file say so
    frames: bool = False  # from steps, which do not say what is struck again


@dataclass
class Found:
    """All that a place holds."""

    tunes: list[Tune] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)  # a line each, with the cure
    other: list[str] = field(default_factory=list)  # no music by their names


def named(name: str, head: Callable[[], bytes]) -> bool:
    """Is a file music, by its name, and of JSON and XML by its first bytes?"""
    suffix = PurePosixPath(name.lower()).suffix
    if suffix == ".json":
        return frames.is_frames(head())
    return suffix in (*MIDI, *SCORES) or (suffix == ".xml" and b"<score-" in head())


def listed(where: Path) -> Iterator[File]:
    """The files at a path: itself, those below a folder or in a zip. Raises Problem."""
    if where.is_dir():
        for name in walk(where):
            yield File(name, _reader(where / name))
    elif is_zip(where):
        yield from _in_zip(where)
    else:
        yield File(where.name, _reader(where))


def _reader(path: Path) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            with open(path, "rb") as file:
                return _bounded(file.read(LARGEST + 1))
        except OSError as error:
            raise Bad(f"can't be read ({error.strerror}). Mend its permissions") from None

    return read


def _in_zip(where: Path) -> Iterator[File]:
    try:
        archive = zipfile.ZipFile(where)
        names = members(archive)
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise Problem(f"{where}: not a zip that can be read ({error}). Pack it again") from None
    if len(names) > MEMBERS:
        raise Problem(f"{where}: {len(names):,} members, more than {MEMBERS:,}. Split it")
    for name in names:
        yield File(name.replace("\\", "/"), lambda name=name: unpacked(archive, name))  # type: ignore[misc]


def unpacked(archive: zipfile.ZipFile, name: str) -> bytes:
    """A member, no more of it than LARGEST. Raises Bad."""
    try:
        with archive.open(name) as file:
            return _bounded(file.read(LARGEST + 1))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError, OSError) as error:
        raise Bad(f"can't be unpacked ({error}). Pack the zip again, without a password") from None


def _bounded(data: bytes) -> bytes:
    if len(data) > LARGEST:
        raise Bad(f"more than {LARGEST >> 20} MiB. No score is that large: remove it")
    return data


def find(where: str) -> Found:
    """Reads every piece of a file, folder or zip. Raises Problem where nothing is music by its name."""
    found, several, root = Found(), not Path(where).is_file() or is_zip(Path(where)), Path(where)
    files = []
    for file in listed(root):
        if (not several and root.suffix.lower() not in (".json", ".xml")) or named(file.name, lambda: _head(file)):  # noqa: B023
            files.append(file)
        else:
            found.other.append(file.name)
    if not files:
        what = "an empty folder" if root.is_dir() and not os.listdir(root) else "no music in it"
        raise Problem(f"{where}: {what}. Put .mid, .musicxml, .mxl, .abc or .krn files there")
    labels, parts = _told([PurePosixPath(file.name).parts[:-1] for file in files])
    for file, label, part in zip(files, labels, parts):
        called = file.name if several else where
        try:
            for own, heard in read(file.name, file.read()):
                name = f"{file.name} {heard.name}".strip() if several else heard.name or file.name
                found.tunes.append(Tune(heard._replace(name=name), name, label, own or part, bool(heard.beat)))
        except Bad as error:
            found.bad.append(f"{called}: {error}")
    return found


def _head(file: File) -> bytes:
    try:
        return file.read()[:HEAD]
    except Bad:
        return b""


def read(name: str, data: bytes) -> list[tuple[str, Heard]]:
    """The pieces in one file, with the part that it says each is of. Raises Bad; Problem where a package is missing."""
    suffix = PurePosixPath(name.lower()).suffix
    if not data:
        raise Bad("0 bytes. Copy or download it again")
    if suffix == ".json":
        return frames.read(data, name)
    if suffix in (*SCORES, ".xml"):
        from . import score

        return [("", heard) for heard in score.read(name, data)]
    return [("", midi.read(data))]


def _told(folders: list[tuple[str, ...]]) -> tuple[list[str], list[str]]:
    """Of the folders in which files lie: each file's class, where every file lies in one of two folders or more; and
    its part, where the outermost folders are train, valid and test."""
    folders = _inner(folders)
    parts = [_PARTS.get(part_of(path[0]), "") if path else "" for path in folders]
    if "train" in parts and all(parts) and len(set(parts)) > 1:
        folders = _inner([path[1:] for path in folders])
    else:
        parts = [""] * len(folders)
    labels = [path[0] if path else "" for path in folders]
    return (labels if all(labels) and len(set(labels)) > 1 else [""] * len(labels)), parts


_PARTS = {"train": "train", "validation": "valid", "test": "test"}


def _inner(folders: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Without the folders that all have in common."""
    while folders and all(path and path[0] == folders[0][0] for path in folders):
        folders = [path[1:] for path in folders]
    return folders
