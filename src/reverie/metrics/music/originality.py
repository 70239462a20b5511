"""Are the samples new, or training pieces once more? Runs of chords that stand in the training pieces in any key."""

from __future__ import annotations

from collections.abc import Collection
from statistics import fmean, stdev

from scipy.stats import mannwhitneyu

from reverie.kinds.music.piece import Piece
from reverie.metrics import Metric, Z

from .score import runs
from .seen import RUN, Seen


def measure(seen: Seen) -> list[Metric]:
    """The share of the samples' runs of 8 chords that stand in a training piece, in whatever key and rhythm. The floor
    is that of held-out pieces, p that of a one-sided Mann-Whitney test that samples hold no more of them."""
    made, real = (shares(pieces, seen.known) for pieces in (seen.fake, seen.real))
    if not made or not real:
        return []
    p = float(mannwhitneyu(made, real, alternative="greater").pvalue) if len({*made, *real}) > 1 else 1.0
    value, half = fmean(made), Z * stdev(made) / len(made) ** 0.5 if len(made) > 1 else None
    protocol = f"share of the runs of {RUN} chords (of melodies: notes) that stand in {len(seen.bank):,} training "
    protocol += f"pieces, in whatever key and rhythm, mean over samples; floor: of {len(real):,} "
    protocol += f"{seen.sets.what} pieces; p: Mann-Whitney over pieces, one-sided"
    low, high = (None, None) if half is None else (max(0.0, value - half), min(1.0, value + half))
    return [Metric(f"copied_chords_{RUN}", value, "share", len(made), protocol, low, high, fmean(real), p=p)]


def shares(pieces: list[Piece], known: Collection[object]) -> list[float]:
    """Of each piece that is long enough."""
    return [share for piece in pieces if (share := copied(piece, known)) is not None]


def copied(piece: Piece, known: Collection[object]) -> float | None:
    """The share of a piece's runs that are among the known ones; None of a piece that is too short to have one."""
    own = runs(piece, RUN)
    return fmean(run in known for run in own) if own else None
