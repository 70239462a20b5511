"""Voice leading, as counterpoint teaches it: fifths and octaves in parallel, voices that cross, voices beyond their
range. Whoever writes music breaks these rules now and then; what counts is the data's own rate."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np

from reverie.kinds.music.piece import Piece
from reverie.metrics import Metric, size_name

from .likeness import Ratio, ratio
from .score import Chord, chords
from .seen import Seen

FIFTH, OCTAVE = 7, 0  # semitones, octaves left out
PARALLELS = {"parallel_fifths": (FIFTH,), "parallel_octaves": (OCTAVE,), "parallels": (FIFTH, OCTAVE)}
CHOIR = ("soprano", "alto", "tenor", "bass")
USUAL = (0.5, 99.5)  # per cent of training pitches between which a voice's range lies


class Rate(NamedTuple):
    """Of one piece."""

    hits: int
    changes: int


def measure(seen: Seen) -> list[Metric]:
    """Rates a change of chord; the floor is that of held-out pieces."""
    found = [rate(seen, name, faults(sizes), said(name)) for name, sizes in PARALLELS.items()]
    found.append(rate(seen, "crossings", crossings, "in which a lower voice goes above a higher one"))
    found += [
        rate(seen, f"beyond_range[{name}]", beyond(rank, bounds), f"after which the {name} is {outside(bounds)}")
        for rank, (name, bounds) in enumerate(ranges(seen.train or seen.real).items())
    ]
    return [metric for metric in found if metric]


def said(name: str) -> str:
    what = {"parallel_fifths": "a fifth", "parallel_octaves": "an octave", "parallels": "a fifth or an octave"}[name]
    return f"in which two voices move the same way and are {what} apart (or octaves more) before and after"


def outside(bounds: tuple[int, int]) -> str:
    return f"outside MIDI pitches {bounds[0]} to {bounds[1]}, in which {USUAL[1] - USUAL[0]:.0f} % of training lies"


def rate(seen: Seen, name: str, count: Callable[[Piece], Rate | None], what: str) -> Metric | None:
    """Nothing where either side has no change to count, or where neither has a fault to be told of."""
    made, real = (of(pieces, count) for pieces in (seen.fake, seen.real))
    if made is None or real is None or (name == "crossings" and made[0] == real[0] == 0):
        return None
    pieces = len(seen.fake)
    base, _, mark = name.partition("[")
    protocol = f"share of changes of chord {what}; interval: over pieces; floor: of {len(seen.real):,} "
    protocol += f"{seen.sets.what} pieces"
    whole = f"{base}[{mark}" if mark else f"{base}_{size_name(pieces)}"
    value, low, high = made
    return Metric(whole, value, "a change", pieces, protocol, None if low is None else max(0.0, low), high, real[0])


def of(pieces: Sequence[Piece], count: Callable[[Piece], Rate | None]) -> Ratio | None:
    """Faults a change over pieces, and its 95 % interval."""
    rates = [found for piece in pieces if (found := count(piece)) and found.changes]
    return ratio([one.hits for one in rates], [one.changes for one in rates]) if rates else None


# ------------------------------------------------------------------------------------------------------------ parallels


def changes(piece: Piece) -> Iterator[tuple[Chord, Chord]]:
    """Chords that follow each other and have as many pitches, two or more: the highest are one voice, and so on."""
    return ((a, b) for a, b in pairwise(chords(piece)) if len(a) == len(b) > 1)


def parallel(before: Chord, after: Chord, sizes: Sequence[int] = (FIFTH, OCTAVE)) -> bool:
    """Do two voices move in the same direction from one of these intervals to the same one, octaves left out?"""
    for one, two in combinations(range(len(before)), 2):
        first, second = (before[one] - before[two]) % 12, (after[one] - after[two]) % 12
        if first == second and first in sizes and (after[one] - before[one]) * (after[two] - before[two]) > 0:
            return True
    return False


def faults(sizes: Sequence[int]) -> Callable[[Piece], Rate]:
    def count(piece: Piece) -> Rate:
        found = [parallel(before, after, sizes) for before, after in changes(piece)]
        return Rate(sum(found), len(found))

    return count


# --------------------------------------------------------------------------------------------------- crossing and range


def crossings(piece: Piece) -> Rate | None:
    """By the voices that the notes name; nothing where two notes of one voice sound together, so that no voice is a
    line."""
    sounding: dict[int, dict[int, int]] = defaultdict(dict)  # step -> voice -> pitch
    for note in piece.notes:
        for step in range(note.start, note.start + note.length):
            if note.voice in sounding[step]:
                return None
            sounding[step][note.voice] = note.pitch
    states = [tuple(sorted(sounding[step].items())) for step in sorted(sounding)]
    new = [state for before, state in pairwise([(), *states]) if before != state and len(state) > 1]
    crossed = [any(low > high for (_, high), (_, low) in pairwise(state)) for state in new]
    return Rate(sum(crossed), len(new))


def ranges(pieces: Sequence[Piece]) -> dict[str, tuple[int, int]]:
    """Between which pitches each voice of these pieces lies, by name: of the chords of as many pitches as most have;
    nothing of a single voice."""
    whole = [chord for piece in pieces for chord in chords(piece)]
    sizes = Counter(map(len, whole))
    count = max(sizes, key=lambda size: sizes[size]) if sizes else 0
    if count < 2:
        return {}
    names = CHOIR if count == len(CHOIR) else tuple(f"voice {k + 1}" for k in range(count))
    pitches = np.array([chord for chord in whole if len(chord) == count])
    low, high = np.percentile(pitches, USUAL, axis=0, method="nearest")
    return {name: (int(a), int(b)) for name, a, b in zip(names, low, high)}


def beyond(rank: int, bounds: tuple[int, int]) -> Callable[[Piece], Rate]:
    """Of chords that have such a voice, those in which it is outside."""

    def count(piece: Piece) -> Rate:
        own = [chord[rank] for chord in chords(piece) if len(chord) > rank]
        return Rate(sum(not bounds[0] <= pitch <= bounds[1] for pitch in own), len(own))

    return count
