"""Decoded pictures on disk, so that they are there at once the second time.

data/<content>/ holds images.npy, labels.npy and test.npy, named by what is in them; keys/<key>.json says which content
some files had when they were last decoded by some options. Each is built under another name and renamed when whole."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reverie.cache_folder import cache_folder
from reverie.machine import memory

IN_MEMORY = 2 << 30  # bytes of decoded pictures; more are mapped from the cache
_BLOCK = 64 << 20
_STALE = 86_400  # seconds after which a half-built folder is nobody's


@dataclass
class Stored:
    """Decoded pictures, and what is known of them."""

    images: np.ndarray  # (N, H, W, C) uint8 or uint16
    labels: np.ndarray | None  # (N,) int64
    test: np.ndarray | None  # (N,) bool
    codec: dict[str, Any]
    notes: list[str]
    content: str = ""  # hash of pictures, labels, classes and parts


def fits(size: int) -> bool:
    """Is that many bytes kept in memory? At most 2 GiB and a quarter of the machine's."""
    return size <= min(IN_MEMORY, memory() // 4)


def folder() -> Path:
    return cache_folder() / "image"


def content_of(images: np.ndarray, labels: np.ndarray | None, test: np.ndarray | None, classes: tuple[str, ...]) -> str:
    """A hash of the pictures and all that is known of each: the same wherever and whenever they are read."""
    digest = hashlib.blake2b(digest_size=20)
    digest.update(json.dumps([list(images.shape), str(images.dtype.newbyteorder("=")), list(classes)]).encode())
    step = max(1, _BLOCK // max(1, images[:1].nbytes))
    for first in range(0, len(images), step):
        digest.update(np.ascontiguousarray(images[first : first + step]).data)
    for name, extra in (("labels", labels), ("test", test)):
        digest.update(name.encode())
        if extra is not None:
            digest.update(np.ascontiguousarray(extra).data)
    return digest.hexdigest()


def load(key: str) -> Stored | None:
    """What was decoded under that key; None where it is not there or not whole."""
    try:
        about = json.loads((folder() / "keys" / f"{key}.json").read_text(encoding="utf-8"))
        content = str(about["content"])
        place = folder() / "data" / Path(content).name
        images = np.load(place / "images.npy", mmap_mode="r", allow_pickle=False)
        labels = np.load(place / "labels.npy", allow_pickle=False) if about["labels"] else None
        test = np.load(place / "test.npy", allow_pickle=False) if about["test"] else None
        if list(images.shape) != about["shape"] or str(images.dtype) != about["dtype"]:
            return None
        if any(extra is not None and len(extra) != len(images) for extra in (labels, test)):
            return None
        if fits(images.nbytes):
            images = np.array(images)
        return Stored(images, labels, test, dict(about["codec"]), [str(note) for note in about["notes"]], content)
    except (OSError, ValueError, KeyError, TypeError, EOFError, SyntaxError):
        return None


def room(size: int) -> str:
    """Why that many bytes can't be kept in the cache; "" where they can."""
    place = folder()
    try:
        (place / "data").mkdir(parents=True, exist_ok=True)
        (place / "keys").mkdir(parents=True, exist_ok=True)
        probe = place / "data" / f"probe.{os.getpid()}.part"
        probe.touch()
        probe.unlink()
        free = shutil.disk_usage(place).free
    except OSError as error:
        return f"{place} can't be written ({error.strerror or error})"
    return "" if free > 1.05 * size else f"{place} has {free / 1e6:,.0f} MB free and {size / 1e6:,.0f} MB are needed"


def workplace() -> Path:
    """A folder of one's own in which an array is built; those that killed processes left are removed."""
    data = folder() / "data"
    for old in data.glob("*.part"):
        try:
            if time.time() - old.stat().st_mtime > _STALE:
                shutil.rmtree(old, ignore_errors=True)
        except OSError:
            continue
    mine = data / f"{os.getpid()}-{time.monotonic_ns()}.part"
    mine.mkdir()
    return mine


def store(key: str, stored: Stored, built: Path | None = None) -> None:
    """Keep decoded pictures under a key; `built` is the workplace where images.npy lies already. Raises OSError."""
    place = folder() / "data" / stored.content
    if _whole(place, stored):
        if built is not None:
            shutil.rmtree(built, ignore_errors=True)
    else:
        work = built or workplace()
        try:
            if built is None:
                np.save(work / "images.npy", stored.images)
            for name, extra in (("labels", stored.labels), ("test", stored.test)):
                if extra is not None:
                    np.save(work / f"{name}.npy", extra)
            _take_place(work, place)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    about: dict[str, Any] = {"content": stored.content, "codec": stored.codec, "notes": stored.notes}
    about |= {"shape": list(stored.images.shape), "dtype": str(stored.images.dtype)}
    about |= {"labels": stored.labels is not None, "test": stored.test is not None}
    _written(folder() / "keys" / f"{key}.json", lambda part: part.write_text(json.dumps(about), encoding="utf-8"))


def _whole(place: Path, stored: Stored) -> bool:
    try:
        images = np.load(place / "images.npy", mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError):
        return False
    extras = (("labels", stored.labels), ("test", stored.test))
    same = images.shape == stored.images.shape and images.dtype == stored.images.dtype
    return same and all(extra is None or (place / f"{name}.npy").is_file() for name, extra in extras)


def _take_place(work: Path, place: Path) -> None:
    """Another process may have been faster: what it built is the same."""
    try:
        os.rename(work, place)
    except OSError:
        if not place.is_dir():
            raise
        broken = place.with_name(f"{place.name}.{os.getpid()}.part")
        os.rename(place, broken)
        os.rename(work, place)
        shutil.rmtree(broken, ignore_errors=True)


def _written(path: Path, write: Callable[[Path], object]) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        write(part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
