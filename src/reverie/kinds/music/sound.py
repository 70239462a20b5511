"""Pieces as sound: by fluidsynth where it and a soundfont are there, else by a plain synthesiser."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from reverie.errors import Problem
from reverie.kinds.writing import write

from .midi import written
from .piece import DRUMS, Note, Piece

RATE = 44_100  # samples a second of the plain synthesiser
PARTIALS = 12  # of a note, at most: fewer where they would lie beyond half the rate
ATTACK, RELEASE = 0.01, 0.12  # seconds in which a note comes and goes
FADE = 1.2  # seconds in which a held note falls to a third
LOUDEST = 0.9  # of what a file can hold
LASTS = 30 * 60  # seconds at most
FONTS = ("/usr/share/sounds/sf2", "/usr/share/sounds/sf3", "/usr/share/soundfonts", "/usr/local/share/soundfonts")


def play(raw: Sequence[Piece], files: Sequence[Path]) -> list[Path]:
    """A .wav beside each piece's file. Raises Problem for a piece that is too long, NoRoom."""
    made = []
    for piece, file in zip(raw, files):
        made.append(file.with_suffix(".wav"))
        write(made[-1], lambda part, piece=piece: _fill(part, piece))  # type: ignore[misc]
    return made


def _fill(file: Path, piece: Piece) -> None:
    import soundfile

    font, program = soundfont(), shutil.which("fluidsynth")
    if font and program and _by_fluidsynth(file, piece, program, font):
        return
    held = io.BytesIO()  # its own writing to a disk that is full raises no OSError
    soundfile.write(held, sound(piece), RATE, format="WAV", subtype="PCM_16")
    file.write_bytes(held.getvalue())


def soundfont() -> Path | None:
    """The file that SOUNDFONT names, else the first that systems keep. Raises Problem where SOUNDFONT is no file."""
    named = os.environ.get("SOUNDFONT")
    if named:
        if not Path(named).is_file():
            raise Problem(f"SOUNDFONT={named}: no such file. Name a .sf2 or .sf3, or unset it")
        return Path(named)
    found = (file for place in FONTS for file in sorted(Path(place).glob("*.sf[23]")))
    return next(found, None)


def _by_fluidsynth(file: Path, piece: Piece, program: str, font: Path) -> bool:
    """Did it write a sound?"""
    with tempfile.TemporaryDirectory() as folder:
        tune, made = Path(folder) / "piece.mid", Path(folder) / "piece.wav"
        tune.write_bytes(written(piece))
        order = [program, "-ni", "-q", "-r", str(RATE), "-F", str(made), str(font), str(tune)]
        done = subprocess.run(order, capture_output=True, check=False)
        if done.returncode or not made.is_file():
            return False
        shutil.copyfile(made, file)
        return True


def sound(piece: Piece, rate: int = RATE) -> np.ndarray:
    """(samples,) float32 in [-1, 1]: each note a sum of partials that fall off as those of a saw do, each weaker the
    longer it is held. Raises Problem for a piece that is too long."""
    step = 60 / piece.tempo / piece.beat  # seconds
    seconds = piece.steps * step + RELEASE
    if seconds > LASTS:
        raise Problem(
            f"{piece.name or 'a piece'}: {seconds / 60:,.0f} minutes, and sound is made of 30 at most. Cut it"
        )
    whole = np.zeros(round(seconds * rate) + 1)
    for note in piece.notes:
        own = struck(note, rate) if note.program == DRUMS else tone(note, note.length * step, rate)
        begin = round(note.start * step * rate)
        own = own[: len(whole) - begin]
        whole[begin : begin + len(own)] += own * (note.velocity / 127) ** 1.5
    whole *= LOUDEST / max(1e-9, float(np.abs(whole).max()))
    return whole.astype(np.float32)


def tone(note: Note, seconds: float, rate: int) -> np.ndarray:
    """A note of a pitch, with its release."""
    time = np.arange(round((seconds + RELEASE) * rate)) / rate
    frequency = 440 * 2 ** ((note.pitch - 69) / 12)
    count = min(PARTIALS, int(rate / 2 / frequency * 0.9))
    wave = np.zeros_like(time)
    for k in range(1, max(count, 1) + 1):
        wave += np.sin(2 * np.pi * k * frequency * time) * np.exp(-time * (k - 1) / FADE) / k**1.5
    wave *= np.minimum(1, time / ATTACK) * np.exp(-time / FADE)
    wave *= np.clip((seconds + RELEASE - time) / RELEASE, 0, 1)
    return wave


def struck(note: Note, rate: int) -> np.ndarray:
    """A drum: a low one for the bass drums, else noise, the shorter the higher its number."""
    import torch

    low = note.pitch in (35, 36)
    time = np.arange(round((0.25 if low else 0.15) * rate)) / rate
    if low:
        return np.asarray(2 * np.sin(2 * np.pi * (50 * time + 3 * (1 - np.exp(-time * 30)))) * np.exp(-time * 15))
    noise = torch.rand(len(time), generator=torch.Generator().manual_seed(note.pitch), dtype=torch.float64).numpy()
    return np.asarray((2 * noise - 1) * np.exp(-time * (10 + note.pitch / 2)) * np.minimum(1, time / 0.001))
