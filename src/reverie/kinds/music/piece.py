"""A piece of music as reverie keeps it: notes on a grid of steps."""

from __future__ import annotations

from typing import NamedTuple


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

    @property
    def steps(self) -> int:
        """How long it is."""
        return max((note.start + note.length for note in self.notes), default=0)

    def frames(self) -> list[tuple[int, ...]]:
        """The pitches that sound at each step, the highest first, each once."""
        sounding: list[set[int]] = [set() for _ in range(self.steps)]
        for note in self.notes:
            for step in range(note.start, note.start + note.length):
                sounding[step].add(note.pitch)
        return [tuple(sorted(pitches, reverse=True)) for pitches in sounding]
