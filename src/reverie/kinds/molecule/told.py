"""What a model is told of each molecule: a property that RDKit knows, or a column of numbers."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from reverie.errors import Problem
from reverie.kinds.table.files import number, some

from .gather import Gathered
from .properties import NAMES, measured, parsed

SLOW = 20_000  # molecules whose reckoning is announced
SECONDS = {"qed": 1e-3, "logp": 3e-4, "sa": 3e-4}  # of one molecule; the others take less


def values(whole: Gathered, names: Sequence[str]) -> np.ndarray:
    """(N, names) float64. A column of that name comes before a property. Raises Problem."""
    made = np.empty((len(whole), len(names)))
    reckoned = []
    for k, name in enumerate(names):
        if name in whole.columns:
            made[:, k] = column(whole, name)
        elif name in NAMES:
            reckoned.append((k, name))
        else:
            own = f", and the columns {some(list(whole.columns))}" if whole.columns else ""
            raise Problem(f"--attributes {name}: no such property. There are: {', '.join(NAMES)}{own}")
    if not reckoned:
        return made
    functions = measured()
    minutes = len(whole) * (1.5e-4 + sum(SECONDS.get(name, 1e-4) for _, name in reckoned)) / 60
    if len(whole) > SLOW:
        asked = ", ".join(name for _, name in reckoned)
        print(f"{asked} of {len(whole):,} molecules, once: about {minutes:.0f} minutes", file=sys.stderr)
    for i, smiles in enumerate(whole.smiles):
        molecule = parsed(smiles)
        for k, name in reckoned:
            made[i, k] = functions[name](molecule)
    return made


def column(whole: Gathered, name: str) -> list[float]:
    found = []
    for i, cell in enumerate(whole.columns[name]):
        value = number(cell)
        if value is None:
            said = f"{cell[:40]!r}, no number" if cell else "empty"
            raise Problem(f"--attributes {name}: of {whole.place(i)} {said}. Give numbers, or 0 and 1")
        found.append(value)
    return found
