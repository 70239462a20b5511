"""How varied pieces are: different runs of chords, and how many pieces are the same."""

from __future__ import annotations

from collections.abc import Sequence

from reverie import metrics
from reverie.kinds.music.piece import Piece
from reverie.metrics import Metric, size_name, wilson

from . import LIKENED, different, spread
from .score import total
from .seen import Seen


def measure(seen: Seen) -> list[Metric]:
    """The floor is what held-out pieces score."""
    count, what = min(len(seen.fake), len(seen.real)), seen.sets.what
    if count < 2:
        return []
    least = min(total(seen.fake), total(seen.real))
    varied, floor = (different(pieces, LIKENED, least) for pieces in (seen.fake, seen.real))
    start = f"different runs of {LIKENED} chords over all, of the first {least} of samples"
    protocol = f"{start}; floor: as many of {what} pieces (higher is not better)"
    mark = size_name(count)
    beside = f"different runs of 3 chords over all, over that of {what} pieces; floor: of training pieces; {count}"
    usual = spread(seen.real, seen.train) if seen.train else None
    repeats, real = (repeated(pieces[:count]) for pieces in (seen.fake, seen.real))
    low, high = wilson(repeats * count, count)
    same = f"share of the first {count} samples that are another of them, in whatever key; floor: of as many {what}"
    return [
        Metric(f"distinct_chords_{LIKENED}", varied, "share", len(seen.fake), protocol, floor=floor),
        Metric(f"spread_{mark}", spread(seen.real, seen.fake), "of held-out", count, beside, floor=usual),
        Metric(f"repeats_{mark}", repeats, "share", count, same, low, high, real),
    ]


def repeated(pieces: Sequence[Piece]) -> float:
    """Share of pieces of which there are two or more, in whatever key."""
    return metrics.repeated(map(signature, pieces)) / len(pieces) if pieces else 0.0


def signature(piece: Piece) -> tuple[tuple[int, ...], ...]:
    """A piece's frames as if its first lowest pitch were 0."""
    frames = piece.frames()
    ground = next((frame[-1] for frame in frames if frame), 0)
    return tuple(tuple(pitch - ground for pitch in frame) for frame in frames)
