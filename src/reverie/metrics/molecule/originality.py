"""Are the samples new, or training molecules once more? And do they lean to what was trained on?"""

from __future__ import annotations

from math import erfc, sqrt
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from reverie.kinds.molecule.properties import canonical
from reverie.metrics import Metric, Z, evenly, size_name, wilson
from reverie.metrics.neighbours import Leaning
from reverie.shown import each

from . import kept, published
from .prints import COLUMNS, ROWS, bits, tanimoto
from .seen import written

if TYPE_CHECKING:
    from .seen import Seen

LOOKED_AT = 1_000  # training molecules that say whether all are written canonically
CANONICAL = 0.99  # share of them that must be: of MOSES's, written by an older RDKit, 0.9995 are
LEAST = 100  # molecules on each side below which leaning tells nothing
COMPARED = 10_000  # samples and items of each sort whose nearest is looked for, at most


def measure(seen: Seen) -> list[Metric]:
    """The floor of novelty is what held-out molecules score: at random parts, of a set without copies, 1."""
    different = sorted(set(seen.fake.valid))
    if not different or not seen.bank:
        return []
    bank, how = known(seen.bank)
    count, new = len(different), sum(name not in bank for name in different)
    real = set(seen.real.valid)
    floor = sum(name not in bank for name in real) / len(real) if real else None
    protocol = f"different molecules that are none of {len(seen.bank):,} training molecules, {how}, over all different "
    protocol += f"ones; floor: {len(real):,} {seen.sets.what} molecules"
    low, high = wilson(new, count)
    name = f"novelty_{size_name(len(seen.fake.smiles))}"
    metric = Metric(name, new / count, "share", count, protocol, low, high, floor)
    return [published.beside(seen, metric), *leaning(seen)]


def known(bank: list[str]) -> tuple[set[str], str]:
    """Names of the training molecules: as they are written, where nearly all are canonical, as MOSES takes them; else
    rewritten, and kept."""
    some = bank[:: max(1, len(bank) // LOOKED_AT)]
    own = sum(canonical(text) == text for text in some) / len(some)
    if own >= CANONICAL:
        return set(bank), f"as written ({own:.1%} of {len(some):,} are canonical)"
    made = kept.words("names", bank, lambda: written(bank))
    return set(made) - {""}, "written canonically"


def leaning(seen: Seen) -> list[Metric]:
    """Does a sample's nearest real molecule come oftener from what was trained on than from as many held-out ones? Only
    where held-out molecules are drawn alike, and not chosen by their scaffolds or by a person."""
    if seen.sets.what != "held-out" or min(map(len, (seen.fake.valid, seen.real.valid, seen.train.valid))) < LEAST:
        return []
    fake, old, new = (side.prints[evenly(len(side.prints), COMPARED)] for side in (seen.fake, seen.train, seen.real))
    found = nearer(fake, old, new)
    protocol = (
        f"share of {len(fake):,} samples whose nearest molecule by fingerprint is one of {found.items:,} training "
    )
    protocol += "ones, in place of as many held-out ones; 0.5: no leaning; p: one-sided"
    name = f"nearer_training_{size_name(len(seen.fake.smiles))}"
    return [Metric(name, found.share, "share", len(fake), protocol, found.low, found.high, 0.5, p=found.p)]


def nearer(fake: Tensor, old: Tensor, new: Tensor) -> Leaning:
    """As `metrics.neighbours.nearer`, by Tanimoto's likeness of fingerprints. Ties, which are common, go to the one
    that comes first in an order without meaning."""
    n = min(len(old), len(new))
    both = torch.cat([side[torch.arange(n) * len(side) // n] for side in (old, new)])
    order = torch.randperm(2 * n, generator=torch.Generator().manual_seed(0))
    counts = nearest(fake, both[order]).bincount(minlength=2 * n)
    own = torch.zeros(2 * n, dtype=torch.float64)
    own[order] = counts.double()
    share = float(own[:n].sum()) / len(fake)
    error = float((own.var(correction=1) * n / 2).sqrt()) / len(fake)
    p = 0.5 * erfc((share - 0.5) / error / sqrt(2)) if error else 1.0
    return Leaning(share, max(0.0, share - Z * error), min(1.0, share + Z * error), p, n)


def nearest(queries: Tensor, bank: Tensor) -> Tensor:
    """Which of the bank is most like each query, the first of equals: (Q,)."""
    found = []
    for rows in each(torch.split(queries, ROWS), "nearest molecules"):
        left, value, which = bits(rows), torch.full((len(rows),), -1.0), torch.zeros(len(rows), dtype=torch.long)
        for begin in range(0, len(bank), COLUMNS):
            best = tanimoto(left, bits(bank[begin : begin + COLUMNS])).max(1)
            which = torch.where(best.values > value, best.indices + begin, which)
            value = torch.maximum(value, best.values)
        found.append(which)
    return torch.cat(found)
