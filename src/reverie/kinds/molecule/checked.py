"""Which SMILES are molecules, and how RDKit writes them.

RDKit reads 10,000 a second: of a million molecules the tokens of all are looked at, and RDKit is asked for an evenly
spaced sample. Where that has one that is no molecule, or more than a few that are written otherwise, for all."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from .tokens import like

ASKED = 20_000  # molecules that RDKit reads, at least; fewer are all read
OTHERWISE = 0.01  # share of those that may be written in another way than RDKit's, for all to be left as they are
LONGEST = 10_000  # letters of a SMILES
SLOW = 100_000  # molecules whose reading is announced
RATE = 6_000  # molecules a second that RDKit reads and writes


class Checked(NamedTuple):
    smiles: list[str]  # as RDKit writes them, or as they were; "" where `bad` says why
    bad: dict[int, str]  # what is wrong with those that are no molecule
    note: str


def check(smiles: Sequence[str]) -> Checked:
    """Molecules in the way in which RDKit writes them."""
    odd = [i for i, one in enumerate(smiles) if len(one) > LONGEST or not like(one)]
    count = len(smiles)
    sample = range(count) if count <= ASKED else (np.arange(ASKED) * count // ASKED).tolist()
    first = dict(written(smiles, sorted({*sample, *odd})))
    bad = [i for i, one in first.items() if one is None]
    asked = [i for i in sample if first[i] is not None]
    other = sum(first[i] != smiles[i] for i in asked)
    if count > ASKED and not set(bad) - set(odd) and other <= OTHERWISE * len(asked):
        out = list(smiles)
        for i in bad:
            out[i] = ""
        note = f"RDKit has read {ASKED:,} of {count:,} molecules, evenly spaced, and the tokens of all are a SMILES's"
        note += f"; {other:,} of those it would write otherwise: all are kept as they are" if other else ""
        return Checked(out, {i: reason(smiles[i]) for i in bad}, note)
    rest = [i for i in range(count) if i not in first]
    if len(rest) > SLOW:
        said = f"{len(rest):,} molecules to be read by RDKit, once: about {len(rest) / RATE / 60:.0f} minutes"
        print(said, file=sys.stderr)
    first.update(written(smiles, rest))
    out = [first[i] or "" for i in range(count)]
    bad = [i for i in range(count) if first[i] is None]
    changed = sum(one != old for one, old in zip(out, smiles)) - len(bad)
    note = f"{changed:,} of {count:,} molecules written anew, as RDKit writes them" if changed else ""
    return Checked(out, {i: reason(smiles[i]) for i in bad}, note)


def written(smiles: Sequence[str], places: Iterable[int]) -> Iterable[tuple[int, str | None]]:
    """Each as RDKit writes it, None where it is no molecule. None is kept in memory."""
    from rdkit import Chem, rdBase

    from .properties import parsed

    with rdBase.BlockLogs():
        for i in places:
            found = parsed(smiles[i]) if len(smiles[i]) <= LONGEST else None
            yield i, None if found is None else str(Chem.MolToSmiles(found))


def reason(smiles: str) -> str:
    """Why RDKit reads no molecule in it, in a few words."""
    from rdkit import Chem, rdBase

    if len(smiles) > LONGEST:
        return f"{len(smiles):,} letters, more than {LONGEST:,}"
    with rdBase.BlockLogs():
        loose = Chem.MolFromSmiles(smiles, sanitize=False) if smiles.isascii() else None
        if loose is None:
            return (
                "no SMILES"
                if not like(smiles)
                else "no SMILES: a ring or a branch is left open, or a bond leads nowhere"
            )
        if not loose.GetNumAtoms():
            return "no atom"
        found = Chem.DetectChemistryProblems(loose)
    return found[0].Message().split(", is greater")[0] if found else "no molecule"
