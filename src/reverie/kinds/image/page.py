"""Pictures as files: one PNG each, or many on one page."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from reverie.errors import Problem
from reverie.kinds.writing import write

from .picture import as_depth

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # of a PNG, by channels
_GAP = 2  # pixels between pictures on a page
_SEEN = 64  # pixels: smaller pictures are enlarged on a page, whole times, up to about that
_LIGHT, _DARK, _PAPER = 255, 204, 255  # the board behind what is transparent, and the page


def save(raw: np.ndarray, folder: Path, first: int = 0) -> list[Path]:
    """Pictures (N, H, W, C) uint8 or uint16 as sample-000000.png and on, every bit kept: 16-bit ones as 16-bit PNG.
    Raises NoRoom."""
    folder = Path(folder)
    files = [folder / f"sample-{first + i:06d}.png" for i in range(len(raw))]
    for file, picture in zip(files, raw):
        write(file, encoded(picture))
    return files


def show(raw: np.ndarray, file: Path) -> None:
    """Many pictures on one page, a PNG of about square shape: small ones enlarged without smoothing, 16 bits brought to
    8, what is transparent on a checkerboard. Raises NoRoom."""
    write(Path(file), encoded(page(raw)))


def page(raw: np.ndarray) -> np.ndarray:
    """The page: (H, W, 1 or 3) uint8."""
    if not len(raw):
        raise Problem("0 pictures: nothing to show. Ask for at least 1.")
    pictures = opaque(as_depth(raw, 8))
    pictures = pictures.repeat(times := max(1, _SEEN // max(raw.shape[1:3])), axis=1).repeat(times, axis=2)
    count, height, width, channels = pictures.shape
    columns = min(count, max(1, round((count * (height + _GAP) / (width + _GAP)) ** 0.5)))
    rows = -(-count // columns)
    whole = np.full((rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP, channels), _PAPER, np.uint8)
    for i, picture in enumerate(pictures):
        top, left = (_GAP + (i // columns) * (height + _GAP), _GAP + (i % columns) * (width + _GAP))
        whole[top : top + height, left : left + width] = picture
    return whole


def opaque(raw: np.ndarray) -> np.ndarray:
    """(N, H, W, 1 or 3), alpha laid on a board of light and dark squares."""
    height, width, channels = raw.shape[1:]
    if channels in (1, 3):
        return raw
    side = max(1, min(height, width) // 8)
    squares = (np.arange(height)[:, None] // side + np.arange(width) // side) % 2
    board = np.where(squares, _DARK, _LIGHT)[None, :, :, None]
    alpha = raw[..., -1:] / 255
    return np.rint(raw[..., :-1] * alpha + board * (1 - alpha)).astype(np.uint8)


def encoded(picture: np.ndarray) -> bytes:
    """A picture (H, W, C) uint8 or uint16, C 1 to 4, as a PNG that reads back exactly."""
    height, width, channels = picture.shape
    if picture.dtype == np.uint8:
        import io

        file = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(picture[..., 0] if channels == 1 else picture)).save(file, "PNG")
        return file.getvalue()
    # Pillow writes no 16-bit colour. Each row is the difference to the row above (filter 2): it packs well
    rows = np.ascontiguousarray(picture.astype(">u2")).view(np.uint8).reshape(height, -1)
    above = np.concatenate([np.zeros_like(rows[:1]), rows[:-1]])
    lines = np.concatenate([np.full((height, 1), 2, np.uint8), rows - above], axis=1)
    head = struct.pack(">IIBBBBB", width, height, 16, _COLOUR_TYPES[channels], 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(lines.tobytes(), 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
