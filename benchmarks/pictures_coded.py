"""JPEG, WebP and PNG as peers of compression: bytes of a set of pictures, and what comes back.

Each once as a file a picture, with all that is in it, and once with what the files share told once: as one sheet on
which the pictures stand below each other (its head, its tables and, of PNG, its dictionary serve all), or as files less
the bytes that every one of them has alike, whichever is smaller."""

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

LONGEST = 16_000  # pixels of a sheet's longer side: WebP's limit
QUALITIES = (3, 6, 10, 15, 20, 30, 40, 50, 60, 70, 80, 87, 92, 95)


@dataclass(frozen=True)
class Point:
    """One way to write a set: bits a pixel, and PSNR in dB."""

    name: str
    setting: str
    alone: float  # bits a pixel, a file a picture
    shared: float  # with what files share told once
    psnr: float  # of the mean squared error over all pictures
    psnr_mean: float  # the mean over pictures of each one's own
    sheet: bool = False  # was the sheet the smaller of the two?


def psnr(raw: np.ndarray, back: np.ndarray) -> tuple[float, float]:
    """dB of pictures (N, H, W, C) of 8 bits: of the mean squared error of all, and the mean of each one's own."""
    error = np.square(raw.astype(np.float64) - back).reshape(len(raw), -1).mean(1)
    if not error.any():
        return float("inf"), float("inf")
    each = 10 * np.log10(255**2 / np.maximum(error, 1e-3))
    return float(10 * np.log10(255**2 / error.mean())), float(each.mean())


def image(picture: np.ndarray) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(picture[..., 0] if picture.shape[-1] == 1 else picture))


def written(picture: np.ndarray, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image(picture).save(file, form, **options)
    return file.getvalue()


def read(data: bytes, channels: int) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as opened:
        back = np.asarray(opened.convert("L" if channels == 1 else "RGB"))
    return back[..., None] if back.ndim == 2 else back


def sheets(raw: np.ndarray, block: int) -> Iterator[np.ndarray]:
    """Pictures below each other, their sides filled up to whole blocks by repeating the edge."""
    height, width = raw.shape[1:3]
    padded = np.pad(raw, ((0, 0), (0, -height % block), (0, -width % block), (0, 0)), mode="edge")
    each = LONGEST // padded.shape[1]
    for first in range(0, len(raw), each):
        yield padded[first : first + each].reshape(-1, padded.shape[2], raw.shape[3])


def constant(files: list[bytes]) -> int:
    """Bytes of the first 64 and the last 12 that all files have alike: heads, and PNG's end."""
    size = min(64, min(map(len, files)) - 12)
    ends = np.stack([np.frombuffer(data[:size] + data[-12:], np.uint8) for data in files])
    return int((ends == ends[0]).all(0).sum())


def jpeg_tables(data: bytes) -> int:
    """Bytes of a JPEG that are neither its frame's own head nor its coded pixels."""
    at = 2
    while data[at + 1] != 0xDA:
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")


def point(raw: np.ndarray, name: str, setting: str, form: str, block: int, **options: object) -> Point:
    """One setting of one format. JPEG alone has tables made for each picture; less its tables it has the standard's."""
    pixels, channels = raw.shape[0] * raw.shape[1] * raw.shape[2], raw.shape[3]
    files = [written(picture, form, **options) for picture in raw]
    back = np.stack([read(data, channels) for data in files])
    plain = files
    if form == "JPEG":
        plain = [written(picture, form, **{**options, "optimize": False}) for picture in raw]
    less = sum(map(len, plain)) - (len(raw) - 1) * (jpeg_tables(plain[0]) if form == "JPEG" else constant(plain))
    whole = sum(len(written(sheet, form, **options)) for sheet in sheets(raw, block))
    rates = [8 * count / pixels for count in (sum(map(len, files)), min(less, whole))]
    return Point(name, setting, rates[0], rates[1], *psnr(raw, back), whole < less)


def jpeg(raw: np.ndarray) -> list[Point]:
    """Huffman tables made for the picture or the sheet; of colour pictures with whole and with halved colour."""
    made = []
    for sampling in (0, 2) if raw.shape[3] == 3 else (0,):
        name = "JPEG" if raw.shape[3] == 1 else f"JPEG 4:{'44' if sampling == 0 else '20'}"
        options = {"subsampling": sampling} if raw.shape[3] == 3 else {}
        for quality in QUALITIES:
            made.append(point(raw, name, str(quality), "JPEG", 16, quality=quality, optimize=True, **options))
    return made


def webp(raw: np.ndarray) -> list[Point]:
    return [point(raw, "WebP", str(quality), "WEBP", 16, quality=quality, method=6) for quality in QUALITIES]


def lossless(raw: np.ndarray) -> list[Point]:
    made = [point(raw, "PNG", "optimised", "PNG", 1, optimize=True)]
    return [*made, point(raw, "WebP", "lossless", "WEBP", 1, lossless=True, quality=100, method=6)]
