"""What RDKit says of a molecule: numbers by which chemists choose. RDKit is an extra, and quiet here.

Bickerton et al. 2012, "Quantifying the chemical beauty of drugs" (qed); Wildman & Crippen 1999, "Prediction of
Physicochemical Parameters by Atomic Contributions" (logp); Ertl & Schuffenhauer 2009, "Estimation of synthetic
accessibility score of drug-like molecules" (sa); Ertl, Rohde & Selzer 2000 (tpsa).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from reverie.errors import Problem
from reverie.kinds.table.smiles import INSTALL

KEPT = 10_000  # molecules that stay parsed in memory: about 30 kB each
ABOUT = {  # what each property is, with its unit and range: for a person
    "qed": "how like a drug, 0 to 1",
    "logp": "octanol to water, a logarithm (Crippen)",
    "sa": "how hard to make, 1 to 10",
    "weight": "g/mol",
    "tpsa": "polar surface, Å²",
    "hbd": "donors of hydrogen bonds",
    "hba": "acceptors of hydrogen bonds",
    "rings": "rings",
    "rotatable": "bonds that turn",
    "atoms": "atoms but hydrogen",
}
NAMES = tuple(ABOUT)
BLANK = frozenset(" \t\r\n\v\f\0")
WHOLE = ("hbd", "hba", "rings", "rotatable", "atoms")  # properties that are counts


@lru_cache(KEPT)
def mol(smiles: str) -> Any:
    """RDKit's molecule, or None where it reads none: a wrong valence, an open ring, no atom. Raises Problem without
    RDKit. It is shared: leave it as it is."""
    return parsed(smiles)


def parsed(smiles: str) -> Any:
    """The same, read anew."""
    try:
        from rdkit import Chem, rdBase
    except ImportError:
        raise Problem(f"molecules: to read them takes RDKit. Run: {INSTALL}") from None

    if not smiles.isascii() or set(smiles) & BLANK:  # behind a blank RDKit reads a name, and says nothing
        return None
    with rdBase.BlockLogs():
        found = Chem.MolFromSmiles(smiles)
    return found if found is not None and found.GetNumAtoms() else None


def canonical(smiles: str) -> str | None:
    """The one SMILES that RDKit writes for a molecule, whatever SMILES it is read from; None where it is none."""
    from rdkit import Chem

    found = mol(smiles)
    return None if found is None else str(Chem.MolToSmiles(found))


def properties(smiles: str, names: Sequence[str] = NAMES) -> dict[str, float] | None:
    """The named properties of a molecule; None where it is none. Raises Problem for a name that is not in NAMES."""
    found = mol(smiles)
    if found is None:
        return None
    measures = measured()
    for name in names:
        if name not in measures:
            raise Problem(f"{name}: no property of molecules. There are: {', '.join(NAMES)}")
    return {name: float(measures[name](found)) for name in names}


@cache
def measured() -> Mapping[str, Callable[[Any], float]]:
    """A function of RDKit's molecule for each of NAMES."""
    try:
        from rdkit.Chem import QED, Crippen, Descriptors, rdMolDescriptors
    except ImportError:
        raise Problem(f"molecules: to read them takes RDKit. Run: {INSTALL}") from None

    crippen: Any = Crippen  # without types in some of RDKit's versions, as the next two
    described: Any = Descriptors
    counted: Any = rdMolDescriptors
    return {
        "qed": QED.qed,
        "logp": crippen.MolLogP,
        "sa": accessibility,
        "weight": described.MolWt,
        "tpsa": counted.CalcTPSA,
        "hbd": counted.CalcNumHBD,
        "hba": counted.CalcNumHBA,
        "rings": counted.CalcNumRings,
        "rotatable": counted.CalcNumRotatableBonds,
        "atoms": lambda molecule: molecule.GetNumHeavyAtoms(),
    }


def accessibility(molecule: Any) -> float:
    """Ertl & Schuffenhauer's score: 1 is easy to make, 10 hard. Raises Problem where RDKit came without it."""
    return float(_scorer().calculateScore(molecule))


@cache
def _scorer() -> ModuleType:
    """RDKit ships the score among its contributions, which are no package."""
    from rdkit.Chem import RDConfig

    file = Path(RDConfig.RDContribDir) / "SA_Score" / "sascorer.py"
    spec = spec_from_file_location("rdkit_sascorer", file) if file.is_file() else None
    if spec is None or spec.loader is None:
        raise Problem(f"sa: this RDKit came without SA_Score ({file}). Run: {INSTALL}")
    made = module_from_spec(spec)
    spec.loader.exec_module(made)
    return made
