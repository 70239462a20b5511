"""What the measures of music read off a piece: its chords one after the other, their shapes and their voices."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby, pairwise

from reverie.kinds.music.piece import Piece

Chord = tuple[int, ...]  # the pitches that sound together, the highest first; () is a rest


@lru_cache(maxsize=4096)
def chords(piece: Piece) -> tuple[Chord, ...]:
    """What sounds, each time that it changes: a piece's frames without those that only repeat the one before."""
    return tuple(chord for chord, _ in groupby(piece.frames()))


def total(pieces: Sequence[Piece]) -> int:
    """Chords of all pieces."""
    return sum(len(chords(piece)) for piece in pieces)


def shape(chord: Chord) -> tuple[int, ...]:
    """The kind of a chord: how far each pitch class lies above the lowest pitch, each once. (67, 64, 60) is (0, 4,
    7)."""
    return tuple(sorted({(pitch - chord[-1]) % 12 for pitch in chord})) if chord else ()


def runs(piece: Piece, length: int) -> list[tuple[Chord, ...]]:
    """Every run of so many chords, as if it began on the same lowest pitch: a transposed copy is the same run."""
    whole, found = chords(piece), []
    for at in range(len(whole) - length + 1):
        part = whole[at : at + length]
        ground = next((chord[-1] for chord in part if chord), 0)
        found.append(tuple(tuple(pitch - ground for pitch in chord) for chord in part))
    return found


def moves(piece: Piece) -> list[int]:
    """The melodic steps of every voice, in semitones, upwards above 0: between chords of as many pitches, the highest
    of which are one voice, the second highest another. Rests are passed over."""
    sounding = [chord for chord in chords(piece) if chord]
    return [
        b - a
        for before, after in pairwise(sounding)
        if len(before) == len(after)
        for a, b in zip(before, after)
        if a != b
    ]
