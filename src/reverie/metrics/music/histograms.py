"""Histograms of what pieces are made of, and how far two of them are apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from itertools import chain
from math import fsum, log2

from reverie.kinds.music.piece import Piece

from .score import chords, moves, runs, shape

OCTAVE = 12  # semitones beyond which a melodic step is only "far"
Parts = Callable[[Piece], list[Hashable]]


def pitch_classes(piece: Piece) -> list[Hashable]:
    """0 is C, of each note once, however long."""
    return [note.pitch % 12 for note in piece.notes]


def intervals(piece: Piece) -> list[Hashable]:
    """Melodic steps in semitones; those of more than an octave are one kind each way."""
    return [max(-OCTAVE - 1, min(OCTAVE + 1, step)) for step in moves(piece)]


def lengths(piece: Piece) -> list[Hashable]:
    """Of notes, in quarters."""
    return [note.length / piece.beat for note in piece.notes]


def shapes(piece: Piece) -> list[Hashable]:
    """Kinds of chords, rests left out."""
    return [shape(chord) for chord in chords(piece) if chord]


def progressions(piece: Piece) -> list[Hashable]:
    """Two chords in a row, in whatever key."""
    return list(runs(piece, 2))


def divergence(one: Sequence[Hashable], two: Sequence[Hashable]) -> float:
    """Jensen-Shannon divergence of two histograms in bits, in [0, 1]. Lin 1991. Biased upwards for few counts: compare
    at equal numbers of them. 1 where one side has none, 0 where neither has any."""
    if not one or not two:
        return float(bool(one) != bool(two))
    p, q = Counter(one), Counter(two)
    shares = [(p[part] / p.total(), q[part] / q.total()) for part in p.keys() | q.keys()]
    total = fsum(x * log2(2 * x / (a + b)) / 2 for a, b in shares for x in (a, b) if x)
    return min(1.0, max(0.0, total))


def counted(pieces: Sequence[Piece], parts: Parts, most: int | None = None) -> list[Hashable]:
    """The parts of pieces, in order; the first `most` of them."""
    return list(chain.from_iterable(map(parts, pieces)))[:most]


def apart(fake: Sequence[Piece], real: Sequence[Piece], parts: Parts) -> float:
    """Divergence at equal numbers of parts."""
    one, two = counted(fake, parts), counted(real, parts)
    least = min(len(one), len(two)) or None
    return divergence(one[:least], two[:least])
