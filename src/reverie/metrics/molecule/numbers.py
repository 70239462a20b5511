"""Are the samples' properties distributed as the data's are? Wasserstein's distance of each: how far, on average, a
molecule's value would have to move."""

from __future__ import annotations

import numpy as np
from scipy.stats import wasserstein_distance

from reverie.kinds.molecule.properties import ABOUT
from reverie.metrics import Metric, size_name

from . import published
from .seen import PROPERTIES, Seen

UNITS = {"weight": "g/mol"}


def measure(seen: Seen) -> list[Metric]:
    """The floor is what training molecules score in the samples' place, the reference what the held-out median would,
    said of every molecule."""
    if not seen.enough:
        return []
    out, count, size = [], len(seen.fake.some), size_name(len(seen.fake.smiles))
    for name in PROPERTIES:
        own, real, train = (side.properties[name] for side in (seen.fake, seen.real, seen.train))
        floor = float(wasserstein_distance(real, train)) if len(train) else None
        flat = float(np.abs(real - np.median(real)).mean())
        protocol = (
            f"Wasserstein-1 distance of {name} ({ABOUT[name]}) of {count:,} molecules, mean {own.mean():.3g}, and of "
        )
        protocol += (
            f"{len(real):,} {seen.sets.what} ones, mean {real.mean():.3g}; floor: {len(train):,} training molecules "
        )
        protocol += f"in their place; reference: the {seen.sets.what} median in place of each"
        value = float(wasserstein_distance(real, own))
        out.append(Metric(f"{name}_w1_{size}", value, UNITS.get(name, name), count, protocol, None, None, floor, flat))
    return [published.beside(seen, one) for one in out]
