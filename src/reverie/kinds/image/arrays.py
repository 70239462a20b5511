"""Pictures as arrays: IDX files (MNIST's form), .npy and .npz."""

from __future__ import annotations

import gzip
import math
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.reading import unpacked
from reverie.machine import memory

from .listing import Decoded, Numbers, numbered, part, parted
from .places import Place, beside, is_idx
from .values import as_labels, as_pictures

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_IMAGES = ("images", "image", "x", "data", "samples", "arr_0")
_BROKEN = (ValueError, EOFError, zipfile.BadZipFile, zlib.error, KeyError, OSError, SyntaxError, NotImplementedError)
_LABELS = ("labels", "label", "y", "targets", "target", "arr_1")

Part = tuple[str, str, np.ndarray, tuple[str, np.ndarray] | None]  # its mark, name, pictures; name of labels and labels


def read_idx(place: Place, options: DataOptions) -> Decoded:
    """IDX files with pictures, one or a train and a test file; labels are found beside. Raises Problem."""
    dims = {path: _idx_header(path)[1] for path in place.files}
    pictures = [path for path in place.files if len(dims[path]) >= 3]
    if not pictures:
        raise Problem(
            f"{place.where}: no IDX file with pictures (3 dimensions). Name one such as train-images-idx3-ubyte."
        )
    by_part: dict[str, Path] = {}
    for path in pictures:
        if by_part.setdefault(part(path.name), path) != path or (len(pictures) > 1 and not part(path.name)):
            names = ", ".join(p.name for p in pictures)
            raise Problem(f"{place.where}: several sets of pictures ({names}). Name one of the files.")
    found: list[Part] = []
    for name, path in by_part.items():
        images, labels = _idx(path), _labels_beside(path)
        found.append((name, str(path), images, None if labels is None else (str(labels), _idx(labels))))
    return _joined(found)


def _idx_header(path: Path) -> tuple[str, tuple[int, ...], int]:
    """Type, dimensions and the header's length."""
    try:
        with unpacked(path) as file:
            head = file.read(4)
            if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in _TYPES or not 1 <= head[3] <= 8:
                raise Problem(f"{path}: not an IDX file. Copy or download it again.")
            sides = file.read(4 * head[3])
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Problem(f"{path}: broken gzip ({error}). Copy or download it again.") from None
    except OSError as error:
        raise Problem(f"{path}: can't be read ({error.strerror or error}). Check its permissions.") from None
    if len(sides) < 4 * head[3]:
        raise Problem(f"{path}: cut off within its header. Copy or download it again.")
    return _TYPES[head[2]], tuple(np.frombuffer(sides, ">u4").tolist()), 4 + len(sides)


def _idx(path: Path) -> np.ndarray:
    kind, dims, start = _idx_header(path)
    wanted = math.prod(dims) * np.dtype(kind).itemsize
    if wanted > memory() // 2:
        raise Problem(f"{path}: says that it holds {wanted / 1e9:,.1f} GB, too much for this machine. Split it.")
    try:
        with unpacked(path) as file:
            file.read(start)
            data = file.read(wanted + 1)
    except (EOFError, zlib.error, OSError) as error:
        raise Problem(f"{path}: cut off or broken ({error}). Copy or download it again.") from None
    if len(data) != wanted:
        short = f"cut off: {len(data):,} of {wanted:,} bytes are there"
        what = short if len(data) < wanted else "longer than its header says"
        raise Problem(f"{path}: {what}. Copy or download it again.")
    return np.frombuffer(data, kind).reshape(dims)


def _labels_beside(path: Path) -> Path | None:
    return next((file for file in beside("idx", path) if is_idx(file)), None)


def read_npy(place: Place, options: DataOptions) -> Decoded:
    """One array (N, H, W) or (N, H, W, C); labels of its own length in the file of that name with "labels" for
    "images", if it stands beside. Raises Problem."""
    path = place.files[0]
    labels = next(((str(file), _npy(file)) for file in beside("npy", path)), None)
    return _joined([("", str(path), _npy(path), labels)])


