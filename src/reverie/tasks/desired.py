"""What molecules are worth to a person who has wishes: their properties, scores, and whether they are among what is
asked for. RDKit takes 2 ms a molecule, so each is looked at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from reverie.kinds.molecule.properties import canonical, mol, properties
from reverie.metrics.molecule.alerts import passes
from reverie.metrics.molecule.parts import framework, named

from .wishes import RANGE, Step, Wish, score, step


class Worth(NamedTuple):
    """Of one SMILES."""

    name: str | None  # canonical; None where it is no molecule
    score: float
    wanted: bool  # in every range, and through the filters where these are asked for


LITTLE = 0.05  # a score up to which no filter is asked
NOTHING = Worth(None, 0.0, False)


class Desired:
    def __init__(self, wishes: Sequence[Wish], training: Sequence[str], filters: bool):
        self.filters, self.known = filters, dict[str, Worth]()
        names = [wish.name for wish in wishes]
        found = [row for smiles in training if (row := properties(smiles, names)) is not None]
        self.usual = {name: np.array([row[name] for row in found]) for name in names}
        self.steps: list[Step] = [step(wish, self.usual[wish.name]) for wish in wishes]

    def __call__(self, smiles: Sequence[str]) -> list[Worth]:
        return [self.one(text) for text in smiles]

    def one(self, smiles: str) -> Worth:
        name = canonical(smiles)
        if name is None:
            return NOTHING
        if name not in self.known:
            self.known[name] = self.worth(name)
        return self.known[name]

    def worth(self, name: str) -> Worth:
        """What does not pass a filter that is asked for is worth nothing."""
        values = properties(name, [one.wish.name for one in self.steps]) or {}
        found = score(self.steps, values)
        inside = all(one.wish.met(values[one.wish.name]) for one in self.steps if one.wish.how == RANGE)
        if self.filters and (inside or found > LITTLE) and not passes(name):  # PAINS take RDKit 4 ms
            return Worth(name, 0.0, False)
        return Worth(name, found, inside)


def scaffold(name: str) -> str:
    """Rings and what joins them. A molecule without rings is its own: else all chains together would be one
    scaffold."""
    found = framework(mol(name))
    return named(found) or name if found is not None else name
