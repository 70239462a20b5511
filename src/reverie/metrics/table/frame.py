"""Rows as arrays: numbers in units of the real rows' deviation, words as integers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

GAP, UNKNOWN = 0, 1  # of the integers of words: a gap, and a word that no real row has
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Form:
    """What the columns are, as real rows say: numbers (and dates, as seconds), all else words."""

    numbers: tuple[str, ...]
    words: tuple[str, ...]
    known: Mapping[str, Mapping[str, int]]  # of each column of words, the integer of each word, from 2 on
    middle: np.ndarray  # (numbers,): mean
    scale: np.ndarray  # and deviation of the first set of rows, of the others where it has none; 1 of neither

    @staticmethod
    def of(real: Sequence[Row], others: Iterable[Row] = (), names: Sequence[str] = ()) -> Form:
        """`others`: more real rows, whose words are known too, and by whose deviation numbers are measured that are
        all the same in the first. `names`: of the columns that count; (): all."""
        others = [*others]
        rows = [*real, *others]
        numbers, words, known = [], [], {}
        for name in names or (list(rows[0]) if rows else []):
            cells = [row.get(name) for row in rows]
            present = [cell for cell in cells if cell is not None]
            if present and (all(map(is_number, present)) or all(seconds(cell) is not None for cell in present)):
                numbers.append(name)
            else:
                words.append(name)
                known[name] = {word: k for k, word in enumerate(sorted({str(cell) for cell in present}), 2)}
        plain = Form(tuple(numbers), tuple(words), known, np.zeros(len(numbers)), np.ones(len(numbers)))
        x = plain.read(real).x
        middle, scale = np.zeros(len(numbers)), np.ones(len(numbers))
        for k, column in enumerate(x.T):
            present = column[~np.isnan(column)]
            if len(present):
                middle[k] = present.mean()
            rest = (value(row.get(numbers[k])) for row in others)
            scale[k] = deviation(present) or deviation(np.array([x for x in rest if x == x])) or 1.0
        return Form(plain.numbers, plain.words, known, middle, scale)

    def read(self, rows: Sequence[Row]) -> Frame:
        x = np.array([[value(row.get(name)) for name in self.numbers] for row in rows], dtype=float)
        x = (x.reshape(len(rows), len(self.numbers)) - self.middle) / self.scale
        codes = [[self.code(name, row.get(name)) for name in self.words] for row in rows]
        return Frame(x, np.array(codes, dtype=np.int64).reshape(len(rows), len(self.words)), self)

    def code(self, name: str, cell: Any) -> int:
        return GAP if cell is None else self.known[name].get(str(cell), UNKNOWN)

    @property
    def counts(self) -> list[int]:
        """Integers of each column of words."""
        return [len(self.known[name]) + 2 for name in self.words]


@dataclass(frozen=True)
class Frame:
    x: np.ndarray  # (N, numbers) float64, NaN where a number is missing
    words: np.ndarray  # (N, columns of words) int64
    form: Form

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: Any) -> Frame:
        return Frame(self.x[index], self.words[index], self.form)

    @cached_property
    def gaps(self) -> np.ndarray:
        """(N, numbers): which are missing."""
        return np.asarray(np.isnan(self.x))

    def vectors(self) -> Tensor:
        """(N, d) float64 whose squared distances are those of the numbers, and 1 for each word that differs and for
        each number that one of the two lacks: what lacks is as the mean."""
        parts = [torch.from_numpy(np.nan_to_num(self.x)), torch.from_numpy(self.gaps.astype(float))]
        one = [torch.nn.functional.one_hot(w, k) for w, k in zip(torch.from_numpy(self.words).T, self.form.counts)]
        return torch.cat([*parts, *(x.double() / 2**0.5 for x in one)], 1)


def deviation(x: np.ndarray) -> float:
    """0 where all are the same, or none is there."""
    return float(x.std()) if len(x) and x.min() < x.max() else 0.0


def is_number(cell: Any) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def seconds(cell: Any) -> float | None:
    """Of a date or time of ISO 8601, since 1970; None of anything else."""
    if not isinstance(cell, str) or len(cell) < 8 or not cell[:4].isdecimal():
        return None
    try:
        found = datetime.fromisoformat(cell)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def value(cell: Any) -> float:
    """A number, also one that other data hold to be a word, a date's seconds, NaN for all else."""
    read = seconds(cell)
    if read is not None:
        return read
    try:
        return float("nan") if cell is None else float(cell)
    except (TypeError, ValueError):
        return float("nan")


# ----------------------------------------------------------------------------------------------------------- neighbours

BLOCK = 1_000  # rows of either side at a time


def closest(queries: Frame, bank: Frame, k: int = 1) -> tuple[Tensor, Tensor]:
    """Distances (n, k) to the k nearest rows of the bank, and which they are, nearest first, of equals the first."""
    shape = len(queries), min(k, len(bank))
    near, which = torch.empty(shape, dtype=torch.float64), torch.empty(shape, dtype=torch.int64)
    for begin in range(0, len(queries), BLOCK):
        part = slice(begin, begin + BLOCK)
        near[part], which[part] = among(queries[part], bank, k)  # what is kept lies in one place: memory stays whole
    return near, which


def among(queries: Frame, bank: Frame, k: int) -> tuple[Tensor, Tensor]:
    """The same of few rows."""
    from reverie.metrics.neighbours import squared

    mine = queries.vectors()
    near, which = torch.empty(len(mine), 0, dtype=torch.float64), torch.empty(len(mine), 0, dtype=torch.int64)
    for begin in range(0, len(bank), BLOCK):
        found = squared(mine, bank[begin : begin + BLOCK].vectors())
        for _ in range(min(k, found.shape[1])):  # the first of equals; a sort of the whole block would cost more
            best = found.argmin(1, keepdim=True)
            near, which = torch.cat([near, found.gather(1, best)], 1), torch.cat([which, best + begin], 1)
            found.scatter_(1, best, torch.inf)
        near, order = near.sort(dim=1, stable=True)
        near, which = near[:, :k], which.gather(1, order)[:, :k]
    return near.sqrt(), which


def single(frame: Frame) -> np.ndarray:
    """(N,): does the row stand there once only?"""
    if not len(frame):
        return np.zeros(0, bool)
    whole = np.concatenate([np.nan_to_num(frame.x, nan=np.inf), frame.words], 1)
    _, place, count = np.unique(whole, axis=0, return_inverse=True, return_counts=True)
    return np.asarray(count[place.reshape(-1)] == 1)