def _npy(path: Path) -> np.ndarray:
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, SyntaxError, TypeError, MemoryError) as error:
        raise Problem(_why(str(path), error)) from None
    except OSError as error:
        raise Problem(f"{path}: can't be read ({error.strerror or error}). Check its permissions.") from None
    if not isinstance(found, np.ndarray):
        found.close()
        raise Problem(f"{path}: several arrays in a zip, not one. Call it {path.with_suffix('.npz').name}")
    return found


def _why(name: str, error: Exception) -> str:
    if "pickle" in str(error) or "Python objects" in str(error):
        return f"{name}: holds Python objects, which could run code. Save it as an array of numbers (uint8)."
    reason = str(error).splitlines()[0] if str(error) else "cut off"
    return f"{name}: a broken array file ({reason}). Save or copy it again."


def read_npz(place: Place, options: DataOptions) -> Decoded:
    """Arrays x or images or x_train and x_test …, with y or labels …. `column` names the array of pictures. Raises
    Problem."""
    path = place.files[0]
    try:
        with zipfile.ZipFile(path) as archive:
            large = sum(info.file_size for info in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise Problem(f"{path}: a broken .npz ({error}). Save or copy it again.") from None
    if large > memory() // 2:
        raise Problem(f"{path}: unpacks to {large / 1e9:,.1f} GB, too much for this machine. Save it as .npy.")
    try:
        with np.load(path, allow_pickle=False) as file:
            return _joined(_chosen(path, file, options.column))
    except _BROKEN as error:
        raise Problem(_why(str(path), error)) from None


def _chosen(path: Path, file: Any, column: str) -> list[Part]:
    """(part, name, pictures, labels or None) of each part that an .npz has."""
    names = [column] if column else _picture_arrays(file.files)
    if column and column not in file.files:
        raise Problem(f"--column {column}: no such array in {path}. There are: {', '.join(file.files)}")
    if not names:
        arrays = {name: file[name] for name in file.files}
        names = [name for name, array in arrays.items() if array.ndim in (3, 4)]
        if len(names) != 1:
            there = ", ".join(file.files) or "none"
            raise Problem(f"{path}: no array named images or x (there are {there}). Name it by --column.")
    found: list[Part] = []
    for name in names:
        mark = part(name)
        label = next((n for n in file.files if n != name and part(n) == mark and _stem(n) in _LABELS), None)
        found.append((mark, f"{path}:{name}", file[name], None if label is None else (f"{path}:{label}", file[label])))
    return found


def _picture_arrays(names: list[str]) -> list[str]:
    """The arrays of pictures: of each part, the one with the likeliest name."""
    best: dict[str, str] = {}
    for stem in reversed(_IMAGES):
        for name in names:
            if _stem(name) == stem:
                best[part(name)] = name
    if "train" in best:
        best.pop("", None)
    return list(best.values())


def _stem(name: str) -> str:
    """x_train, train_x, X -> x."""
    words = [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word and not part(word)]
    return "_".join(words) if words else name.lower()


def _joined(found: list[Part]) -> Decoded:
    """Parts (part, name, pictures, (name, labels) or None) in one listing."""
    notes: list[str] = []
    images = [as_pictures(array, name, notes) for _, name, array, _ in found]
    counts = [len(array) for array in images]
    if len({(a.shape[1:], a.dtype) for a in images}) > 1:
        shapes = " and ".join(f"{a.shape} {a.dtype}" for a in images)
        raise Problem(f"{found[0][1]}: its parts differ ({shapes}). Save them at one size and type.")
    test, said = parted([mark for (mark, *_), n in zip(found, counts) for _ in range(n)])
    listing = Decoded(Numbers(sum(counts)), test=test, notes=notes + said)
    listing.images = images[0] if len(images) == 1 else np.concatenate(images)
    labels = [as_labels(label[1], label[0], n) for (*_, label), n in zip(found, counts) if label is not None]
    if labels and len(labels) < len(found):
        listing.notes.append("labels are there for one part only: left aside")
    elif labels:
        listing.labels, listing.classes = numbered([str(v) for v in np.concatenate(labels).tolist()])
    return listing
