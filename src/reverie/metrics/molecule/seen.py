"""What the measures of molecules share: of each set its molecules' names, fingerprints, parts, properties and features,
each computed when it is first read. What hangs on real molecules alone is kept in the user's cache."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from reverie.kinds.molecule.properties import canonical, properties
from reverie.metrics import Rows, Sets, blocks
from reverie.shown import each

from . import chemnet, kept
from .parts import fragments_of, scaffolds_of
from .prints import prints

OF_DATA = ("real", "far", "train", "untrained", "bank")  # what hangs on no sample
SCAFFOLD = "scaffold"  # in the name of a held-out part: its molecules' scaffolds are none of training's
PROPERTIES = ("logp", "sa", "qed", "weight")  # MOSES's
MOST = 30_000  # molecules of a set whose properties and features are computed, evenly spaced: each takes 7 ms


class Molecules:
    """A set of SMILES. `lasting`: what is computed of it is kept in the cache."""

    def __init__(self, smiles: Sequence[str], lasting: bool = False):
        self.smiles, self.lasting = smiles, lasting

    @cached_property
    def names(self) -> list[str | None]:
        """Canonical SMILES, in order; None of what is no molecule."""
        if not self.lasting:
            return [canonical(text) for text in each(self.smiles, "reading molecules")]
        found = kept.words("names", self.smiles, lambda: written(self.smiles))
        return [name or None for name in found]

    @cached_property
    def valid(self) -> list[str]:
        """Those that are molecules, repeated ones too."""
        return [name for name in self.names if name is not None]

    @cached_property
    def some(self) -> list[str]:
        """At most MOST of these, evenly spaced."""
        count = min(MOST, len(self.valid))
        return [self.valid[k * len(self.valid) // count] for k in range(count)]

    @cached_property
    def prints(self) -> Tensor:
        """(N, 128) bytes, of the valid."""
        if not self.lasting:
            return prints(self.valid)
        return torch.from_numpy(kept.array("prints", self.valid, lambda: prints(self.valid).numpy()))

    @cached_property
    def fragments(self) -> Counter[str]:
        return kept.counts("fragments", self.valid, fragments_of) if self.lasting else fragments_of(self.valid)

    @cached_property
    def scaffolds(self) -> Counter[str]:
        return kept.counts("scaffolds", self.valid, scaffolds_of) if self.lasting else scaffolds_of(self.valid)

    @cached_property
    def properties(self) -> dict[str, np.ndarray]:
        """(N,) of each, of `some`."""
        table = kept.array("properties", self.some, self._table) if self.lasting else self._table()
        return dict(zip(PROPERTIES, table.T))

    def _table(self) -> np.ndarray:
        rows = [properties(text, PROPERTIES) or {} for text in each(self.some, "properties")]
        return np.array([[row[name] for name in PROPERTIES] for row in rows]).reshape(-1, len(PROPERTIES))

    @cached_property
    def features(self) -> Tensor:
        """ChemNet's (N, 512), of those of `some` that it takes."""
        if not self.lasting:
            return torch.from_numpy(chemnet.features(self.some))
        return torch.from_numpy(kept.array(chemnet.NAME, self.some, lambda: chemnet.features(self.some)))


class Seen:
    def __init__(self, sets: Sets):
        self.sets = sets

    @cached_property
    def fake(self) -> Molecules:
        return Molecules(flat(self.sets.fake))

    @cached_property
    def real(self) -> Molecules:
        return Molecules(flat(self.sets.real), lasting=True)

    @cached_property
    def far(self) -> Molecules | None:
        """Held-out molecules whose scaffolds no training molecule has, where the data has such a part."""
        found = [rows for name, rows in self.sets.beside.items() if SCAFFOLD in name.lower()]
        return Molecules(flat(found[0]), lasting=True) if found else None

    @cached_property
    def train(self) -> Molecules:
        return Molecules(flat(self.sets.train), lasting=True)

    @cached_property
    def untrained(self) -> Molecules | None:
        return None if self.sets.untrained is None else Molecules(flat(self.sets.untrained))

    @cached_property
    def bank(self) -> list[str]:
        """All training molecules, as they are written."""
        return flat(self.sets.train if self.sets.bank is None else self.sets.bank)

    @property
    def enough(self) -> bool:
        """Are there molecules on both sides?"""
        return len(self.fake.valid) >= 2 and len(self.real.valid) >= 2


def written(smiles: Sequence[str]) -> list[str]:
    """Canonically; "" of what is no molecule."""
    return [canonical(text) or "" for text in each(smiles, "reading molecules")]


def flat(rows: Rows) -> list[str]:
    return [text for part in blocks(rows) for text in part]
