"""Which codec suits some music, and what its tokens must be able to say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import log2
from statistics import median

import numpy as np

from reverie.errors import Problem
from reverie.kinds import DataOptions

from .events import Events
from .grid import MOST, Grid
from .piece import DRUMS, Piece

FORMS = ("grid", "events")
CUT = 1024  # tokens of an item, where --size says nothing
WORTH = 2.5  # a grid of voices that go along may take that many times the tokens of events: its frames are judged
ALONG = 2  # of which so many sound at once, on average
FEW = 16  # values of which each has a token
LOUDNESS = 16  # velocities that count as one, of more
TEMPI = 24  # steps of an octave of tempo, of more: 3 % each
LONGEST = 16  # quarter notes of a note


def fitted(pieces: Sequence[Piece], train: np.ndarray, options: DataOptions, ties: bool) -> Grid | Events:
    """A grid where it can say the music and is short enough, else events; or what --tokens names. Raises Problem."""
    why = unfit(pieces)
    if options.tokens == "grid" and why:
        raise Problem(f"--tokens grid: {why}. Take --tokens events")
    grid = None if why else of_grid(pieces, [pieces[i] for i in train], ties)
    if options.tokens == "grid" and grid:
        return _long(grid, pieces, options)
    events = of_events(pieces)
    if grid is None or options.tokens == "events":
        return _long(events, pieces, options)
    frames = [frame for piece in pieces for frame in piece.frames()]
    worth = WORTH if sum(map(len, frames)) >= ALONG * len(frames) else 1.0
    if total(grid, pieces) > worth * total(events, pieces):
        return _long(events, pieces, options)
    return _long(grid, pieces, options)


def unfit(pieces: Sequence[Piece]) -> str:
    """Why a grid can't say some music; nothing where it can."""
    if any(note.program == DRUMS for piece in pieces for note in piece.notes):
        return "it has drums"
    several = max(len({note.program for note in piece.notes}) for piece in pieces)
    if several > 1:
        return f"a piece has {several} instruments"
    most = max(max(map(len, piece.frames())) for piece in pieces)
    return f"{most} notes sound at once, more than {MOST}" if most > MOST else ""


def of_grid(pieces: Sequence[Piece], train: Sequence[Piece], ties: bool) -> Grid:
    """Pitches of all pieces, so that a held-out one can be said; what decoded pieces have besides, of the training
    part."""
    pitches = [note.pitch for piece in pieces for note in piece.notes]
    own = [note for piece in train for note in piece.notes]
    return Grid(
        min(pitches), max(pitches), pieces[0].beat, 2, ties,
        bar=commonest([piece.bar for piece in train]), tempo=float(median(piece.tempo for piece in train)),
        program=commonest([note.program for note in own]), velocity=round(median(note.velocity for note in own)),
    )  # fmt: skip


def of_events(pieces: Sequence[Piece]) -> Events:
    """Of all pieces, so that a held-out one can be said: only which values there are, not how often."""
    notes = [note for piece in pieces for note in piece.notes]
    beat = pieces[0].beat
    return Events(
        min(note.pitch for note in notes), max(note.pitch for note in notes), beat, 2,
        min(max(note.length for note in notes), LONGEST * beat),
        tuple(measure for measure, _ in Counter(piece.measure for piece in pieces).most_common()),
        few({round(piece.tempo) for piece in pieces}, lambda t: round(2 ** (round(TEMPI * log2(t)) / TEMPI))),
        tuple(sorted({note.program for note in notes})),
        few({note.velocity for note in notes}, lambda v: v // LOUDNESS * LOUDNESS + LOUDNESS // 2),
    )  # fmt: skip


def few(values: set[int], near: Callable[[int], int]) -> tuple[int, ...]:
    """All values where they are FEW, else those that they are near to."""
    known = {max(1, value) for value in values}
    return tuple(sorted(known if len(known) <= FEW else {near(value) for value in known}))


def commonest(values: Sequence[int]) -> int:
    return Counter(values).most_common(1)[0][0]


def total(codec: Grid | Events, pieces: Sequence[Piece]) -> int:
    return sum(len(codec.tokens(piece)) for piece in pieces)


def _long(codec: Grid | Events, pieces: Sequence[Piece], options: DataOptions) -> Grid | Events:
    """The codec with the length of its items."""
    longest = max(len(codec.tokens(piece)) for piece in pieces) + 1
    return replace(codec, longest=options.size[0] if options.size else min(CUT, longest))


def said(codec: Grid | Events, pieces: Sequence[Piece], options: DataOptions) -> list[str]:
    """What was chosen and why, a line each."""
    mean = total(codec, pieces) / len(pieces)
    if options.tokens in FORMS:
        why = "as asked"
    elif isinstance(codec, Grid):
        why = f"at most {MOST} notes at once, of one instrument; --tokens events for notes one by one"
    else:
        why = unfit(pieces) or "fewer than a grid takes"
    return [
        f"{codec.form}: {codec.vocabulary} tokens ({why})",
        f"{mean:.4g} tokens a piece, {codec.longest:,} at most in an item",
    ]
