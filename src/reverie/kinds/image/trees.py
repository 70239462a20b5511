"""Pictures as files: a folder, flat or with a folder a class; a zip of the same; a folder of such zips."""

from __future__ import annotations

import os
import threading
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np

from reverie.errors import Problem
from reverie.kinds import DataOptions

from .listing import Encoded, numbered, part, parted
from .picture import MAX_BYTES, Unreadable
from .places import Place, is_junk, is_picture

_MOST = 5_000_000  # members of a zip


def read_folder(place: Place, options: DataOptions) -> Encoded:
    """The pictures below a folder, in the order of their names, or one picture alone. Raises Problem where there are
    none."""
    pictures = [file for file in place.tree if is_picture(file.name) and not is_junk(file.name)]
    broken = [file for file in place.tree if file.trouble and not is_junk(file.name)]
    lost = [(f.name, f.trouble) for f in broken if is_picture(f.name) or f.trouble.startswith("a folder")]
    fine = [file for file in pictures if not file.trouble]
    root = place.where if os.path.isdir(place.where) else os.path.dirname(place.where)

    def read(i: int) -> bytes:
        if fine[i].size > MAX_BYTES:
            raise Unreadable(f"too large ({fine[i].size:,} bytes)")
        with open(os.path.join(root, fine[i].name), "rb") as file:
            return file.read()

    hidden = sum(is_junk(file.name) for file in place.tree)
    others = len(place.tree) - hidden - len({file.name for file in pictures} | {name for name, _ in lost})
    return _listed(place, [file.name for file in fine], read, lost, hidden, others)


def read_zips(place: Place, options: DataOptions) -> Encoded:
    """The pictures in one zip, or in several that lie in one folder (train.zip, test.zip). Nothing is unpacked onto the
    disk; what a member says of its size bounds what is read of it. Raises Problem."""
    archives, found, hidden, others = [], [], 0, 0
    for k, path in enumerate(place.files):
        archives.append(_archive(path))
        for info in archives[-1].infolist():
            if info.is_dir():
                continue
            name = _inside(info.filename)
            if len(place.files) > 1:
                name = f"{path.stem}/{name}"
            if is_junk(name):
                hidden += 1
            elif is_picture(name):
                found.append((name, k, info))
            else:
                others += 1
    found.sort(key=lambda entry: entry[0])
    locks = [threading.Lock() for _ in archives]

    def read(i: int) -> bytes:
        _, k, info = found[i]
        if info.file_size > MAX_BYTES:
            raise Unreadable(f"too large ({info.file_size:,} bytes unpacked)")
        if info.flag_bits & 1:
            raise Unreadable("locked by a password")
        try:
            with locks[k]:
                return archives[k].read(info)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
            raise Unreadable(f"can't be unpacked ({error})") from error

    return _listed(place, [name for name, _, _ in found], read, [], hidden, others)


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError) as error:
        raise Problem(f"{path}: a broken zip ({error}). Copy or download it again.") from None
    except OSError as error:
        raise Problem(f"{path}: can't be read ({error.strerror}). Check its permissions.") from None
    if len(archive.infolist()) > _MOST:
        raise Problem(f"{path}: {len(archive.infolist()):,} members, more than {_MOST:,}. Split it.")
    return archive


def _inside(name: str) -> str:
    """A member's name without what would lead out of the archive."""
    return "/".join(p for p in PurePosixPath(name.replace("\\", "/")).parts if p not in ("/", "..", ".")) or name


def _listed(
    place: Place, names: list[str], read: Callable[[int], bytes], lost: list[tuple[str, str]], hidden: int, others: int
) -> Encoded:
    if not names and not lost:
        raise Problem(f"{place.where}: no pictures in it. Put PNG, JPEG, WebP, TIFF, BMP or GIF files there.")
    listing = Encoded(names, read=read, lost=lost)
    if hidden:
        listing.notes.append(f"{hidden:,} hidden or system files left aside")
    if others:
        listing.notes.append(f"{others:,} files that are no pictures by their names left aside")
    return arranged(listing)


def arranged(listing: Encoded) -> Encoded:
    """Reads parts (train/, test/) and classes (a folder a class) off the names, into the listing."""
    paths = [name.split("/")[:-1] for name in listing.names]
    paths = _unwrapped(paths)
    parts = [part(path[0]) if path else "" for path in paths]
    listing.test, notes = parted(parts) if parts and all(parts) else (None, [])
    listing.notes += notes
    if listing.test is not None:
        paths = _unwrapped([path[1:] for path in paths])
    deep = sum(bool(path) for path in paths)
    if deep and deep == len(paths):
        labels, classes = numbered([path[0] for path in paths])
        if len(classes) > 1:
            listing.labels, listing.classes = labels, classes
            shown = ", ".join(classes[:10]) + (" …" if len(classes) > 10 else "")
            listing.notes.append(f"{len(classes):,} classes, a folder each: {shown}")
    elif deep:
        listing.notes.append("pictures both in and beside folders: taken as one set without classes")
    return listing


def _unwrapped(paths: list[list[str]]) -> list[list[str]]:
    """Without the folders that all have in common."""
    depth = 0
    while paths and all(len(path) > depth and path[depth] == paths[0][depth] for path in paths):
        depth += 1
    return [path[depth:] for path in paths]


def counts(labels: np.ndarray, classes: tuple[str, ...]) -> dict[str, int]:
    """How many items each class has."""
    return dict(zip(classes, np.bincount(labels, minlength=len(classes)).tolist()))
