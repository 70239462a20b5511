"""A fragment to grow: what is written of it at once, and what may be written where it is open.

An open place is a star, bound to one atom: `*c1ccccc1`. The fragment is written so that it begins with an atom and each
star ends a branch, or the whole: there the model writes, until it closes the branch itself. Neither a bond of the
fragment nor one of its open rings is left to the model, so that all that it writes keeps the fragment; the idea of
growing at open places, by another road, is of Arús-Pous et al. 2020, "SMILES-based deep generative scaffold decorator
for de-novo drug design". Of the many ways to write a fragment the model's own likeliest is taken, as it has learnt one
way of each molecule. SELFIES have no branches that a reader could close, and rings there may reach back: of these a
fragment grows at one place, and `holds` says which samples have kept it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from reverie.errors import Problem

from .codec import TOKENS, Codec
from .properties import mol
from .tokens import END, FIRST

if TYPE_CHECKING:
    from torch import Tensor

TRIES = 2_000  # ways to write a fragment, by chance, of which the different ones are looked at
MOST = 500  # of those, for the model to choose from
GROWN = "C"  # what stands at each star while the model chooses
_NUMBERED = re.compile(r"\[[^\]]*\*")  # a star in brackets
OPEN, CLOSE, DOT = "(", ")", "."
MULTIPLE = frozenset(("=", "#", "$", ":", "~", "->", "<-"))
BONDS = MULTIPLE | frozenset(("-", "/", "\\"))


def prompt(what: str, codec: Codec) -> np.ndarray:
    """The tokens (n,) that every sample begins with. Raises Problem for what RDKit can't read or training has not
    seen."""
    return parts(what, codec)[0]


def allowed(what: str, codec: Codec) -> Callable[[Tensor, Tensor], Tensor] | None:
    """Which tokens may come next: of tokens so far (B, W), of which counts (B,) are each row's own, (B, V) of booleans.
    None where anything may: of a fragment without a star, and of SELFIES."""
    if "*" not in what or codec.tokens != TOKENS[0]:
        return None
    return Growing(codec, parts(what, codec), ends=not written(what, codec.tokens).endswith("*"))


def likeliest(what: str, codec: Codec, nats: Callable[[list[str]], Sequence[float]]) -> str:
    """The fragment in the way that costs a model the fewest nats, which `nats` says of molecules; as it is where it has
    no star. The last star stands at the end: within a branch a model that has learnt RDKit's way writes little, as
    there the longest branch comes last. Raises Problem."""
    own = written(what, codec.tokens)
    if "*" not in own:
        return own
    parts(own, codec)  # one way fits, or none does
    some = list(dict.fromkeys([own, *ways(mol(own), codec.tokens)]))[:MOST]
    fit = [one for one in some if one[-1] == "*" and fits(one.replace("*", GROWN), codec)]
    if len(fit) < 2:
        return own
    costs = nats([one.replace("*", GROWN) for one in fit])
    return min(zip(costs, fit))[1]


def fits(smiles: str, codec: Codec) -> bool:
    """Can the codec say it?"""
    try:
        return len(codec.ids(smiles)) < codec.longest
    except Problem:
        return False


def parts(what: str, codec: Codec) -> list[np.ndarray]:
    """The fragment's tokens up to each open place, and those behind the last. Raises Problem."""
    text = written(what, codec.tokens)
    pieces = text.split("*") if codec.tokens == TOKENS[0] else [text.removesuffix("*")]
    found = [codec.ids(one) for one in (pieces if pieces[-1] else pieces[:-1])]
    size = sum(map(len, found))
    if size >= codec.longest:
        raise Problem(
            f"{what[:40]}: {size} tokens, and with its end a molecule has {codec.longest} at most. Shorten it"
        )
    return found


def written(what: str, how: str) -> str:
    """The fragment with an atom at its beginning: as it was given, where it has one there. Raises Problem."""
    what = what.strip()
    molecule = mol(what)
    if molecule is None:
        raise Problem(f"{what[:40]!r}: no molecule that RDKit can read. Mark where it grows by *, as in *c1ccccc1")
    stars = [atom for atom in molecule.GetAtoms() if atom.GetAtomicNum() == 0]
    if not stars:
        return what
    if len(stars) == molecule.GetNumAtoms():
        raise Problem(f"{what[:40]}: nothing but open places. Give an atom at least, as in *C")
    if "." in what:
        raise Problem(f"{what[:40]}: of several parts. Give the one that is to grow")
    if any(star.GetDegree() != 1 for star in stars):
        raise Problem(f"{what[:40]}: a * in the middle. It marks an end that grows: bind it to one atom")
    if len(stars) > 1 and how != TOKENS[0]:
        raise Problem(
            f"{what[:40]}: {len(stars)} open places, and SELFIES grow at one. Mark one, or use --tokens atoms"
        )
    given = what[0] != "*" and not _NUMBERED.search(what)
    if given and (how == TOKENS[0] or what[-1] == "*"):
        return what
    found = ways(molecule, how)
    if not found:
        raise Problem(f"{what[:40]}: no way to write it from an atom on. Give another fragment")
    return found[0]


