"""What stands at a path: which of the forms that pictures come in, and a key that says whether it has changed."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from reverie.errors import Problem

from .picture import SUFFIXES

_IDX = re.compile(r"idx\d(-u?(byte|short|int|float|double))?(\.gz)?$", re.IGNORECASE)
_JUNK = re.compile(r"(^|/)(\.|__MACOSX(/|$)|thumbs\.db$|desktop\.ini$)", re.IGNORECASE)
_TEXT = (
    ".txt",
    ".md",
    ".rst",
    ".jsonl",
    ".csv",
    ".html",
    ".py",
    ".c",
    ".h",
    ".cpp",
    ".js",
    ".ts",
    ".java",
    ".go",
    ".rs",
)
_IDX_TYPES = (0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E)
_SUFFIXES = {"npy": ".npy", "npz": ".npz", "parquet": ".parquet", "zips": ".zip", "arrow": ".arrow"}
_LOOKED_AT = 2000  # files, to say what a folder is


@dataclass(frozen=True)
class File:
    """One file below a folder."""

    name: str  # below the folder, with "/"
    size: int
    changed: int  # mtime in ns
    trouble: str = ""  # why it can't be read


@dataclass(frozen=True)
class Place:
    """Pictures on disk, of one form."""

    form: str  # folder | zips | idx | npy | npz | parquet | arrow
    where: str  # as the person wrote it
    files: tuple[Path, ...] = ()  # that hold the pictures, of forms other than a folder
    tree: tuple[File, ...] = field(default=(), repr=False)  # of a folder

    @cached_property
    def key(self) -> str:
        """Changes when a file is added, removed, or written again; also one beside them that says the labels."""
        digest = hashlib.blake2b(f"{self.form} {os.path.realpath(self.where)}".encode("utf-8", "surrogateescape"))
        for file in self.tree:
            digest.update(f"{file.name}\0{file.size} {file.changed}\n".encode("utf-8", "surrogateescape"))
        for path in (*self.files, *(one for file in self.files for one in beside(self.form, file))):
            digest.update(f"{path.name}\0".encode("utf-8", "surrogateescape"))
            try:
                digest.update(f"{path.stat().st_size} {path.stat().st_mtime_ns}\n".encode())
            except OSError:
                digest.update(b"gone\n")
        return digest.hexdigest()[:32]


def beside(form: str, path: Path) -> list[Path]:
    """Files that stand beside one of pictures and say its labels, or the labels' names."""
    names: list[str] = []
    if form == "idx":  # train-images-idx3-ubyte.gz -> train-labels-idx1-ubyte, with .gz or without
        name = re.sub(r"idx\d", "idx1", re.sub("images?", "labels", path.name, flags=re.IGNORECASE))
        bare = name.removesuffix(".gz")
        names = [bare, f"{bare}.gz"] if bare != path.name.removesuffix(".gz") else []
    elif form == "npy":
        name = path.name.replace("images", "labels")
        names = [name] if name != path.name else []
    elif form in ("arrow", "parquet"):  # as `datasets` saves them
        names = ["dataset_info.json", "state.json"]
    return [file for name in names if os.path.isfile(file := path.with_name(name))]


def is_junk(name: str) -> bool:
    """Hidden files and what systems leave in folders."""
    return bool(_JUNK.search(name))


