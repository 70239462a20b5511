"""What the measures of music share: each set's pieces. All of it is computed when it is first read."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from reverie.kinds.music.piece import Piece
from reverie.metrics import Rows, Sets, blocks

from .score import runs

OF_DATA = ("real", "train", "untrained", "bank", "known")  # what hangs on no sample
RUN = 8  # chords in a row: what is so long and the same is hardly so by chance


def flat(rows: Rows | None) -> list[Piece]:
    return [] if rows is None else [piece for part in blocks(rows) for piece in part]


class Seen:
    def __init__(self, sets: Sets):
        self.sets = sets

    @cached_property
    def real(self) -> list[Piece]:
        return flat(self.sets.real)

    @cached_property
    def fake(self) -> list[Piece]:
        return flat(self.sets.fake)

    @cached_property
    def train(self) -> list[Piece]:
        return flat(self.sets.train)

    @cached_property
    def untrained(self) -> list[Piece]:
        """Empty where there are none."""
        return flat(self.sets.untrained)

    @cached_property
    def bank(self) -> list[Piece]:
        """All training pieces."""
        return self.train if self.sets.bank is None else flat(self.sets.bank)

    @cached_property
    def known(self) -> set[object]:
        """Every run of chords that stands in the training pieces, in whatever key."""
        return known(self.bank, RUN)


def known(pieces: Iterable[Piece], length: int) -> set[object]:
    return {run for piece in pieces for run in runs(piece, length)}
