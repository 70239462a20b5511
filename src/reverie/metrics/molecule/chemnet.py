"""Do the samples, as a whole, look like the data to a network that has learnt what molecules do? The Fréchet distance
of ChemNet's features. Preuer, Renz, Unterthiner, Hochreiter & Klambauer 2018, "Fréchet ChemNet Distance",
arXiv:1803.09518.

The network and its weights are those of the package `fcd`, an extra."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from reverie.kinds.table.smiles import INSTALL
from reverie.metrics import Metric, Z, size_name
from reverie.metrics.distances import Statistics, frechet, frechet_error
from reverie.shown import each

from . import published

if TYPE_CHECKING:
    from .seen import Molecules, Seen

NAME = "chemnet-v0.13"
DIM, LONGEST = 512, 349  # features; characters of a SMILES that it was built for: a longer one would change all others
AT_ONCE = 256  # molecules
LEAST = 100  # on each side


def installed() -> bool:
    return find_spec("fcd") is not None


@cache
def network() -> Any:
    import fcd

    return fcd.load_ref_model()


def features(smiles: Sequence[str]) -> np.ndarray:
    """(N, 512) float32 of those that are short enough."""
    import fcd

    some = [text for text in smiles if len(text) <= LONGEST]
    if not some:
        return np.zeros((0, DIM), np.float32)
    parts = [some[begin : begin + AT_ONCE] for begin in range(0, len(some), AT_ONCE)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [
            fcd.get_predictions(network(), part, batch_size=AT_ONCE, n_jobs=0, device="cpu")
            for part in each(parts, f"ChemNet, {AT_ONCE} molecules at a time")
        ]
    return np.concatenate(found)


def measure(seen: Seen) -> list[Metric]:
    """On held-out molecules, and on those of other scaffolds where the data has them. The floor is what training
    molecules score in the samples' place."""
    if not installed() or not seen.enough or min(len(seen.fake.some), len(seen.real.some)) < LEAST:
        return []
    found = [of(seen, "fcd", seen.real, f"{seen.sets.what} molecules")]
    if seen.far is not None and len(seen.far.some) >= LEAST:
        found.append(of(seen, "fcd_scaffolds", seen.far, "held-out molecules of other scaffolds"))
    return found


def of(seen: Seen, name: str, real: Molecules, what: str) -> Metric:
    import torch

    ours, theirs = (torch.from_numpy(np.asarray(side.features)) for side in (seen.fake, real))
    own, other = Statistics.of(ours), Statistics.of(theirs)
    value = frechet(other, own)
    half = Z * frechet_error(other, ours)
    count, floor = len(ours), frechet(other, Statistics.of(torch.from_numpy(np.asarray(seen.train.features))))
    protocol = f"{NAME} of the package fcd; {count:,} samples that are molecules against {len(theirs):,} {what}; "
    protocol += (
        "Gaussians with unbiased covariances; 95 % interval by the delta method, of its spread, not of the bias "
    )
    protocol += f"that few have; floor: {len(seen.train.features):,} training molecules in their place"
    full = f"{name}_{size_name(len(seen.fake.smiles))}"
    return published.beside(
        seen,
        Metric(full, value, "squared feature distance", count, protocol, max(0.0, value - half), value + half, floor),
    )


def note() -> str:
    """What a person should know where the package is not there."""
    return "" if installed() else f"fcd: not measured, as its network is not there. Run: {INSTALL}"
