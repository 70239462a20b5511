"""How varied the samples' structures are."""

from __future__ import annotations

from math import sqrt

from jaxtyping import UInt8
from torch import Tensor

from reverie.metrics import Metric, size_name

from . import published
from .prints import moments
from .seen import Seen


def measure(seen: Seen) -> list[Metric]:
    """The floor is what as many training molecules score."""
    if len(seen.fake.valid) < 2:
        return []
    own, usual = diversity(seen.fake.prints), diversity(seen.train.prints) if len(seen.train.valid) > 1 else None
    name, count = size_name(len(seen.fake.smiles)), len(seen.fake.valid)
    start = (
        f"1 - the {{}} of Tanimoto's likeness (Morgan, radius 2, 1,024 bits) over all pairs of {count:,} molecules, "
    )
    start += f"each with itself too; floor: {len(seen.train.valid):,} training molecules"
    return [
        published.beside(seen, Metric(f"intdiv{p}_{name}", value, "Tanimoto", count, start.format(how), floor=floor))
        for p, how, value, floor in zip((1, 2), ("mean", "root mean square"), own, usual or (None, None))
    ]


def diversity(prints: UInt8[Tensor, "n 128"]) -> tuple[float, float]:
    """IntDiv1 and IntDiv2 of fingerprints (N, 128 bytes): 0 where all are the same. Benhenda 2017, arXiv:1708.08227;
    MOSES, section 5."""
    first, second = moments(prints)
    return 1 - first, 1 - sqrt(second)
