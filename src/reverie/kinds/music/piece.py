"""A piece of music as reverie keeps it: notes on a grid of steps."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

DRUMS = 128  # in place of an instrument


class Note(NamedTuple):
    start: int  # steps from the piece's beginning
    length: int  # steps, at least 1
    pitch: int  # MIDI: 60 is middle C
    voice: int = 0  # of several that go along, 0 the highest
    velocity: int = 80  # how hard it is struck, 1 to 127
    program: int = 0  # General MIDI's instrument, 0 to 127; 128: drums


class Piece(NamedTuple):
    notes: tuple[Note, ...]  # by start, then voice, then from high to low
    beat: int  # steps a quarter note
    name: str = ""
    tempo: float = 120.0  # quarter notes a minute
    bar: int = 0  # steps a bar; 0: nobody says

    @property
    def steps(self) -> int:
        """How long it is."""
        return max((note.start + note.length for note in self.notes), default=0)

    @property
    def measure(self) -> int:
        """Steps a bar: four quarters where nobody says."""
        return self.bar or 4 * self.beat

    def frames(self) -> list[tuple[int, ...]]:
        """The pitches that sound at each step, the highest first, each once."""
        sounding: list[set[int]] = [set() for _ in range(self.steps)]
        for note in self.notes:
            for step in range(note.start, note.start + note.length):
                sounding[step].add(note.pitch)
        return [tuple(sorted(pitches, reverse=True)) for pitches in sounding]


def ordered(notes: Iterable[Note]) -> tuple[Note, ...]:
    """By start, then voice, then from high to low."""
    return tuple(sorted(notes, key=lambda note: (note.start, note.voice, -note.pitch, note.program, note.length)))


def voiced(notes: Iterable[Note]) -> tuple[Note, ...]:
    """Each note's voice is its rank among what sounds where it starts, 0 the highest: of music that says none."""
    waiting = sorted(notes, key=lambda note: note.start)
    found, sounding = list[Note](), list[Note]()
    for start, group in groupby(waiting, lambda note: note.start):
        new = list(group)
        sounding = [note for note in sounding if note.start + note.length > start] + new
        ranks = sorted({note.pitch for note in sounding}, reverse=True)
        found += [note._replace(voice=ranks.index(note.pitch)) for note in new]
    return ordered(found)
