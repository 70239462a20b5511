"""Music of few voices whose highest is known before the others are written: what a harmoniser learns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from reverie.errors import Problem
from reverie.kinds.texts import filled
from reverie.spec import Field, Spec

from .grid import END, FIRST, NEXT, START, Grid
from .piece import Piece

if TYPE_CHECKING:
    from torch import Tensor

    from reverie.core import Batch

AHEAD = 4  # steps by which the melody leads


@dataclass(frozen=True)
class Led:
    """Pieces <-> integers, the melody ahead. A piece on a grid is the melody's first `ahead` steps, then of each step
    the melody `ahead` steps later, all pitches of the step from high to low, and NEXT. A step without a pitch has REST
    in the melody, a step beyond the last has OVER. So a model that writes a step's voices has read the melody that is
    to come, always as far ahead, and has written all voices before. The melody's note is said again where it sounds,
    as a network that must remember it from steps ago learns several times as slowly; so a piece is one row, and its
    nats are no less than those of its steps.

    Rows inside are the grid's: they get this order last (`dressed`), so that they are cut and moved as the grid's."""

    grid: Grid
    longest: int  # tokens of an item, its end among them
    ahead: int = AHEAD

    form: ClassVar[str] = "led"
    opening: ClassVar[int] = 0

    @property
    def rest(self) -> int:
        return self.grid.vocabulary

    @property
    def over(self) -> int:
        return self.grid.vocabulary + 1

    @property
    def vocabulary(self) -> int:
        return self.grid.vocabulary + 2

    @property
    def beat(self) -> int:
        return self.grid.beat

    @property
    def classes(self) -> tuple[str, ...]:
        return self.grid.classes

    @property
    def spec(self) -> Spec:
        own = self.grid.spec
        music = Field((self.longest,), categories=self.vocabulary, length=True, start=START)
        return replace(own, fields={"music": music})

    # ------------------------------------------------------------------------------------------------------ both ways

    def dressed(self, row: np.ndarray) -> np.ndarray:
        """A row of the grid's steps -> the same led by its melody. One without an end is cut out of a piece: its last
        steps, whose melody to come is not in it, are left out."""
        ended = bool(len(row) and row[-1] == END)
        steps = split(row[:-1] if ended else row[: last(row)])
        tops = [step[0] if step else self.rest for step in steps]
        tops += [self.over] * self.ahead if ended else []
        made = tops[: self.ahead]
        for t, step in enumerate(steps if ended else steps[: -self.ahead]):
            made += [tops[t + self.ahead], *step, NEXT]
        return np.array(made + [END] * int(ended), np.int64)

    def plain(self, row: Iterable[int]) -> list[int]:
        """Any row that is led by its melody -> the grid's. Up to the end, or to the step whose melody is over."""
        tokens = [int(token) for token in row]
        whole = tokens[: tokens.index(END)] if END in tokens else tokens
        tops, made, t = whole[: self.ahead], list[int](), 0
        body = whole[self.ahead :]
        while body:
            end = body.index(NEXT) if NEXT in body else len(body)
            step, body = body[:end], body[end + 1 :]
            tops += step[:1] or [self.over]
            if t < len(tops) and tops[t] == self.over:
                break
            made += [*(token for token in step[1:] if FIRST <= token < self.rest), NEXT]
            t += 1
        return made

    def tokens(self, piece: Piece) -> np.ndarray:
        """The grid's (n,), without the end. Raises Problem."""
        return self.grid.tokens(piece)

    def piece(self, tokens: Iterable[int]) -> Piece:
        """Of the grid's tokens."""
        return self.grid.piece(tokens)

    def reduced(self, piece: Piece) -> Piece:
        return self.grid.reduced(piece)

    def bars(self, row: np.ndarray, measure: int) -> np.ndarray:
        return self.grid.bars(row, measure)

    def opened(self, row: np.ndarray, whole: np.ndarray) -> np.ndarray:
        return self.grid.opened(row, whole)

    def span(self, row: np.ndarray) -> tuple[int, int] | None:
        return self.grid.span(row)

    def moved(self, row: np.ndarray, by: int) -> np.ndarray:
        return self.grid.moved(row, by)

    def encode(self, raw: Sequence[Piece]) -> Batch:
        """Pieces as (B, T), as wide as the longest, and their lengths, ends among them."""
        return filled({"music": [self.dressed(np.append(self.tokens(one), END))[: self.longest] for one in raw]})

    def decode(self, values: Mapping[str, Tensor]) -> list[Piece]:
        """(B, T) -> pieces, each up to its end."""
        return [self.piece(self.plain(row)) for row in values["music"].tolist()]

    def to_json(self) -> dict[str, Any]:
        return {"form": self.form, "grid": self.grid.to_json(), "longest": self.longest, "ahead": self.ahead}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Led:
        """Raises KeyError, TypeError or ValueError for what is none."""
        return Led(Grid.from_json(data["grid"]), int(data["longest"]), int(data["ahead"]))


def split(row: Sequence[int] | np.ndarray) -> list[list[int]]:
    """A grid's row, without an end -> the pitches of each step; a last step without NEXT counts."""
    steps, now = list[list[int]](), list[int]()
    for token in row:
        if token == NEXT:
            steps.append(now)
            now = []
        else:
            now.append(int(token))
    return [*steps, now] if now else steps


def last(row: np.ndarray) -> int:
    """How many tokens of a row are whole steps."""
    found = np.flatnonzero(row == NEXT)
    return int(found[-1]) + 1 if len(found) else 0


def led(grid: Grid, pieces: Iterable[Piece], ahead: int = AHEAD) -> Led:
    """The codec of pieces on that grid, of which each row has room."""
    rows = [grid.tokens(piece) for piece in pieces]
    steps = max((int((row == NEXT).sum()) for row in rows), default=0)  # of each the melody is a token more
    return Led(grid, grid.longest + ahead + steps, ahead)


def melody(piece: Piece) -> Piece:
    """The highest note of each step, as a piece of one voice: one that is held is one note. Raises Problem for a piece
    without notes."""
    frames = piece.frames()
    if not any(frames):
        raise Problem(f"{piece.name}: no notes in it. Give a melody")
    starts = {(note.start, note.pitch): note for note in piece.notes}
    notes, top = [], None
    for step, frame in enumerate(frames):
        pitch = frame[0] if frame else None
        struck = starts.get((step, pitch)) if pitch is not None else None
        if pitch is not None and (pitch != top or struck is not None):
            like = struck or next(n for n in piece.notes if n.pitch == pitch and n.start <= step < n.start + n.length)
            notes.append(like._replace(start=step, length=1, voice=0))
        elif pitch is not None:
            notes[-1] = notes[-1]._replace(length=notes[-1].length + 1)
        top = pitch
    return piece._replace(notes=tuple(notes))
