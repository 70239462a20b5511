"""Pieces of music with known properties."""

from collections.abc import Iterable, Sequence

import torch

from reverie.kinds.music.piece import Note, Piece


def lines(*voices: Sequence[int], beat: int = 1, length: int = 1) -> Piece:
    """Voices of equally long notes, the first the highest; 0 is a rest."""
    notes = [
        Note(at * length, length, pitch, voice)
        for voice, row in enumerate(voices)
        for at, pitch in enumerate(row)
        if pitch
    ]
    return Piece(tuple(sorted(notes, key=lambda note: (note.start, note.voice))), beat)


def moved(piece: Piece, semitones: int) -> Piece:
    return piece._replace(notes=tuple(note._replace(pitch=note.pitch + semitones) for note in piece.notes))


def walks(count: int, seed: int, steps: Iterable[int] = (-2, -1, 1, 2), size: int = 40) -> list[Piece]:
    """Two voices that walk at random, the higher one by these steps, both turned back at the ends of their range."""
    g = torch.Generator().manual_seed(seed)
    steps = list(steps)
    found = []
    for _ in range(count):
        picks = torch.randint(len(steps), (2, size), generator=g).tolist()
        rows = []
        for low, row in zip((67, 50), picks):
            pitch, made = low + 5, []
            for k in row:
                step = steps[k]
                pitch += step if low <= pitch + step <= low + 12 else -step
                made.append(pitch)
            rows.append(made)
        found.append(lines(*rows))
    return found
