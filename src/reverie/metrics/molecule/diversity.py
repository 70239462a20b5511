"""How varied the samples' structures are."""

from __future__ import annotations

from jaxtyping import UInt8
from torch import Tensor

from reverie.metrics import Metric, size_name

from . import kept, published
from .prints import moments
from .seen import Molecules, Seen


def measure(seen: Seen) -> list[Metric]:
    """The floor is what as many training molecules score."""
    if len(seen.fake.valid) < 2:
        return []
    own, usual = diversity(seen.fake.prints), floor_of(seen.train) if len(seen.train.valid) > 1 else None
    name, count = size_name(len(seen.fake.smiles)), len(seen.fake.valid)
    start = (
        f"1 - the {{}} of Tanimoto's likeness (Morgan, radius 2, 1,024 bits) over all pairs of {count:,} molecules, "
    )
    start += f"each with itself too; floor: {len(seen.train.valid):,} training molecules"
    return [
        published.beside(seen, Metric(f"intdiv{p}_{name}", value, "Tanimoto", count, start.format(how), floor=floor))
        for p, how, value, floor in zip(
            (1, 2), ("mean", "root mean square, a molecule at a time,"), own, usual or (None, None)
        )
    ]


def floor_of(train: Molecules) -> tuple[float, float]:
    """`diversity` of training molecules: kept, as it hangs on no sample."""
    first, second = kept.plain("diversity", train.valid, lambda: diversity(train.prints))
    return first, second


def diversity(prints: UInt8[Tensor, "n 128"]) -> tuple[float, float]:
    """IntDiv1 and IntDiv2 of fingerprints (N, 128 bytes): 0 where all are the same. Benhenda 2017, arXiv:1708.08227;
    MOSES, section 5. The second is as MOSES's program has it, by which its published numbers are: a root mean square
    for each molecule, and their mean. The paper writes the root of the mean over all pairs, which is 0.001 less."""
    first, second = moments(prints).T
    return 1 - float(first.mean()), 1 - float(second.sqrt().mean())
