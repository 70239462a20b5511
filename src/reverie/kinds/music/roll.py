"""Pieces as piano rolls: time to the right, pitch upwards, a colour a voice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .piece import Piece

TALL = 4  # pixels a semitone
QUARTER = 8  # pixels a quarter note, where its steps are fewer
GAP = 10  # pixels between rolls
LONGEST = 64  # quarter notes shown of a piece
ACROSS = 1800  # pixels of a page, about
PAPER, BLACK_KEYS, OCTAVE, BAR = (255, 255, 255), (244, 244, 246), (216, 216, 222), (190, 190, 198)
VOICES = (  # told apart by most eyes (Wong 2011, Nature Methods 8: 441)
    (213, 94, 0), (0, 114, 178), (0, 158, 115), (204, 121, 167),
    (230, 159, 0), (86, 180, 233), (110, 110, 110), (60, 60, 0),
)  # fmt: skip


def roll(piece: Piece, low: int, high: int, quarters: int) -> np.ndarray:
    """One piece's first quarters between two pitches: (H, W, 3) uint8. Notes have a gap where one is struck again."""
    step = max(1, QUARTER // piece.beat)
    width = quarters * piece.beat * step
    rows = np.repeat(
        [PAPER if pitch % 12 in (0, 2, 4, 5, 7, 9, 11) else BLACK_KEYS for pitch in range(high, low - 1, -1)], TALL, 0
    )
    made = np.repeat(rows[:, None].astype(np.uint8), width, 1)
    for pitch in range(low, high + 1):
        if pitch % 12 == 0:
            made[(high - pitch + 1) * TALL - 1] = OCTAVE
    made[:, :: piece.measure * step] = BAR
    for note in piece.notes:
        top, left = (high - note.pitch) * TALL, note.start * step
        right = min(left + note.length * step - 1, width)
        if left < width and low <= note.pitch <= high:
            made[top : top + TALL, left + 1 : max(right, left + 2)] = VOICES[note.voice % len(VOICES)]
    return made


def page(raw: Sequence[Piece]) -> np.ndarray:
    """Many pieces: (H, W, 3) uint8, all in one scale of pitch, as many columns as fit."""
    pitches = [note.pitch for piece in raw for note in piece.notes] or [60]
    low, high = min(pitches) - 2, max(pitches) + 2
    quarters = max(4, min(LONGEST, max(-(-piece.steps // piece.beat) for piece in raw)))
    rolls = [roll(piece, low, high, quarters) for piece in raw]
    height, width = rolls[0].shape[:2]
    columns = max(1, min(len(rolls), ACROSS // (width + GAP)))
    lines = -(-len(rolls) // columns)
    whole = np.full((lines * (height + GAP) + GAP, columns * (width + GAP) + GAP, 3), 255, np.uint8)
    for k, one in enumerate(rolls):
        top, left = GAP + k // columns * (height + GAP), GAP + k % columns * (width + GAP)
        whole[top : top + height, left : left + one.shape[1]] = one
    return whole
