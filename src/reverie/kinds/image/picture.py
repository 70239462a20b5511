"""One picture: encoded bytes -> pixels -> the size, channels and depth wanted.

The rule of resizing: Lanczos (a=3) as Pillow does it, its support widened when it reduces, so that nothing aliases;
alpha is multiplied in first, so that hidden colours don't bleed. 16-bit pictures are resampled in float32 by the same
filter. JPEGs more than three times as large as wanted are first halved by their decoder, never below three times.
"""

from __future__ import annotations

import io
import struct
import sys
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import (  # noqa: F401  (each adds its format to those that Pillow opens: not by threads, in a race)
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    ImageOps,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

FITS = ("crop", "pad", "stretch")
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "DIB", "GIF")  # no others: some of Pillow's readers start programs
SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff", ".bmp", ".dib", ".gif")
MAX_PIXELS = 89_478_485  # as Pillow's own warning: a quarter of a GiB of RGB
MAX_BYTES = 1 << 30  # of one encoded picture

_CHANNELS = {"1": 1, "L": 1, "I": 1, "LA": 2, "La": 2, "P": 3, "RGB": 3, "RGBX": 3, "CMYK": 3, "YCbCr": 3, "LAB": 3}
_CHANNELS |= {"HSV": 3, "PA": 4, "RGBA": 4, "RGBa": 4, "I;16": 1, "I;16L": 1, "I;16B": 1, "I;16N": 1}
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_PNG = b"\x89PNG\r\n\x1a\n"
_ROTATED = (5, 6, 7, 8)  # EXIF orientations that swap width and height


class Unreadable(Exception):
    """What is wrong with one picture, in a few words."""


@dataclass(frozen=True)
class Header:
    """What a picture says of itself before it is decoded."""

    height: int
    width: int
    channels: int  # 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA
    bits: int  # 8 or 16
    form: str  # PNG, JPEG …
    frames: bool = False  # more than one: only the first is read
    reduced: bool = False  # 16-bit colour in a layout that is read at 8 bits

    @property
    def lost(self) -> str:
        """What is not read of it; "" where all is."""
        what = "16-bit colour in a layout that is read at 8 bits" if self.reduced else ""
        return "more than one frame" if self.frames else what


def header(data: bytes) -> Header:
    """Size, channels and depth of an encoded picture. Raises Unreadable."""
    try:
        with _opened(data) as im:
            width, height = im.size
            # a PNG's EXIF may stand behind its pixels: don't decode for it
            if im.format != "TIFF" and ("exif" in im.info or im.format != "PNG") and _orientation(im) in _ROTATED:
                width, height = height, width
            deep = _raw(im) if im.mode in ("RGB", "RGBA") else ""
            bits = 16 if im.mode.startswith("I") or _exact(deep) or deep == "LA;16B" else 8
            channels = 2 if deep == "LA;16B" else _channels(im)
            frames = im.format in ("GIF", "WEBP", "PNG", "TIFF") and bool(getattr(im, "is_animated", False))
            form = "JPEG" if im.format == "MPO" else str(im.format)
            return Header(height, width, channels, bits, form, frames, ";16" in deep and bits == 8)
    except Unreadable:
        raise
    except Exception as error:  # a hostile file makes Pillow's readers raise anything
        raise Unreadable(_reason(error)) from error


def pixels(data: bytes, least: int = 0) -> np.ndarray:
    """The first frame of an encoded picture, upright: (H, W, C) uint8 or uint16, in the file's own channels and depth.
    With `least`, a JPEG may be reduced by its decoder as long as both sides keep that many pixels. Raises
    Unreadable."""
    try:
        with _opened(data) as im:
            if least and im.format in ("JPEG", "MPO"):
                im.draft(None, (least, least))
            deep = _raw(im) if im.mode in ("RGB", "RGBA") else ""
            if deep == "LA;16B":
                return _grey_alpha_16(data)
            if _exact(deep):
                return _colour_16(im, data, deep)
            return _array(_upright(im))
    except Unreadable:
        raise
    except Exception as error:
        raise Unreadable(_reason(error)) from error


def load(data: bytes, size: tuple[int, int], fit: str, channels: int, bits: int) -> np.ndarray:
    """An encoded picture at the size (H, W), channels and depth wanted. Raises Unreadable."""
    return as_depth(as_channels(fitted(pixels(data, least=3 * max(size)), size, fit), channels), bits)


# ------------------------------------------------------------------------------------------------------------- reading


