"""Measures of music: how lifelike, how well led, how varied and how new pieces are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from reverie.kinds.music.piece import Piece
from reverie.metrics import Sets, share, without

from .histograms import apart, counted, progressions
from .score import runs, total
from .seen import OF_DATA, Seen, known

__all__ = ["LEAST", "SAMPLES", "Framed", "cheap", "left_out", "neighbours", "prepare", "spread", "suspects"]

SAMPLES = 200
LEAST = 20
LIKENED = 4  # chords of the runs by which two pieces are likened
SHORT = 3  # chords of the runs whose variety is measured


@runtime_checkable
class Framed(Protocol):
    """Items that know of how many frames (steps of the grid) they are: what nats a frame divide by."""

    @property
    def frames(self) -> Sequence[int]: ...


def prepare(sets: Sets, like: Seen | None = None) -> Seen:
    made = Seen(sets)
    share(made, like, OF_DATA)
    return made


def neighbours(seen: Seen, count: int, k: int) -> Tensor:
    """Which k training pieces hold most of each of the first samples: (count, k)."""
    return nearest(seen.fake[:count], seen.train, k)


def nearest(queries: Sequence[Piece], bank: Sequence[Piece], k: int) -> Tensor:
    """Which k pieces of the bank hold most of each query's runs of 4 chords, in whatever key; the best first: (n, k)
    int64."""
    wanted = [known([piece], LIKENED) for piece in queries]
    held = [known([piece], LIKENED) for piece in bank]
    shared = torch.tensor([[len(query & one) for one in held] for query in wanted], dtype=torch.float64)
    return shared.view(len(queries), len(bank)).sort(dim=1, descending=True, stable=True).indices[:, :k]


def suspects(seen: Seen, count: int) -> list[tuple[int, int]]:
    """The samples of which most stands in the training pieces, and the training piece that holds most of each."""
    from .originality import copied

    shares = [(copied(piece, seen.known), i) for i, piece in enumerate(seen.fake)]
    worst = [i for value, i in sorted(shares, key=lambda pair: -(pair[0] or 0.0))[:count]]
    if not worst or not seen.bank:
        return []
    near = nearest([seen.fake[i] for i in worst], seen.bank, 1)
    return list(zip(worst, near[:, 0].tolist()))


def cheap(real: Sequence[Piece], fake: Sequence[Piece]) -> tuple[str, float]:
    """Name and value of what a run watches while it trains, where its model has no likelihood. Lower is better."""
    return "progression_js", apart(fake, real, progressions)


def left_out(real: Sequence[Piece], fake: Sequence[Piece], groups: Sequence[Tensor]) -> list[float]:
    """`cheap` without each of the groups, index sets into both, in turn."""
    return without(cheap, real, fake, groups)


def spread(real: Sequence[Piece], fake: Sequence[Piece]) -> float:
    """Share of different runs of 3 chords among all of samples, over that of as many of real pieces: about 1 of real
    against real, near 0 where all say the same over and over. 1 where real pieces have none."""
    least = min(total(real), total(fake))
    real_share, fake_share = (different(pieces, SHORT, least) for pieces in (real, fake))
    return fake_share / real_share if real_share else 1.0


def different(pieces: Sequence[Piece], length: int, most: int) -> float:
    """Share of different runs of so many chords among the first `most` runs; 0 where there is none."""
    found = Counter(counted(pieces, lambda piece: list(runs(piece, length)), most))
    return len(found) / found.total() if found else 0.0
