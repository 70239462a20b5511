"""How many samples are molecules, and how many of these differ."""

from __future__ import annotations

from dataclasses import replace

from reverie.metrics import Metric, repeated, size_name, wilson

from . import published
from .seen import Seen

FIRST = (1_000, 10_000)  # molecules among which different ones are counted: MOSES's two numbers


def measure(seen: Seen) -> list[Metric]:
    """The floor of validity is what training molecules score, the reference the untrained model's samples; of the share
    of different ones, training molecules."""
    count = len(seen.fake.smiles)
    if not count:
        return []
    return [valid(seen), *(found for most in FIRST if (found := unique(seen, most)) is not None)]


def valid(seen: Seen) -> Metric:
    count, hits = len(seen.fake.smiles), len(seen.fake.valid)
    low, high = wilson(hits, count)
    floor = len(seen.train.valid) / len(seen.train.smiles) if len(seen.train.smiles) else None
    protocol = "share of samples that RDKit reads a molecule from: valences and rings are right; no atom is no molecule"
    protocol += "; floor: training molecules"
    metric = Metric(f"validity_{size_name(count)}", hits / count, "share", count, protocol, low, high, floor)
    first = published.beside(seen, metric)
    if first.reference is not None or seen.untrained is None or not len(seen.untrained.smiles):
        return first
    share = len(seen.untrained.valid) / len(seen.untrained.smiles)
    return replace(metric, protocol=f"{protocol}; reference: the untrained model's", reference=share)


def unique(seen: Seen, most: int) -> Metric | None:
    """Of the first so many molecules; where there are fewer than the least of FIRST, of all."""
    valid = seen.fake.valid
    if len(valid) < most and (most != FIRST[0] or len(valid) < 2):
        return None
    some = valid[:most]
    value, again = len(set(some)) / len(some), repeated(some)
    floor = seen.train.valid[: len(some)]
    protocol = (
        f"different molecules over the first {len(some):,} that are molecules; {again} of them come more than once"
    )
    protocol += f"; floor: {len(floor):,} training molecules"
    metric = Metric(
        f"unique_{size_name(len(some))}", value, "share", len(some), protocol,
        floor=len(set(floor)) / len(floor) if floor else None,
    )  # fmt: skip
    return published.beside(seen, metric)