def _opened(data: bytes) -> Image.Image:
    if not data:
        raise Unreadable("not an image (0 bytes)")
    if data[:8] == _PNG and len(data) >= 24:  # before Pillow warns of it in its own words
        _sane(*struct.unpack(">II", data[16:24]))
    try:
        im = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        begun = data[:8] == _PNG or data[:3] == b"\xff\xd8\xff"
        what = "a broken image" if begun else f"not an image ({len(data):,} bytes of something else)"
        raise Unreadable(what) from error
    _sane(*im.size)
    if im.mode not in _CHANNELS:
        im.close()
        raise Unreadable(f"pixels of the form {im.mode} are not read: save it with 8 or 16 bits a channel")
    return im


def _sane(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise Unreadable(f"too large ({width:,} x {height:,} pixels; at most {MAX_PIXELS:,} are decoded)")
    if not width or not height:
        raise Unreadable(f"a broken image ({width} x {height} pixels)")


def _reason(error: Exception) -> str:
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError)):
        return f"too large (at most {MAX_PIXELS:,} pixels are decoded)"
    if isinstance(error, PermissionError):
        return "can't be read (permission denied)"
    text = str(error).strip().splitlines()
    first = text[0][:120] if text else type(error).__name__
    return "a broken image (truncated)" if "truncated" in first.lower() else f"a broken image ({first})"


def _orientation(im: Image.Image) -> int:
    return int(im.getexif().get(0x0112, 1) or 1) if im.format not in ("GIF", "BMP", "DIB") else 1


def _upright(im: Image.Image) -> Image.Image:
    im.load()
    told = any("xif" in str(key) or "xmp" in str(key) for key in im.info)  # a PNG is searched anew otherwise
    if im.format not in ("GIF", "BMP", "DIB") and (im.format != "PNG" or told):
        ImageOps.exif_transpose(im, in_place=True)
    return im


def _channels(im: Image.Image) -> int:
    own = 1 if im.mode == "P" and _grey_palette(im) else _CHANNELS[im.mode]
    return own + 1 if own in (1, 3) and "transparency" in im.info else own


