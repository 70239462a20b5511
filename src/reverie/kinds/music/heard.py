"""Music as files have it, in time of any fineness, and onto a grid of steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .piece import Note, Piece, voiced

GRIDS = (1, 2, 4, 6, 8, 12, 24)  # steps a quarter note
EXACT = 0.99  # share of notes that a grid must meet
LONGEST = 20_000  # quarter notes: almost three hours at 120 a minute
FASTEST = 6e7  # quarter notes a minute: the most that a MIDI file can say


class Bad(Exception):
    """What is wrong with a file, and the cure, as two sentences without their last stop."""


class Sound(NamedTuple):
    """A note in quarter notes."""

    start: float
    length: float
    pitch: int
    velocity: int = 80
    program: int = 0


class Heard(NamedTuple):
    """What one file, or one of its tunes, has."""

    sounds: tuple[Sound, ...]
    tempo: float = 120.0
    bar: float = 0.0  # quarter notes; 0: nobody says
    name: str = ""
    tick: float = 0.0  # the file's own unit of time, in quarter notes: what rounding moves no further than
    left_out: tuple[tuple[str, int], ...] = ()  # what reverie keeps nothing of, and how often it stands there
    beat: int = 0  # steps a quarter note that the file itself states


def checked(heard: Heard) -> Heard:
    """Raises Bad for a piece without notes or without end, and for what no music has: a score may say anything."""
    if not heard.sounds:
        raise Bad("no notes in it. Remove it")
    if wrong := [sound for sound in heard.sounds if not (sound.start >= 0 and sound.length > 0)]:
        start, length = wrong[0][:2]
        raise Bad(f"a note of {length:.3g} quarter notes at {start:.3g}. Mend it in a score editor, or remove it")
    end = max(sound.start + sound.length for sound in heard.sounds)
    if end > LONGEST:
        said = f"{end:,.0f}" if end < 1e9 else f"{end:.3g}"
        raise Bad(f"lasts {said} quarter notes, more than {LONGEST:,}. Cut it into pieces")
    if not 0 < heard.tempo <= FASTEST:
        raise Bad(f"a tempo of {heard.tempo:.3g} quarter notes a minute. Mend it in a score editor, or remove it")
    return heard


def on_grid(heard: Heard, beat: int) -> list[bool]:
    """Of each onset, whether it lies on a step, up to what a file's own unit of time rounds away."""
    near = beat * max(heard.tick / 2, 1e-4)
    return [abs(sound.start * beat - round(sound.start * beat)) <= near for sound in heard.sounds]


def finest(pieces: Sequence[Heard]) -> tuple[int, float]:
    """The coarsest grid that meets EXACT of all onsets, and the share that it meets; where none does (a performance,
    nobody keeps time so), 12 steps a quarter."""
    if pieces and all(heard.beat for heard in pieces):  # frames, which have no other time
        return max(heard.beat for heard in pieces), 1.0
    for beat in GRIDS:
        found = [one for heard in pieces for one in on_grid(heard, beat)]
        if sum(found) >= EXACT * len(found):
            return beat, sum(found) / max(1, len(found))
    found = [one for heard in pieces for one in on_grid(heard, 12)]
    return 12, sum(found) / max(1, len(found))


def gridded(heard: Heard, beat: int) -> Piece:
    """Each note at the nearest step, at least a step long."""
    notes = []
    for sound in heard.sounds:
        start, end = round(sound.start * beat), round((sound.start + sound.length) * beat)
        notes.append(Note(start, max(1, end - start), sound.pitch, 0, sound.velocity, sound.program))
    bar = heard.bar * beat
    whole = round(bar) if bar and abs(bar - round(bar)) < 1e-6 else 0
    return Piece(voiced(notes), beat, heard.name, heard.tempo, whole)


def counted(found: Iterable[tuple[str, int]]) -> Counter[str]:
    """In how many pieces something was left out, by what it is."""
    return Counter(what for what, times in found if times)
