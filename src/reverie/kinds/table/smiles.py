"""Molecules in a table, written as SMILES -> numbers by RDKit: its descriptors and counts of substructures.

Weininger 1988, "SMILES, a chemical language and information system"; Rogers & Hahn 2010, "Extended-Connectivity
Fingerprints". RDKit is an extra: without it such a column is left out, and a note says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from functools import cache, lru_cache
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

from reverie.errors import Problem

INSTALL = "pip install 'reverie[chemistry]'"
ABSENT = f"molecules, which only RDKit reads: {INSTALL}"
UNDONE = "(molecule)"  # what descriptors are decoded to: they can't be undone
GAP = "(missing)"  # the last number, where training has gaps: 1 in a gap
BITS, RADIUS = 1024, 2  # of the counts of substructures (ECFP4), hashed
SHARED = 3  # molecules that a substructure must be in to be counted
FEWEST = 20  # different molecules, unless the column's name says what they are
MOST_WORDS = 0.1  # share of cells that may be something else, for the column still to be one of molecules
BRANCHED = 0.25  # share of molecules with a branch, a double bond or a bracket, at least: codes such as C1 have none
SAMPLE = 5_000  # molecules that say whether it is one of molecules, and on which scale
KEPT = 20_000  # molecules whose numbers stay in memory: 5 kB each
TOKENS = re.compile(r"(?:\[[^\[\]\s]+\]|Br|Cl|[BCNOPSFIbcnops*]|%\d\d|\d|[-=#$:/\\.~()])+")
Cells = Sequence[str | None]


class Scale(NamedTuple):
    """Names of the numbers that a molecule becomes, with the middle and the spread of each in training."""

    names: tuple[str, ...]
    middles: tuple[float, ...]
    spreads: tuple[float, ...]


def installed() -> bool:
    return find_spec("rdkit") is not None


def molecules(name: str, distinct: Collection[str]) -> bool:
    """Whether different words of a column are SMILES: they look like it, and RDKit, where it is there, reads them."""
    some = spaced(sorted(distinct), SAMPLE)
    named = "smiles" in name.lower()
    like = [cell for cell in some if TOKENS.fullmatch(cell)]
    if len(like) < (1 - MOST_WORDS) * len(some) or (len(some) < FEWEST and not named):
        return False
    if not named and sum(bool(set(cell) & set("(=[")) for cell in like) < BRANCHED * len(some):
        return False
    if not installed():
        return True
    return sum(parsed(cell) is not None for cell in like) >= (1 - MOST_WORDS) * len(some)


def learn(cells: Cells) -> Scale:
    """What differs between the training part's molecules, of which evenly spaced ones count: descriptors that most of
    them have, substructures that some share. The middle is the median; the spread the distance of the quartiles, or
    half the range where they are one (Holzmüller, Grinsztajn & Steinwart 2024, arXiv:2407.04491, section 3)."""
    found = [numbers(cell) for cell in spaced([c for c in cells if c is not None], SAMPLE)]
    x = np.stack([row for row in found if row is not None]).astype(float)
    count, descriptors = len(x), len(named())
    there = np.isfinite(x)
    often = there.sum(0) > count / 2
    often[descriptors:] &= (x[:, descriptors:] > 0).sum(0) >= min(SHARED, count)
    x = np.where(there, x, np.nan)[:, often]
    low, first, middle, third, high = np.nanquantile(x, (0, 0.25, 0.5, 0.75, 1), axis=0)
    spread = np.where(third > first, third - first, (high - low) / 2)
    differs = spread > 0
    names = np.array(every())[often][differs]
    middles, spreads = middle[differs].tolist(), spread[differs].tolist()
    if any(cell is None for cell in cells):
        return Scale((*names.tolist(), GAP), (*middles, 0.0), (*spreads, 1.0))
    return Scale(tuple(names.tolist()), tuple(middles), tuple(spreads))


def encoded(cells: Cells, scale: Scale, where: Callable[[int], str], name: str) -> np.ndarray:
    """(N, names) float32 in (-3, 3): scaled, then bent at the ends as Holzmüller et al. bend them, so that no molecule
    lies far from all others. A gap, and a descriptor that a molecule doesn't have, is at the middle, 0. Raises Problem
    for what is no molecule."""
    place = {known: k for k, known in enumerate(every())}
    known = [known for known in scale.names if known != GAP]
    other = [one for one in known if one not in place]
    if other:
        raise Problem(f"{name}: this RDKit has no descriptor {other[0]}. Install the one that the run was made with")
    columns = [place[one] for one in known]
    x = np.full((len(cells), len(scale.names)), np.nan)
    for i, cell in enumerate(cells):
        if cell is None:
            continue
        found = numbers(cell)
        if found is None:
            raise Problem(f"{where(i)}, {name}: {cell[:40]!r} is no molecule that RDKit can read. Mend or empty it")
        x[i, : len(columns)] = found[columns]
    z = (x - np.array(scale.middles)) / np.array(scale.spreads)
    z = np.where(np.isfinite(z), z, 0.0)
    if GAP in scale.names:
        z[:, scale.names.index(GAP)] = [cell is None for cell in cells]
    bent: np.ndarray = z / np.sqrt(1 + np.square(z / 3))
    return bent.astype(np.float32)


@lru_cache(KEPT)
def numbers(cell: str) -> np.ndarray | None:
    """All descriptors, not finite where a molecule has none, then counts (D + BITS,); None where it is no molecule."""
    from rdkit import rdBase
    from rdkit.Chem import Descriptors

    with rdBase.BlockLogs():
        molecule = parsed(cell)
        if molecule is None:
            return None
        describe: Any = Descriptors.CalcMolDescriptors  # without types in some of RDKit's versions
        said = describe(molecule, missingVal=float("nan"), silent=True)
        counts = generator().GetCountFingerprintAsNumPy(molecule)
    with np.errstate(over="ignore"):  # of a large molecule, one that grows without bound: as one that it doesn't have
        return np.concatenate([np.array([said[one] for one in named()], float), counts]).astype(np.float32)


def parsed(cell: str) -> Any:
    """RDKit's molecule, or None."""
    try:
        from rdkit import Chem, rdBase
    except ImportError:
        raise Problem(f"{cell[:40]}: to read molecules takes RDKit. Run: {INSTALL}") from None

    with rdBase.BlockLogs():
        found = Chem.MolFromSmiles(cell)
    return found if found is not None and found.GetNumAtoms() else None


@cache
def named() -> tuple[str, ...]:
    """RDKit's descriptors."""
    try:
        from rdkit.Chem import Descriptors
    except ImportError:
        raise Problem(f"molecules: to read them takes RDKit. Run: {INSTALL}") from None
    return tuple(name for name, _ in Descriptors.descList)


def every() -> tuple[str, ...]:
    """Names of what `numbers` gives, in its order."""
    return (*named(), *(f"morgan:{k}" for k in range(BITS)))


@cache
def generator() -> Any:
    from rdkit.Chem import rdFingerprintGenerator

    return rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=BITS, includeChirality=False)


def spaced(cells: Sequence[str], most: int) -> list[str]:
    """At most so many of them, evenly spaced."""
    if len(cells) <= most:
        return list(cells)
    return [cells[k * len(cells) // most] for k in range(most)]
