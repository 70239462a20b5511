"""Encoded pieces, served in batches."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reverie.kinds.texts import filled

from .events import Events
from .grid import END, NEXT, Grid
from .led import Led
from .piece import Piece

if TYPE_CHECKING:
    from torch import Tensor

    from reverie.core import Batch

DOWN, UP = -5, 6  # semitones that a piece is moved by in training: all twelve keys, the nearest way


class Part(NamedTuple):
    """A piece, or what of a long one is an item."""

    row: int  # which piece
    begin: int  # tokens
    end: int


class Encoded:
    """Some pieces, with their classes where these are known. A piece of more tokens than an item has is cut where bars
    begin; only its last part has an end."""

    def __init__(
        self,
        pieces: Sequence[Piece],
        codec: Grid | Events,
        labels: np.ndarray | None = None,
        reach: tuple[int, int] | None = None,
    ):
        """`reach`: the lowest and the highest pitch to which a piece may be moved; None: it is not moved."""
        self.codec, self.pieces, self.reach = codec, pieces, reach
        self.rows = [codec.tokens(piece) for piece in pieces]
        self.starts = [codec.bars(row, piece.measure) for row, piece in zip(self.rows, pieces)]
        self.parts = [part for k in range(len(pieces)) for part in self.cut(k)]
        self.labels = None if labels is None else labels[[part.row for part in self.parts]]

    def cut(self, k: int) -> list[Part]:
        """The fewest parts that have room for an end, about equally long, each from a bar's beginning on. A bar that is
        itself too long is cut where it must."""
        row, starts, found, begin = self.rows[k], self.starts[k], list[Part](), 0
        room = self.codec.longest - 1
        while len(row) - begin > room:
            room = self.codec.longest - 1 - self.codec.opening  # of all parts but the first, and no more of that
            wish = begin + (len(row) - begin) / ceil((len(row) - begin) / room)
            fitting = starts[(starts > begin) & (starts <= begin + room)]
            end = int(fitting[np.abs(fitting - wish).argmin()]) if len(fitting) else begin + room
            found.append(Part(k, begin, end))
            begin = end
        return [*found, Part(k, begin, len(row))]

    def __len__(self) -> int:
        return len(self.parts)

    def take(self, index: Tensor, vary: bool = False) -> Batch:
        """Items at index (B,): "music" (B, T) as wide as the longest of them, its lengths, and "label" (B,). With
        `vary` each piece is moved by a drawn interval, and one that is longer than an item begins at a drawn bar."""
        import torch

        chosen = index.tolist()
        if vary:
            chance = torch.rand(len(chosen), 2).tolist()
            rows = [self.varied(self.parts[i].row, *drawn) for i, drawn in zip(chosen, chance)]
        else:
            rows = [self.tokens(self.parts[i]) for i in chosen]
        more = {} if self.labels is None else {"label": self.labels[chosen]}
        return filled({"music": [self.said(row) for row in rows]}, more)

    def said(self, row: np.ndarray) -> np.ndarray:
        """As a model reads it."""
        return row

    def tokens(self, part: Part) -> np.ndarray:
        """Of one item, with its end if the piece ends there."""
        row = self.rows[part.row]
        own = row[part.begin : part.end]
        own = self.codec.opened(own, row) if part.begin else own
        return np.append(own, END) if part.end == len(row) else own

    def varied(self, k: int, place: float, key: float) -> np.ndarray:
        """A piece, begun and moved as two numbers in [0, 1) say."""
        row, room = self.rows[k], self.codec.longest
        if len(row) < room:
            own = np.append(row, END)
        else:
            starts = self.starts[k]
            last = int(np.searchsorted(starts, len(row) + 1 + self.codec.opening - room))  # from there on it fits
            begin = int(starts[int(place * (min(last, len(starts) - 1) + 1))])
            own = row[begin:]
            own = np.append(self.codec.opened(own, row) if begin else own, END)[:room]
        span = self.codec.span(row)
        if span is None or self.reach is None:
            return own
        low, high = max(DOWN, self.reach[0] - span[0]), min(UP, self.reach[1] - span[1])
        return self.codec.moved(own, low + int(key * (high - low + 1))) if low < high else own

    def raw(self, index: Tensor) -> list[Piece]:
        """The pieces, or their parts as pieces of their own."""
        return [self.item(self.parts[i]) for i in index.tolist()]

    def item(self, part: Part) -> Piece:
        piece, row = self.pieces[part.row], self.rows[part.row]
        if part.begin == 0 and part.end == len(row):
            return piece
        where = f"{piece.name} from token {part.begin:,}"
        return self.codec.piece(self.tokens(part).tolist())._replace(name=where, bar=piece.bar)

    def columns(self, index: Tensor) -> dict[str, list[str]]:
        """ "item": the file's name."""
        return {"item": [piece.name for piece in self.raw(index)]}


class Framed(Encoded):
    """Pieces on a grid: an item is a number of frames, each of which has one row of tokens."""

    @cached_property
    def frames(self) -> list[int]:
        """Steps of each item: what nats a frame divide by."""
        return [int((self.rows[part.row][part.begin : part.end] == NEXT).sum()) for part in self.parts]


class Leading(Framed):
    """Pieces on a grid, each led by its melody."""

    def __init__(
        self,
        pieces: Sequence[Piece],
        codec: Led,
        labels: np.ndarray | None = None,
        reach: tuple[int, int] | None = None,
    ):
        super().__init__(pieces, codec.grid, labels, reach)
        self.led = codec

    def said(self, row: np.ndarray) -> np.ndarray:
        return self.led.dressed(row)

    @cached_property
    def frames(self) -> list[int]:
        """Steps of each item; of a part that is cut out without the last, which only lead."""
        rows = [self.tokens(part) for part in self.parts]
        return [int((row == NEXT).sum()) - (row[-1] != END) * self.led.ahead for row in rows]