def ways(molecule: Any, how: str) -> list[str]:
    """Ways to write a fragment that begin with an atom, of SELFIES those that end in the star: those with few branches
    first."""
    from rdkit import Chem

    tried: Any = Chem.MolToRandomSmilesVect
    some = {one.replace("[*]", "*") for one in tried(unnamed(molecule), TRIES, randomSeed=1)}
    found = [one for one in some if one[0] != "*" and (how == TOKENS[0] or one[-1] == "*")]
    return sorted(found, key=lambda one: (one[-1] != "*", one.count(OPEN), len(one), one))


def unnamed(molecule: Any) -> Any:
    """The same without the numbers that a person may give to atoms: [1*], [*:2]."""
    from rdkit import Chem

    plain = Chem.Mol(molecule)
    for atom in plain.GetAtoms():
        atom.SetAtomMapNum(0)
        if atom.GetAtomicNum() == 0:
            atom.SetIsotope(0)
    return plain


def holds(smiles: str, fragment: str) -> bool:
    """Is the fragment in a molecule, atom by atom and bond by bond? A star is any atom but hydrogen: it has grown."""
    from rdkit import Chem

    whole, part = mol(smiles), mol(fragment.strip())
    if whole is None or part is None:
        return False
    how = Chem.AdjustQueryParameters.NoAdjustments()
    how.makeDummiesQueries = True  # type: ignore[assignment]
    query = Chem.AdjustQueryProperties(unnamed(part), how)
    return bool(whole.HasSubstructMatch(query, useChirality=True))


# ------------------------------------------------------------------------------------------------------ what may follow


@dataclass
class Run:
    """Where a row stands in what the model writes at an open place."""

    last: str  # the token before the next
    depth: int = 0  # branches that it has opened
    rings: frozenset[int] = frozenset()  # that it has opened
    atoms: int = 0  # that it has written


class Growing:
    """The rule for a fragment in parts, each of which ends where it is open; with `ends`, the last where all ends."""

    def __init__(self, codec: Codec, fixed: Sequence[np.ndarray], ends: bool = False):
        self.ends = ends
        self.fixed = [one.tolist() for one in fixed]
        self.names = ("", "", *codec.vocabulary)
        self.taken = []  # of each open place: rings of the fragment that are open there
        rings: frozenset[int] = frozenset()
        for one in self.fixed:
            for token in one:
                rings = toggled(rings, self.names[token])
            self.taken.append(rings)

    def __call__(self, so_far: Tensor, counts: Tensor) -> Tensor:
        import torch

        made = torch.zeros(len(so_far), len(self.names), dtype=torch.bool)
        for row, own, count in zip(made, so_far.tolist(), counts.tolist()):
            row[self.after(own[:count])] = True
        return made.to(so_far.device)

    def after(self, row: Sequence[int]) -> list[int]:
        """The tokens that may come after those of one row."""
        at = 0
        for k, fixed in enumerate(self.fixed):
            if at + len(fixed) > len(row):
                return [fixed[len(row) - at]]
            at += len(fixed)
            if self.ends and k + 1 == len(self.fixed):
                break
            run = Run(self.names[fixed[-1]])
            while at < len(row):
                name = self.names[row[at]]
                if row[at] == END:
                    return [END]
                if name == CLOSE and not run.depth and k + 1 < len(self.fixed):
                    break  # the fragment's next part begins with it
                run = stepped(run, name)
                at += 1
            else:
                return self.within(run, k)
        return [END]

    def within(self, run: Run, k: int) -> list[int]:
        """The tokens that may come in what is written at the k-th open place."""
        ends = not run.depth and not run.rings and run.atoms > 0 and follows(run.last, CLOSE)
        last = k + 1 == len(self.fixed)
        found = [END] if ends and last else []
        for token, name in enumerate(self.names[FIRST:], FIRST):
            if name == CLOSE and not run.depth:
                fits = ends and not last
            else:
                fits = follows(run.last, name) and number(name) not in self.taken[k]
                fits &= run.atoms > 0 or name not in MULTIPLE  # the star's own bond stands before it
            if fits:
                found.append(token)
        return found


def stepped(run: Run, name: str) -> Run:
    deeper = {OPEN: 1, CLOSE: -1}.get(name, 0)
    return Run(name, run.depth + deeper, toggled(run.rings, name), run.atoms + atom(name))


def follows(last: str, name: str) -> bool:
    """May a token come after another, by the grammar of SMILES (OpenSMILES 1.0, section 2)?"""
    if name == DOT:
        return False  # another molecule beside the fragment
    if last == OPEN:
        return atom(name) or name in BONDS
    if last in BONDS:
        return atom(name) or number(name) is not None
    return not (last == CLOSE and number(name) is not None)


def atom(name: str) -> bool:
    return name[0] == "[" or name[0].isalpha() or name == "*"


def number(name: str) -> int | None:
    """Of a ring that a token opens or closes."""
    digits = name.strip("%()")
    return int(digits) if digits.isdecimal() else None


def toggled(rings: frozenset[int], name: str) -> frozenset[int]:
    """Open rings after a token."""
    ring = number(name)
    return rings if ring is None else rings ^ {ring}
