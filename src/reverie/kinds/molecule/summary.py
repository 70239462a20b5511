"""What `reverie data` says of molecules."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np

from reverie.kinds.table.smiles import spaced

from . import tokens
from .gather import Gathered
from .properties import NAMES, properties

LOOKED_AT = 1_000  # molecules whose properties are reckoned, evenly spaced
_CHARGE = re.compile(r"\[[^\]]*[-+]\d?\]|\[[^\]]*[-+][:\]]")
_ELEMENT = re.compile(r"\[\d*([A-Z][a-z]?|[a-z][a-z]?|\*)")


def facts(good: Gathered) -> dict[str, Any]:
    smiles = good.smiles
    counts = tokens.counted(smiles)
    said: dict[str, Any] = {
        "duplicates": len(smiles) - len(set(smiles)),
        "tokens": f"{sum(counts.values()) / len(smiles):.3g} a molecule, {len(counts)} different",
        "elements": elements(counts),
        "charged": sum(_CHARGE.search(one) is not None for one in smiles),
        "stereo": sum("@" in one or "/" in one or "\\" in one for one in smiles),
        "of several parts": sum("." in one for one in smiles),
    }
    named = Counter(part for part in good.parts if part)
    if named:
        said["parts"] = dict(named)
    if good.columns:
        said["columns"] = list(good.columns)
    some = spaced(smiles, LOOKED_AT)
    found = [one for smiles in some if (one := properties(smiles)) is not None]
    for name in NAMES if found else ():
        low, middle, high = np.quantile([one[name] for one in found], (0, 0.5, 1))
        said[name] = f"{low:.3g} to {high:.3g}, median {middle:.3g}"
    if len(some) < len(smiles):
        said["properties"] = f"of {len(some):,} molecules, evenly spaced"
    return said


def elements(counts: Counter[str]) -> dict[str, int]:
    """How many atoms of each element, hydrogen as it is written; the most frequent first."""
    found: Counter[str] = Counter()
    for token, count in counts.items():
        bracket = _ELEMENT.match(token)
        name = bracket[1] if bracket else token if token.isalpha() else ""
        if name:
            found[name.capitalize()] += count
    return dict(found.most_common())
