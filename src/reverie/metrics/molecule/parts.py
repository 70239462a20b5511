"""What molecules are made of: their scaffold and their fragments, as MOSES counts them.

Bemis & Murcko 1996, "The Properties of Known Drugs. 1. Molecular Frameworks"; Degen, Wegscheid-Gerlach, Zaliani & Rarey
2008, "On the Art of Compiling and Using 'Drug-Like' Chemical Fragment Spaces" (BRICS)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import fsum, sqrt
from typing import Any

from reverie.kinds.molecule.properties import mol
from reverie.shown import each

RINGS = 2  # of a scaffold, at least: a single ring is none


def scaffold(smiles: str) -> str | None:
    """Rings and what joins them, as SMILES; None of less than two rings, and of what is no molecule."""
    molecule = mol(smiles)
    if molecule is None or molecule.GetRingInfo().NumRings() < RINGS:  # a scaffold has no ring that its molecule lacks
        return None
    found = framework(molecule)
    return None if found is None or found.GetRingInfo().NumRings() < RINGS else named(found)


def framework(molecule: Any) -> Any:
    """Of RDKit's molecule, without side chains, as such a molecule; None where RDKit finds none."""
    from rdkit.Chem.Scaffolds import MurckoScaffold

    try:
        return MurckoScaffold.GetScaffoldForMol(molecule)  # type: ignore[no-untyped-call]
    except (ValueError, RuntimeError):
        return None


def named(molecule: Any) -> str:
    from rdkit import Chem

    return str(Chem.MolToSmiles(molecule))


def fragments(smiles: str) -> list[str]:
    """What is left when the bonds are cut that BRICS would make, each with marks where it was cut."""
    from rdkit import Chem
    from rdkit.Chem.rdmolops import FragmentOnBRICSBonds

    molecule = mol(smiles)
    return [] if molecule is None else str(Chem.MolToSmiles(FragmentOnBRICSBonds(molecule))).split(".")


def scaffolds_of(many: Sequence[str]) -> Counter[str]:
    return Counter(found for one in each(many, "scaffolds") if (found := scaffold(one)) is not None)


def fragments_of(many: Sequence[str]) -> Counter[str]:
    return Counter(part for one in each(many, "fragments") for part in fragments(one))


def cosine(one: Mapping[str, int], two: Mapping[str, int]) -> float | None:
    """Of two counts, as vectors: 1 where shares are the same, 0 where nothing is common; None where one is empty."""
    if not one or not two:
        return None
    both = fsum(count * two.get(name, 0) for name, count in one.items())
    sizes = [sqrt(fsum(count * count for count in counts.values())) for counts in (one, two)]
    return both / sizes[0] / sizes[1]
