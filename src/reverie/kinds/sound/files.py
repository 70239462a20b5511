"""Files of sounds: where they lie, what each holds, and its samples."""

from __future__ import annotations

import hashlib
import io
import os
import threading
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from reverie.errors import Problem
from reverie.kinds.image.places import is_junk, walk

from .codec import bits

SUFFIXES = (".wav", ".flac", ".ogg")
MOST_BYTES = 1 << 30  # of one file
MOST_SAMPLES = 1 << 28  # of one file, over its channels
_LOOKED_AT = 2000  # files, to say what a folder is
_STREAMED = 0x7FFF0000  # a .wav whose size was not known when it was begun says one from there up
_SIXTEEN = ("PCM_16", "PCM_U8", "PCM_S8", "VORBIS", "OPUS", "ULAW", "ALAW")  # that 16 bits hold


class Unreadable(Exception):
    """What is wrong with one sound, in a few words."""


class About(NamedTuple):
    """What one file holds."""

    rate: int
    channels: int
    frames: int
    rounded: bool  # more than 16 bits
    loudest: float
    digest: str  # of the file's bytes


@dataclass
class Listing:
    """The sounds at a place, in the order of their names."""

    names: list[str]  # below the folder, with "/"
    read: Callable[[int], bytes]  # of any thread; raises Unreadable or OSError
    lost: list[tuple[str, str]] = field(default_factory=list)  # name and trouble of what could not even be listed
    others: int = 0  # files that are no sounds by their names


def is_sound(name: str) -> bool:
    return name.lower().endswith(SUFFIXES) and not is_junk(name)


def mostly_sounds(path: Path) -> bool:
    if path.is_dir():
        names = [file.name for _, file in zip(range(_LOOKED_AT), walk(path))]
    elif is_sound(path.name):
        return path.is_file()
    else:
        try:
            with zipfile.ZipFile(path) as archive:
                names = [n for n in archive.namelist() if not n.endswith("/")][:_LOOKED_AT]
        except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError):
            return False
    names = [name for name in names if not is_junk(name)]
    sounds = sum(map(is_sound, names))
    return sounds > 0 and 2 * sounds >= len(names)


def listed(where: str) -> Listing:
    """A folder, a zip (nothing is unpacked onto the disk) or one file. Raises Problem where there are no sounds."""
    path = Path(where)
    if path.is_dir():
        listing = _folder(path)
    elif is_sound(path.name):
        listing = Listing([path.name], lambda i: _bytes(path))
    elif path.is_file() and zipfile.is_zipfile(path):
        listing = _zip(path)
    else:
        raise Problem(f"{where}: no sounds as reverie reads them. Give .wav, .flac or .ogg files, or a zip of them.")
    if not listing.names and not listing.lost:
        raise Problem(f"{where}: no sounds in it. Put .wav, .flac or .ogg files there.")
    return listing


def _folder(path: Path) -> Listing:
    tree = sorted(walk(path), key=lambda file: file.name)
    fine = [file.name for file in tree if is_sound(file.name) and not file.trouble]
    lost = [(f.name, f.trouble) for f in tree if f.trouble and (is_sound(f.name) or f.trouble.startswith("a folder"))]
    others = sum(not is_junk(file.name) for file in tree) - len(fine) - len(lost)
    return Listing(fine, lambda i: _bytes(path / fine[i]), lost, others)


def _bytes(path: Path) -> bytes:
    if os.path.getsize(path) > MOST_BYTES:
        raise Unreadable(f"too large (at most {MOST_BYTES:,} bytes)")
    return path.read_bytes()


def _zip(path: Path) -> Listing:
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise Problem(f"{path}: a broken zip ({error}). Copy or download it again.") from None
    members = [info for info in archive.infolist() if not info.is_dir() and not is_junk(info.filename)]
    sounds = sorted((info for info in members if is_sound(info.filename)), key=lambda info: info.filename)
    lock = threading.Lock()

    def read(i: int) -> bytes:
        if sounds[i].file_size > MOST_BYTES:
            raise Unreadable(f"too large (at most {MOST_BYTES:,} bytes)")
        try:
            with lock:
                return archive.read(sounds[i])
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
            raise Unreadable(f"can't be unpacked ({error})") from error

    return Listing([info.filename for info in sounds], read, others=len(members) - len(sounds))


def looked(data: bytes) -> About:
    """What a file's bytes hold, all of it decoded once. Raises Unreadable."""
    with _opened(data) as file:
        samples = _samples(file)
        rounded = file.subtype not in _SIXTEEN
        digest = hashlib.blake2b(data, digest_size=16).hexdigest()
        loudest = float(np.abs(samples).max())
        return About(file.samplerate, file.channels, len(samples), rounded, loudest, digest)


def mono(data: bytes, rate: int, most: int = 0) -> np.ndarray:
    """A file's bytes as int16 (n,) at that rate: channels averaged, resampled where the rate is another
    (scipy.signal.resample_poly: a Kaiser-windowed filter), cut at `most` samples. Exact for 16 bits, one channel and
    the same rate. Raises Unreadable."""
    from scipy.signal import resample_poly

    with _opened(data) as file:
        own = file.samplerate
        samples = _samples(file).mean(1)
    if own != rate:
        if most:  # a second more than is kept, for the filter
            samples = samples[: int((most / rate + 1) * own)]
        divisor = int(np.gcd(own, rate))
        samples = resample_poly(samples, rate // divisor, own // divisor)
    return bits(samples[:most] if most else samples)


def _opened(data: bytes) -> Any:
    import soundfile

    if not data:
        raise Unreadable("empty (0 bytes)")
    said = int.from_bytes(data[4:8], "little") + 8
    if data[:4] == b"RIFF" and len(data) < said < _STREAMED:
        raise Unreadable(f"cut short ({len(data):,} of {said:,} bytes)")
    try:
        file = soundfile.SoundFile(io.BytesIO(data))
    except (soundfile.SoundFileError, RuntimeError, ValueError, TypeError):
        raise Unreadable("not a sound, whatever its name says") from None
    if file.frames < 1:
        raise Unreadable("0 seconds long")
    if file.frames * file.channels > MOST_SAMPLES:
        raise Unreadable(f"too long ({file.frames:,} samples)")
    return file


def _samples(file: Any) -> np.ndarray:
    """(n, channels) float64."""
    try:
        samples = np.asarray(file.read(dtype="float64", always_2d=True))
    except RuntimeError as error:  # of libsndfile, all of whose errors are one
        raise Unreadable(f"broken ({str(error).removeprefix('Error : ')})") from None
    if len(samples) < file.frames:
        raise Unreadable(f"cut short ({len(samples):,} of {file.frames:,} samples)")
    if not np.isfinite(samples).all():
        raise Unreadable("holds numbers that are not finite (NaN or infinite)")
    return samples
