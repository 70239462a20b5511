"""SMILES cut into tokens: atoms, bonds, branches and rings, each a token. After Schwaller et al. 2018, "Found in
Translation", arXiv:1711.04810, whose cut keeps an atom in brackets whole.

Any text is cut without loss: what is no piece of a SMILES is a token by itself, letter by letter."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

END, START, FIRST = 0, 1, 2  # ends a molecule and fills a batch; what writing starts from; the first token
CHUNK = 20_000  # molecules cut at a time: bounds memory
_ATOM = r"\[[^\[\]\s]+\]|Br|Cl|%\(\d+\)|%\d\d|->|<-"
_PIECE = re.compile(_ATOM + r"|.", re.DOTALL)
_SMILES = re.compile(r"(?:" + _ATOM + r"|[BCNOPSFIbcnops*]|\d|[-=#$:/\\.~()])+")


def cut(text: str) -> list[str]:
    """The tokens of one SMILES, or of the symbols of SELFIES."""
    return _PIECE.findall(text)


def like(text: str) -> bool:
    """Is every token one that a SMILES may have?"""
    return _SMILES.fullmatch(text) is not None


def counted(texts: Sequence[str]) -> Counter[str]:
    """How often each token comes."""
    found: Counter[str] = Counter()
    for some in chunks(texts):
        found.update(_PIECE.findall("\n".join(some)))
    found.pop("\n", None)
    return found


def chunks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(texts), CHUNK):
        yield texts[at : at + CHUNK]


class Ragged(NamedTuple):
    """Rows of integers of any length, one after the other."""

    flat: np.ndarray  # (sum of lengths,) of the smallest unsigned type
    ends: np.ndarray  # (N,) int64: where each row ends in it

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def lengths(self) -> np.ndarray:
        return np.diff(self.ends, prepend=0)

    def row(self, i: int) -> np.ndarray:
        return self.flat[self.ends[i - 1] if i else 0 : self.ends[i]]

    def chosen(self, rows: np.ndarray) -> Ragged:
        """Those at the sorted places (M,)."""
        lengths = self.lengths
        kept = np.zeros(len(lengths), bool)
        kept[rows] = True
        return Ragged(self.flat[np.repeat(kept, lengths)], np.cumsum(lengths[kept]))

    def filled(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Those at (B,) as (B, T) int64, as wide as the longest, zeros after the others; and their lengths (B,)."""
        ends = self.ends[rows]
        starts = np.where(rows > 0, self.ends[rows - 1], 0)
        lengths = ends - starts
        place = np.arange(lengths.max() if len(rows) else 0)
        within = place < lengths[:, None]
        values = np.zeros(within.shape, np.int64)
        values[within] = self.flat[(starts[:, None] + place)[within]]
        return values, lengths


def encoded(texts: Sequence[str], number: Mapping[str, int]) -> Ragged:
    """Each text's tokens as numbers, its end among them. Raises KeyError on a token that has no number."""
    known = {**number, "\n": END}
    kind = np.min_scalar_type(max(known.values()))
    parts = []
    for some in chunks(texts):
        found = _PIECE.findall("\n".join(some) + "\n")
        parts.append(np.fromiter((known[token] for token in found), kind, len(found)))
    flat = np.concatenate(parts) if parts else np.zeros(0, kind)
    return Ragged(flat, np.flatnonzero(flat == END) + 1)


def spelt(texts: Sequence[str]) -> Ragged:
    """ASCII texts as their bytes, without an end."""
    flat = np.frombuffer("".join(texts).encode("ascii"), np.uint8)
    return Ragged(flat, np.cumsum([len(text) for text in texts], dtype=np.int64))
