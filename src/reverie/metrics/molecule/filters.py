"""Do the samples pass the filters by which MOSES's molecules were chosen?"""

from __future__ import annotations

from reverie.metrics import Metric, size_name, wilson
from reverie.shown import each

from . import published
from .alerts import passes
from .seen import Seen

FEW = 1_000  # molecules of the training part that the floor is of, at most: each takes 4 ms


def measure(seen: Seen) -> list[Metric]:
    """Of other data than MOSES's the floor says how many of them pass: more is not better."""
    valid = seen.fake.valid
    if not valid:
        return []
    hits = sum(map(passes, each(valid, "filters")))
    some = seen.train.valid[:: max(1, len(seen.train.valid) // FEW)][:FEW]
    low, high = wilson(hits, len(valid))
    protocol = (
        "share of molecules that MOSES's rule lets pass: no charge, C, N, S, O, F, Cl, Br and H alone, rings of less "
    )
    protocol += "than 8 atoms, its medicinal chemistry filters (19 of its 22 patterns, written anew; the others match "
    protocol += f"nothing in RDKit), PAINS of RDKit's catalogue; floor: {len(some):,} training molecules"
    floor = sum(map(passes, some)) / len(some) if some else None
    name = f"filters_{size_name(len(seen.fake.smiles))}"
    return [published.beside(seen, Metric(name, hits / len(valid), "share", len(valid), protocol, low, high, floor))]
