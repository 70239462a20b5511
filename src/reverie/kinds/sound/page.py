"""Sounds as files: one .wav each, or many on one page, as spectrograms."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from reverie.errors import Problem
from reverie.kinds.writing import write

from .codec import bits

RATE = 16_000  # samples a second, where nobody says another
ITEMS = 64  # sounds on a page
WINDOW = 256  # samples of a spectrogram's window; half of them are its height
WIDE, HIGH, GAP = 160, 128, 4  # pixels of a spectrogram, and between two
RANGE = 80.0  # dB below the loudest that are still told from black


def save(raw: Sequence[np.ndarray], folder: Path, first: int = 0, rate: int = RATE) -> list[Path]:
    """Sounds (n,) of floats in [-1, 1] as sample-000000.wav and on, mono, 16 bits. Raises NoRoom."""
    import soundfile

    files = [Path(folder) / f"sample-{first + i:06d}.wav" for i in range(len(raw))]
    for file, sound in zip(files, raw):
        held = io.BytesIO()
        soundfile.write(held, bits(sound), rate, format="WAV", subtype="PCM_16")
        write(file, held.getvalue())
    return files


def show(raw: Sequence[np.ndarray], file: Path) -> None:
    """Up to 64 spectrograms on one page, a PNG: time to the right, frequency upwards, light is loud; each in its own
    scale, 80 dB deep. Raises NoRoom."""
    from PIL import Image

    if not len(raw):
        raise Problem("0 sounds: nothing to show. Ask for at least 1.")
    shown = raw[:ITEMS]
    columns = max(1, round(len(shown) ** 0.5))
    rows = -(-len(shown) // columns)
    page = Image.new("L", (columns * (WIDE + GAP) + GAP, rows * (HIGH + GAP) + GAP), 255)
    for i, sound in enumerate(shown):
        picture = Image.fromarray(spectrogram(sound)).resize((WIDE, HIGH), Image.Resampling.BILINEAR)
        page.paste(picture, (GAP + i % columns * (WIDE + GAP), GAP + i // columns * (HIGH + GAP)))
    held = io.BytesIO()
    page.save(held, "PNG")
    write(Path(file), held.getvalue())


def spectrogram(sound: np.ndarray) -> np.ndarray:
    """(n,) -> (128, frames) uint8, the highest frequency first. Silence is black."""
    padded = np.pad(np.asarray(sound, np.float64), (0, max(0, WINDOW - len(sound))))
    count = 1 + (len(padded) - WINDOW) // (WINDOW // 2)
    starts = np.unique(np.linspace(0, len(padded) - WINDOW, min(count, 4 * WIDE)).astype(int))
    frames = padded[starts[:, None] + np.arange(WINDOW)] * np.hanning(WINDOW)
    power = np.abs(np.fft.rfft(frames, axis=1)[:, 1:]) ** 2
    loudest = power.max()
    if loudest == 0:
        return np.zeros((WINDOW // 2, len(starts)), np.uint8)
    decibels = 10 * np.log10(np.maximum(power / loudest, 10 ** (-RANGE / 10)))
    return np.ascontiguousarray(np.rint(255 * (1 + decibels / RANGE)).astype(np.uint8).T[::-1])