def is_picture(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def is_idx(path: Path) -> bool:
    """By its name, else by its first bytes."""
    if _IDX.search(path.name):
        return True
    head = beginning(path)
    return len(head) >= 4 and head[:2] == b"\0\0" and head[2] in _IDX_TYPES and 1 <= head[3] <= 4


def beginning(path: Path) -> bytes:
    """The first bytes of a file, unpacked where it is gzipped; empty where it can't be read."""
    try:
        with open(path, "rb") as file:
            head = file.read(16)
        if head[:2] == b"\x1f\x8b":
            with gzip.open(path) as unpacked:
                head = unpacked.read(16)
        return head
    except (OSError, EOFError, zlib.error):
        return b""


def walk(folder: Path) -> Iterator[File]:
    """Every file below a folder, links followed, each real folder once: a loop of links ends."""
    seen: set[tuple[int, int]] = set()
    todo = [(str(folder), "")]
    while todo:
        path, name = todo.pop()
        try:
            about = os.stat(path)
            if (about.st_dev, about.st_ino) in seen:
                continue
            seen.add((about.st_dev, about.st_ino))
            entries = sorted(os.scandir(path), key=lambda entry: entry.name)
        except OSError as error:
            yield File(f"{name.rstrip('/') or '.'}", 0, 0, f"a folder that can't be read ({error.strerror})")
            continue
        for entry in entries:
            below = name + entry.name
            if is_junk(below):  # not opened, only counted
                yield File(below, 0, 0)
                continue
            try:
                about = entry.stat()
            except OSError as error:
                yield File(below, 0, 0, f"can't be read ({error.strerror})")
                continue
            if stat.S_ISDIR(about.st_mode):
                todo.append((entry.path, below + "/"))
            else:
                trouble = "" if stat.S_ISREG(about.st_mode) else "not a file"
                yield File(below, about.st_size, about.st_mtime_ns, trouble)


def locate(path: Path, where: str) -> Place | None:
    """The pictures at a path; None where there is nothing that looks like any. Decodes nothing."""
    if path.is_dir():
        return _folder(path, where)
    if not path.is_file():
        return None
    name = path.name.lower()
    for form, suffix in _SUFFIXES.items():
        if name.endswith(suffix):
            return Place(form, where, (path,))
    if is_picture(name):
        about = path.stat()
        return Place("folder", where, tree=(File(path.name, about.st_size, about.st_mtime_ns),))
    if is_idx(path):
        return Place("idx", where, (path,))
    head = beginning(path)
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return Place("zips", where, (path,))
    return Place("parquet", where, (path,)) if head[:4] == b"PAR1" else None


def _folder(path: Path, where: str) -> Place | None:
    state = _arrow_files(path)
    if state:
        return Place("arrow", where, state)
    tree = tuple(sorted(walk(path), key=lambda file: file.name))
    if any(is_picture(file.name) for file in tree if not is_junk(file.name)):
        return Place("folder", where, tree=tree)
    paths = [path / file.name for file in tree if not file.trouble and not is_junk(file.name)]
    for form, suffix in (("parquet", ".parquet"), ("zips", ".zip")):
        found = tuple(p for p in paths if p.name.lower().endswith(suffix))
        if found:
            return Place(form, where, found)
    idx = tuple(p for p in paths if p.parent == path and _IDX.search(p.name))
    if idx:
        return Place("idx", where, idx)
    arrays = [p for p in paths if p.parent == path and p.name.lower().endswith((".npy", ".npz"))]
    if len(arrays) == 1:
        return Place(arrays[0].suffix[1:].lower(), where, (arrays[0],))
    return None


def _arrow_files(path: Path) -> tuple[Path, ...]:
    """The Arrow files of a folder that `datasets` saved; each split in a folder of its own, if it has splits."""
    if (path / "dataset_dict.json").is_file():
        try:
            splits = json.loads((path / "dataset_dict.json").read_text(encoding="utf-8"))["splits"]
            folders = [path / Path(str(split)).name for split in splits]
        except (OSError, ValueError, KeyError, TypeError):
            raise Problem(f"{path / 'dataset_dict.json'}: names no splits. Save the data set again.") from None
    elif (path / "state.json").is_file() or (path / "dataset_info.json").is_file():
        folders = [path]
    else:
        return ()
    return tuple(file for folder in folders for file in sorted(folder.glob("*.arrow")))


def mostly_pictures(path: Path) -> bool:
    """Does a folder or a zip hold at least as many pictures as texts?"""
    if path.is_dir():
        names = [file.name for _, file in zip(range(_LOOKED_AT), walk(path))]
    else:
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()[:_LOOKED_AT]
        except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError):
            return False
    names = [name for name in names if not is_junk(name)]
    pictures = sum(map(is_picture, names))
    return pictures > 0 and pictures >= sum(name.lower().endswith(_TEXT) for name in names)
