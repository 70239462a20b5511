"""How like the data's the samples' structures are: their nearest molecules, their fragments, their scaffolds."""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor

from reverie.metrics import Metric, Z, size_name

from . import kept, published
from .parts import cosine
from .prints import best
from .seen import Molecules, Seen


def measure(seen: Seen) -> list[Metric]:
    """On held-out molecules, and on those of other scaffolds where the data has them. The floor is what training
    molecules score in the samples' place."""
    if not seen.enough:
        return []
    found = against(seen, seen.real, "", f"{seen.sets.what} molecules")
    if seen.far is not None and seen.far.valid:
        found += against(seen, seen.far, "_scaffolds", "held-out molecules of other scaffolds")
    return [published.beside(seen, one) for one in found]


def nearest_of(train: Molecules, real: Molecules) -> Tensor:
    """How like each training molecule its likest real one is: kept, as it hangs on no sample."""
    both = [*train.valid, "", *real.valid]
    return torch.from_numpy(kept.array("likest", both, lambda: best(train.prints, real.prints).numpy()))


def against(seen: Seen, real: Molecules, end: str, what: str) -> list[Metric]:
    count, size = len(seen.fake.valid), size_name(len(seen.fake.smiles))
    there, floors = f"{len(real.valid):,} {what}", f"floor: {len(seen.train.valid):,} training molecules in their place"
    near, usual = best(seen.fake.prints, real.prints), nearest_of(seen.train, real)
    half, mean = Z * float(near.std()) / sqrt(count), float(near.double().mean())
    how = f"mean Tanimoto likeness (Morgan, radius 2, 1,024 bits) of {count:,} molecules to the likest of {there}"
    how += f"; {floors}"
    floor = float(usual.double().mean()) if len(usual) else None
    out = [Metric(f"snn{end}_{size}", mean, "Tanimoto", count, how, mean - half, mean + half, floor)]
    for name, parts, said in (("frag", "fragments", "BRICS fragments"), ("scaf", "scaffolds", "Murcko scaffolds")):
        own, other, ours = (getattr(side, parts) for side in (seen.fake, real, seen.train))
        value = cosine(own, other)
        if value is None:
            continue
        how = f"cosine of the counts of {said} of {count:,} molecules and of {there}; {floors}"
        how += "; a scaffold has two rings or more" if name == "scaf" else ""
        out.append(Metric(f"{name}{end}_{size}", value, "cosine", count, how, floor=cosine(ours, other)))
    return out
