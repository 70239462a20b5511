"""Whole numbers as bytes, at little more than the bits that their probabilities say, and back.

A range coder (Martin 1979; `constriction`, Bamler 2022, arXiv:2201.01741) with 24-bit probabilities. It is given
frequencies that are whole numbers, so that the same tables give the same bytes everywhere. A number that is in no table
is told by the table's last column, and after its stage by its distance in Elias's gamma code (1975)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from constriction import stream
from torch import Tensor

from reverie.core import Tables

CHUNK = 16  # bits of a number without a table that are told at once
LENGTHS = 64  # a distance has at most so many bits
FURTHEST = 1 << 63  # from its table that a number can lie
MOST_CUT = 8  # bytes that the coder's end may hold beyond what is needed

FAMILY = stream.model.Categorical(perfect=False)


def flat(tables: Tables, items: int) -> tuple[np.ndarray, np.ndarray]:
    """Of the numbers of that many items, one item after the other, (items · n,): which table holds, and its lowest
    value."""
    rows, low = (t.expand(items, -1) if t.dim() == 1 else t for t in (tables.rows, tables.low))
    return rows.reshape(-1).numpy(), low.reshape(-1).numpy()


@dataclass
class Stage:
    """Numbers and the probabilities that they were told by, kept to see how many bytes of the end can go."""

    columns: np.ndarray  # (n,) int32
    often: np.ndarray  # (n, K) float64
    far: list[tuple[int, int]]  # (value, size) of each number that no table has, told evenly


@dataclass
class Writer:
    """Numbers in, bytes out."""

    trim: bool = True  # see how many bytes of the end can go: for a file a picture; keeps all stages until then
    coder: Any = field(default_factory=stream.queue.RangeEncoder)
    stages: list[Stage] = field(default_factory=list)

    def write(self, symbols: Tensor, tables: Tables) -> None:
        """Numbers (B, n) of one stage."""
        rows, low = flat(tables, len(symbols))
        often = tables.frequencies.numpy()[rows].astype(np.float64)
        column = symbols.reshape(-1).numpy() - low
        last = often.shape[1] - 1
        outside = (column < 0) | (column >= last if tables.open else column > last)
        if outside.any() and not tables.open:
            raise ValueError("a number that its table does not have: a bug in the model's `symbols`")
        far = [part for value in column[outside].tolist() for part in gamma(zigzag(value, last))]
        self.put(Stage(np.where(outside, last, column).astype(np.int32), often, far))

    def put(self, stage: Stage) -> None:
        if self.trim:
            self.stages.append(stage)
        self.coder.encode(stage.columns, FAMILY, stage.often)
        for value, size in stage.far:
            self.coder.encode(value, stream.model.Uniform(size))

    def content(self) -> bytes:
        """All of it. The coder's last word says more than is needed: whatever end still reads as the same is taken."""
        best: bytes = self.coder.get_compressed().astype(">u4").tobytes()
        for _ in range(min(MOST_CUT, len(best)) if self.trim else 0):
            start = best[:-1]
            above = (int.from_bytes(start, "big") + 1).to_bytes(len(start) + 1, "big")  # one higher in the last place
            shorter = next((t for t in (start, above[1:]) if self.reads(t)), None)
            if shorter is None:
                break
            best = shorter
        return best

    def reads(self, content: bytes) -> bool:
        """Do these bytes say the same?"""
        reader = Reader(content)
        try:
            for stage in self.stages:
                if not np.array_equal(reader.told(FAMILY, stage.often), stage.columns):
                    return False
                if any(reader.told(stream.model.Uniform(size)) != value for value, size in stage.far):
                    return False
        except ValueError:
            return False
        return True


class Reader:
    """The way back: the same tables in the same order."""

    def __init__(self, content: bytes):
        padded = content + bytes(-len(content) % 4)
        self.coder = stream.queue.RangeDecoder(np.frombuffer(padded, ">u4").astype(np.uint32))

    def read(self, tables: Tables, items: int) -> Tensor:
        """Numbers (items, n) of one stage."""
        import torch

        rows, low = flat(tables, items)
        often = tables.frequencies.numpy()[rows].astype(np.float64)
        column = self.told(FAMILY, often).astype(np.int64)
        last = often.shape[1] - 1
        if tables.open:
            for k in np.flatnonzero(column == last):
                column[k] = self.distance(last)
        return torch.from_numpy(column + low).view(items, -1)

    def told(self, model: Any, *often: np.ndarray) -> Any:
        """What the coder says next. Raises ValueError where no encoder can have written it."""
        try:
            return self.coder.decode(model, *often)
        except AssertionError as error:
            raise ValueError("the file's numbers are none of this run's") from error

    def distance(self, last: int) -> int:
        """The column of a number that no table has. Raises ValueError for one that no encoder had."""
        found = zagzig(self.gamma(), last)
        if abs(found) >= FURTHEST:
            raise ValueError("the file's numbers are none of this run's")
        return found

    def gamma(self) -> int:
        length = int(self.told(stream.model.Uniform(LENGTHS)))
        value, done = 1, 0
        while done < length:
            bits = min(CHUNK, length - done)
            value, done = value << bits | int(self.told(stream.model.Uniform(1 << bits))), done + bits
        return value - 1


def gamma(value: int) -> list[tuple[int, int]]:
    """A number from 0 on as (value, size) pairs, each told evenly: how many bits follow the first 1 of value + 1, and
    these."""
    length = (value + 1).bit_length() - 1
    rest, parts = value + 1 - (1 << length), [(length, LENGTHS)]
    left = length
    while left:
        bits = min(CHUNK, left)
        left -= bits
        parts.append((rest >> left & (1 << bits) - 1, 1 << bits))
    return parts


def zigzag(column: int, last: int) -> int:
    """A column beyond a table of `last` columns as a number from 0 on: even above it, odd below."""
    return 2 * (column - last) if column >= last else -2 * column - 1


def zagzig(value: int, last: int) -> int:
    return -(value + 1) // 2 if value % 2 else last + value // 2
