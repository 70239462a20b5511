"""A picture written in another picture's format: what was a 16-bit TIFF stays one."""

from __future__ import annotations

import io
import struct
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from .codec import Codec
from .page import encoded
from .picture import SUFFIXES, Unreadable, pixels

_QUALITY = 95  # of JPEG, without thinned-out colour: little is lost
_HOW: dict[str, dict[str, Any]] = {  # Pillow's own words, by format
    "JPEG": {"quality": _QUALITY, "subsampling": 0},
    "WEBP": {"lossless": True, "exact": True},
    "TIFF": {"compression": "tiff_deflate"},
    "BMP": {},
    "DIB": {},
    "GIF": {},
}
_EXACT = {".bmp": ("BMP", (1, 3)), ".tif": ("TIFF", (1, 3, 4)), ".tiff": ("TIFF", (1, 3, 4)), ".webp": ("WEBP", (3, 4))}
"""Formats besides PNG that keep every pixel of 8 bits, and of how many channels."""
_RGB, _SHORT, _LONG = 2, 3, 4  # TIFF: the photometric interpretation, and types of numbers


def as_file(picture: np.ndarray, form: str) -> bytes:
    """A picture (H, W, C) uint8 or uint16, C 1 to 4, as a file of that format. PNG, TIFF, BMP and WebP keep every
    value, JPEG and GIF what they can. Raises Unreadable where the format has no room for such a picture."""
    data = _written(picture, form)
    back = pixels(data)
    if back.shape != picture.shape or back.dtype != picture.dtype:
        channels, bits = picture.shape[2], 8 * picture.itemsize
        raise Unreadable(f"{form} holds no picture of {channels} channels of {bits} bits as it is read here")
    return data


def saved_as(name: str, codec: Codec) -> str:
    """The name of a file that keeps a picture of that name as it is: its own, or .png where that format loses
    pixels."""
    path = PurePosixPath(name)
    suffix = path.suffix.lower()
    if suffix == ".png" or (suffix in _EXACT and codec.bits == 8 and codec.channels in _EXACT[suffix][1]):
        return name
    return str(path.with_suffix(".png")) if suffix in SUFFIXES else f"{name}.png"


def content(picture: np.ndarray, suffix: str) -> bytes:
    """A picture (H, W, C) in the format of a suffix that `saved_as` gave, every pixel kept."""
    form, _ = _EXACT.get(suffix.lower(), ("PNG", ()))
    return _written(picture, form)


def _written(picture: np.ndarray, form: str) -> bytes:
    if form == "PNG":
        return encoded(picture)
    if picture.dtype == np.uint16:
        if form != "TIFF":
            raise Unreadable(f"{form} holds no 16-bit pictures")
        return _tiff_16(picture)
    file = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(picture[..., 0] if picture.shape[2] == 1 else picture))
    if form == "GIF" and picture.shape[2] == 3:
        image = image.quantize(256, dither=Image.Dither.NONE)
    try:
        image.save(file, form, **_HOW[form])
    except (OSError, KeyError, ValueError) as error:
        raise Unreadable(f"can't be written as {form} ({error})") from error
    return file.getvalue()


def _tiff_16(picture: np.ndarray) -> bytes:
    """TIFF 6.0, little-endian, one strip, not compressed: Pillow writes no 16-bit colour."""
    height, width, channels = picture.shape
    data = picture.astype("<u2").tobytes()
    more = struct.pack(f"<{channels}H", *[16] * channels)  # bits of each channel: in the entry itself where they fit
    first = 8 + len(data) + len(data) % 2
    entries = [
        (256, _LONG, 1, width),
        (257, _LONG, 1, height),
        (258, _SHORT, channels, 16 if channels == 1 else 16 | 16 << 16 if channels == 2 else first),
        (259, _SHORT, 1, 1),  # not compressed
        (262, _SHORT, 1, _RGB if channels > 2 else 1),
        (273, _LONG, 1, 8),  # where the strip begins
        (277, _SHORT, 1, channels),
        (278, _LONG, 1, height),  # rows of the strip
        (279, _LONG, 1, len(data)),
        (284, _SHORT, 1, 1),  # channels side by side
    ]
    if channels in (2, 4):
        entries.append((338, _SHORT, 1, 2))  # alpha, not multiplied in
    start = first + (len(more) + len(more) % 2)
    head = b"II*\0" + struct.pack("<I", start)
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return head + data + b"\0" * (len(data) % 2) + more + b"\0" * (len(more) % 2) + directory + b"\0" * 4
