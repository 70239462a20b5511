"""How like the data's the statistics of samples are: pitch classes, melodic steps, note lengths, chords, and how many
notes there are for how long."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from math import sqrt
from statistics import fmean, stdev

from reverie.kinds.music.piece import Piece
from reverie.metrics import Metric, Z, size_name

from .histograms import Parts, counted, divergence, intervals, lengths, pitch_classes, progressions, shapes
from .seen import Seen

Ratio = tuple[float, float | None, float | None]  # and the ends of its interval, where it has one
LEAST = 100  # counts on each side below which shares say nothing
HISTOGRAMS: dict[str, tuple[Parts, str]] = {
    "pitch_class_js": (pitch_classes, "pitch classes of notes"),
    "interval_js": (intervals, "melodic steps of each voice, the highest pitch being one, the second highest another"),
    "length_js": (lengths, "lengths of notes in quarters"),
    "chord_js": (shapes, "chords, each as its pitch classes above its lowest pitch"),
    "progression_js": (progressions, "pairs of chords in a row, in whatever key"),
}


def measure(seen: Seen) -> list[Metric]:
    """The floor is what training pieces score in the samples' place, the reference what the untrained model's do."""
    found = [shares(seen, name, parts, what) for name, (parts, what) in HISTOGRAMS.items()]
    return [*(metric for metric in found if metric), *amounts(seen)]


def shares(seen: Seen, name: str, parts: Parts, what: str) -> Metric | None:
    """One histogram's distance, each set cut to as many counts; nothing where a set has too few. A set of untrained
    samples that has fewer is left out, as a model that has learnt nothing may write next to nothing."""
    real, fake = counted(seen.real, parts), counted(seen.fake, parts)
    train, untrained = counted(seen.train, parts), counted(seen.untrained, parts)
    count = min(len(real), len(fake), len(train) or len(real))
    if count < LEAST:
        return None

    def against(found: list[Hashable]) -> float | None:
        return divergence(found[:count], real[:count]) if len(found) >= count else None

    value = against(fake)
    assert value is not None
    protocol = f"Jensen-Shannon divergence of {what}, the first {count} of samples and of {seen.sets.what} pieces; "
    protocol += "floor: training pieces in their place; reference: the untrained model's samples"
    floor, reference = against(train), against(untrained)
    if reference is None and len(untrained) >= LEAST:  # fewer than the samples': at their own number, which only adds
        reference = divergence(untrained, real[: len(untrained)])
    whole = f"{name}_{size_name(count)}"
    return Metric(whole, value, "bits", len(seen.fake), protocol, None, None, floor, reference)


def amounts(seen: Seen) -> list[Metric]:
    """Notes a quarter and quarters a piece."""
    if len(seen.fake) < 2 or not seen.real:
        return []
    made = (
        ("notes_a_quarter", density, "notes", "mean notes that begin in a quarter of a sample"),
        ("quarters", quarters, "quarters", "mean length of a sample"),
    )
    return [mean(seen, *one) for one in made]


def mean(seen: Seen, name: str, of: Callable[[Piece], float], unit: str, what: str) -> Metric:
    values, real = ([of(piece) for piece in pieces] for pieces in (seen.fake, seen.real))
    value, half = fmean(values), Z * stdev(values) / sqrt(len(values))
    protocol = f"{what}; floor: of {len(real):,} {seen.sets.what} pieces (neither more nor less is better)"
    whole = f"{name}_{size_name(len(values))}"
    return Metric(whole, value, unit, len(values), protocol, value - half, value + half, fmean(real))


def quarters(piece: Piece) -> float:
    return len(piece.frames()) / piece.beat


def density(piece: Piece) -> float:
    """0 of a piece without length."""
    long = quarters(piece)
    return len(piece.notes) / long if long else 0.0


def ratio(hits: Sequence[float], units: Sequence[float]) -> Ratio:
    """Sum of hits over sum of units, each a number a piece, with the 95 % interval of a ratio of means, pieces being
    independent: delta method; one piece has none. Raises ValueError where there is no unit."""
    total = sum(units)
    if not total:
        raise ValueError("no unit: a ratio needs at least one")
    value = sum(hits) / total
    count = len(hits)
    if count < 2:
        return value, None, None
    rest = [hit - value * unit for hit, unit in zip(hits, units)]
    error = sqrt(sum(x * x for x in rest) * count / (count - 1)) / total
    return value, value - Z * error, value + Z * error