def _grey_palette(im: Image.Image) -> bool:
    """Are all colours of the palette grey? (GIF has no other way to be.)"""
    if im.palette is None:
        return False
    order, data = im.palette.getdata()
    entry = len(order.split(";")[0])  # RGB, BGRX, RGBA
    colours = np.frombuffer(bytes(data[: len(data) // entry * entry]), np.uint8).reshape(-1, entry)[:, :3]
    return bool((colours == colours[:, :1]).all())


def _array(im: Image.Image) -> np.ndarray:
    """(H, W, C) of a decoded picture of any of the modes above."""
    if im.mode.startswith("I"):
        grey = np.asarray(im)
        if im.mode == "I" and (grey.min() < 0 or grey.max() > 65535):
            raise Unreadable("32-bit pixels are not read: save it with 8 or 16 bits a channel")
        return _keyed(grey.astype(np.uint16)[..., None], im.info.get("transparency"))
    mode = _MODES[_channels(im)]
    array = np.asarray(im if im.mode == mode else im.convert(mode))
    return array if array.ndim == 3 else array[..., None]


def _raw(im: Image.Image) -> str:
    """How Pillow unpacks the pixels; "" where it is not one plain tile (or the pixels are there already)."""
    tiles = getattr(im, "tile", [])
    args = tiles[0][3] if tiles else ""
    first = args if isinstance(args, str) else args[0] if isinstance(args, tuple) and args else ""
    return first if isinstance(first, str) else ""


def _exact(raw: str) -> bool:
    return raw in {f"{mode};16{order}" for mode in ("RGB", "RGBA") for order in "BLN"}


def _colour_16(im: Image.Image, data: bytes, raw: str) -> np.ndarray:
    """16-bit RGB(A), which Pillow keeps 8 bits of: unpacked twice, once as if big-endian (the first byte of each number
    is kept) and once as if little-endian (the second)."""
    mode, order = raw.split(";16")
    first, second = (_unpacked(data, f"{mode};16{o}") for o in "BL")
    big = order == "B" or (order == "N" and sys.byteorder == "big")
    high, low = (first, second) if big else (second, first)
    return _keyed((high.astype(np.uint16) << 8) | low, im.info.get("transparency"))


def _unpacked(data: bytes, raw: str) -> np.ndarray:
    with _opened(data) as im:
        tile_of = getattr(ImageFile, "_Tile", lambda *entries: entries)  # a plain tuple in older Pillows
        tiles = getattr(im, "tile", [])
        args = [raw if isinstance(tile[3], str) else (raw, *tile[3][1:]) for tile in tiles]
        im.tile = [tile_of(*tile[:3], a) for tile, a in zip(tiles, args)]  # type: ignore[attr-defined]
        return np.asarray(_upright(im))


def _keyed(array: np.ndarray, key: object) -> np.ndarray:
    """A colour that stands for transparent, made an alpha channel."""
    if not isinstance(key, (int, tuple)):
        return array
    alpha = np.where((array == np.array(key, dtype=np.int64)).all(-1, keepdims=True), 0, 65535)
    return np.concatenate([array, alpha.astype(np.uint16)], axis=-1)


def _grey_alpha_16(data: bytes) -> np.ndarray:
    """A 16-bit grey and alpha PNG has the same bytes as an 8-bit RGBA one: read as that."""
    if data[12:16] != b"IHDR":
        raise Unreadable("a broken image (its header is not in front)")
    head = b"IHDR" + data[16:24] + b"\x08\x06" + data[26:29]
    disguised = data[:12] + head + struct.pack(">I", zlib.crc32(head)) + data[33:]
    with Image.open(io.BytesIO(disguised), formats=("PNG",)) as im:
        four = np.asarray(_upright(im)).astype(np.uint16)
    return (four[..., 0::2] << 8) | four[..., 1::2]


# ------------------------------------------------------------------------------------------------------------ changing


def fitted(array: np.ndarray, size: tuple[int, int], fit: str) -> np.ndarray:
    """A picture (H, W, C) at another size. crop: the middle part of the wanted aspect, as large as it goes; pad: the
    whole, centred on black (transparent, with alpha); stretch: the whole, its aspect changed."""
    height, width = array.shape[:2]
    if (height, width) == size:
        return array
    if fit == "stretch":
        return _scaled(array, size, (0, 0, width, height))
    if fit == "crop":
        scale = max(size[0] / height, size[1] / width)
        tall, wide = min(height, size[0] / scale), min(width, size[1] / scale)
        left, top = (width - wide) / 2, (height - tall) / 2
        return _scaled(array, size, (left, top, left + wide, top + tall))
    scale = min(size[0] / height, size[1] / width)
    inner = (min(size[0], max(1, round(height * scale))), min(size[1], max(1, round(width * scale))))
    whole = array if inner == (height, width) else _scaled(array, inner, (0, 0, width, height))
    page = np.zeros((*size, array.shape[2]), array.dtype)
    top, left = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    page[top : top + inner[0], left : left + inner[1]] = whole
    return page


def _scaled(array: np.ndarray, size: tuple[int, int], box: tuple[float, float, float, float]) -> np.ndarray:
    box = (box[0], box[1], min(box[2], array.shape[1]), min(box[3], array.shape[0]))

    def resized(im: Image.Image) -> np.ndarray:
        return np.asarray(im.resize((size[1], size[0]), Image.Resampling.LANCZOS, box))

    if array.dtype == np.uint8:
        out = resized(Image.fromarray(np.ascontiguousarray(array[..., 0] if array.shape[2] == 1 else array)))
        return out if out.ndim == 3 else out[..., None]
    planes = array.astype(np.float32)
    alpha = array.shape[2] in (2, 4)
    if alpha:
        planes[..., :-1] *= planes[..., -1:] / 65535
    split = [Image.fromarray(np.ascontiguousarray(planes[..., c])) for c in range(array.shape[2])]
    out = np.stack([resized(plane) for plane in split], axis=-1)
    if alpha:
        out[..., :-1] /= np.maximum(out[..., -1:], 1) / 65535
    whole: np.ndarray = np.clip(np.rint(out), 0, 65535).astype(np.uint16)
    return whole


def as_channels(array: np.ndarray, channels: int) -> np.ndarray:
    """Another number of channels: grey is repeated, missing alpha is opaque, alpha too many is laid on black, and
    colour becomes grey by 0.299 R + 0.587 G + 0.114 B."""
    have = array.shape[2]
    if have == channels:
        return array
    top = np.iinfo(array.dtype).max
    colour, alpha = (array[..., :-1], array[..., -1:]) if have in (2, 4) else (array, None)
    if alpha is not None and channels in (1, 3):
        colour = np.rint(colour * (alpha / top)).astype(array.dtype)
    if channels <= 2 and colour.shape[2] == 3:
        colour = np.rint(colour @ np.array([0.299, 0.587, 0.114]))[..., None].astype(array.dtype)
    elif channels >= 3 and colour.shape[2] == 1:
        colour = np.repeat(colour, 3, axis=2)
    if channels in (1, 3):
        return colour
    return np.concatenate([colour, np.full_like(array[..., :1], top) if alpha is None else alpha], axis=2)


def as_depth(array: np.ndarray, bits: int) -> np.ndarray:
    """8 -> 16 bits by x 257, exactly; 16 -> 8 by / 257, rounded."""
    if bits == 8 * array.itemsize:
        return array
    return array.astype(np.uint16) * 257 if bits == 16 else np.rint(array / 257).astype(np.uint8)
