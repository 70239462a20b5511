"""SELFIES: strings of which every one is a molecule. Krenn et al. 2020, "Self-referencing embedded strings",
arXiv:1905.13741; Lo et al. 2023, "Recent advances in the self-referencing embedded strings (SELFIES) library".

How many bonds an atom may have is asked of the data: of charged and of rare atoms the most that a molecule of it has.
The library's own table lets rare ones have up to 8, which RDKit then refuses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from reverie.errors import Problem
from reverie.kinds.table.smiles import INSTALL

from .properties import canonical, mol

PLAIN = ("H", "B", "C", "N", "O", "P", "S", "F", "Cl", "Br", "I")  # their valences are the library's


def library() -> Any:
    try:
        import selfies
    except ImportError:
        raise Problem(f"--tokens selfies: takes the package selfies. Run: {INSTALL}") from None
    return selfies


def bonds(smiles: Iterable[str]) -> dict[str, int]:
    """The most bonds that each kind of charged or rare atom has: {"N+1": 4}."""
    most: dict[str, int] = {}
    for one in smiles:
        molecule = mol(one)
        for atom in molecule.GetAtoms() if molecule is not None else ():
            name, charge = atom.GetSymbol(), atom.GetFormalCharge()
            if atom.GetAtomicNum() and (charge or name not in PLAIN):  # a star is no atom that SELFIES know
                key = f"{name}{charge:+d}" if charge else name
                most[key] = max(most.get(key, 0), atom.GetTotalValence())
    return most


def written(smiles: str, most: Mapping[str, int]) -> str | None:
    """A SMILES as SELFIES; None where these can't say it."""
    use(tuple(sorted(most.items())))
    try:
        return str(library().encoder(smiles))
    except library().EncoderError:
        return None


def read(symbols: str, most: Mapping[str, int]) -> str:
    """SELFIES as the SMILES that RDKit writes; "" for symbols that hold no atom. Raises Problem on a symbol that is
    none."""
    use(tuple(sorted(most.items())))
    try:
        found = str(library().decoder(symbols))
    except library().DecoderError as error:
        raise Problem(f"{symbols[:40]}: {str(error).splitlines()[0]}. Take the run.json that fit wrote") from None
    return canonical(found) or found


_used: list[tuple[tuple[str, int], ...]] = []  # the library keeps one table for all


def use(most: tuple[tuple[str, int], ...]) -> None:
    if _used[-1:] != [most]:
        library().set_semantic_constraints(table(most))
        _used[:] = [most]


@cache
def table(most: tuple[tuple[str, int], ...]) -> dict[str, int]:
    own = {k: v for k, v in library().get_preset_constraints("default").items() if k in (*PLAIN, "?")}
    return {**own, **dict(most)}
