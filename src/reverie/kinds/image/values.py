"""Arrays of numbers as pictures and as labels: by stated rules, each said."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reverie.errors import Problem

_BLOCK = 1024  # pictures looked at together: an array on disk may be larger than memory


def as_pictures(array: np.ndarray, name: str, notes: list[str]) -> np.ndarray:
    """An array (N, H, W), (N, H, W, C) or (N, C, H, W), C up to 4, as (N, H, W, C) uint8 or uint16.

    uint8 and uint16 stay as they are. Other whole numbers in 0 … 255 become uint8, in 0 … 65535 uint16; truth values
    0 and 255. Fractions in [0, 1] are taken times 255, in [-1, 1] shifted to that first, in [0, 255] rounded. What was
    done is added to the notes. Raises Problem."""
    array = _laid_out(array, name, notes)
    if array.dtype == np.uint8:
        if array.size and _range(array)[1] <= 1:
            notes.append(f"{name}: whole numbers 0 and 1 are nearly black. Multiply by 255 if black and white is meant")
        return array
    if array.dtype.kind == "u" and array.dtype.itemsize == 2:
        return array.astype(np.uint16) if array.dtype.byteorder not in "=|" else array
    if array.dtype.kind == "b":
        notes.append(f"{name}: truth values taken as 0 and 255")
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind in "ui":
        return _whole(array, name, notes)
    if array.dtype.kind == "f":
        return _fractions(array, name, notes)
    raise Problem(f"{name}: an array of {array.dtype}, no numbers of pictures. Save it as uint8.")


def _laid_out(array: np.ndarray, name: str, notes: list[str]) -> np.ndarray:
    shape = array.shape
    if len(shape) not in (3, 4) or not all(shape[1:]):
        raise Problem(f"{name}: an array of shape {shape}. Save the pictures as (N, H, W) or (N, H, W, C).")
    if not shape[0]:
        raise Problem(f"{name}: no pictures in it (shape {shape}). Give at least one.")
    if len(shape) == 3:
        if shape[2] in (3, 4) and min(shape[:2]) >= 8:
            raise Problem(f"{name}: shape {shape} looks like one picture (H, W, C). Save many as (N, H, W, C).")
        return array[..., None]
    if shape[3] <= 4:
        return array
    if shape[1] <= 4:
        notes.append(f"{name}: shape {shape} taken as (N, C, H, W)")
        return np.moveaxis(array, 1, 3)
    raise Problem(f"{name}: shape {shape} has {shape[3]} channels. Save pictures with 1 to 4 as (N, H, W, C).")


def _blocks(array: np.ndarray) -> Iterator[slice]:
    return (slice(first, first + _BLOCK) for first in range(0, len(array), _BLOCK))


def _range(array: np.ndarray) -> tuple[float, float]:
    """Least and greatest; NaN where there is one."""
    pairs = [(array[block].min(), array[block].max()) for block in _blocks(array)]
    low, high = np.min([p[0] for p in pairs]), np.max([p[1] for p in pairs])
    return low.item(), high.item()


def _mapped(array: np.ndarray, kind: type, change) -> np.ndarray:  # type: ignore[no-untyped-def]
    out: np.ndarray = np.empty(array.shape, kind)
    for block in _blocks(array):
        out[block] = change(array[block])
    return out


def _whole(array: np.ndarray, name: str, notes: list[str]) -> np.ndarray:
    low, high = _range(array)
    if low < 0 or high > 65535:
        raise Problem(f"{name}: whole numbers in {low} … {high}. Bring them to 0 … 255 (uint8) or 0 … 65535 (uint16).")
    kind = np.uint8 if high <= 255 else np.uint16
    notes.append(f"{name}: {array.dtype} numbers in {low} … {high} kept as {np.dtype(kind)}")
    return _mapped(array, kind, lambda x: x)


def _fractions(array: np.ndarray, name: str, notes: list[str]) -> np.ndarray:
    low, high = _range(array)
    if not np.isfinite([low, high]).all():
        raise Problem(f"{name}: holds NaN or infinite values. Remove or replace them.")
    if low >= 0 and high <= 1:
        notes.append(f"{name}: fractions in [0, 1] taken times 255 and rounded to 8 bits")
        return _mapped(array, np.uint8, lambda x: np.rint(np.asarray(x, np.float64) * 255))
    if low >= -1 and high <= 1:
        notes.append(f"{name}: fractions in [-1, 1] brought to [0, 255] and rounded to 8 bits")
        return _mapped(array, np.uint8, lambda x: np.rint((np.asarray(x, np.float64) + 1) * 127.5))
    if low >= 0 and high <= 255:
        notes.append(f"{name}: fractions in [0, 255] rounded to 8 bits")
        return _mapped(array, np.uint8, np.rint)
    raise Problem(f"{name}: fractions in {low:g} … {high:g}. Bring them to [0, 1], [-1, 1] or [0, 255].")


def as_labels(array: np.ndarray, name: str, count: int) -> np.ndarray:
    """Labels (N,), (N, 1) or one-hot (N, K) as (N,) whole numbers or names. Raises Problem on another length."""
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    elif array.ndim == 2 and array.dtype.kind in "buif" and array.shape[0] and _one_hot(array):
        array = array.argmax(1)
    if array.ndim != 1 or len(array) != count:
        raise Problem(f"{name}: labels of shape {array.shape} for {count:,} pictures. Give one label for each picture.")
    if array.dtype.kind == "f":
        if not np.isfinite(array).all() or (array != np.rint(array)).any():
            raise Problem(f"{name}: labels that are fractions or NaN. Give whole numbers or names.")
        array = array.astype(np.int64)
    if array.dtype.kind not in "buiUS":
        raise Problem(f"{name}: labels of type {array.dtype}. Give whole numbers or names.")
    return array.astype(str) if array.dtype.kind in "US" else array.astype(np.int64)


def _one_hot(array: np.ndarray) -> bool:
    return bool(((array == 0) | (array == 1)).all() and (array.sum(1) == 1).all())
