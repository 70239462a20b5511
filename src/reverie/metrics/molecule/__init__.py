"""Measures of molecules, written as SMILES: the set of MOSES, by its definitions. Polykovskiy et al. 2020, "Molecular
Sets (MOSES): A Benchmarking Platform for Molecular Generation Models", arXiv:1811.12823.

How many samples are molecules and differ (`validity`), how many are new (`originality`), how varied their
structures are (`diversity`), how like the data's their structures and properties are (`likeness`, `numbers`,
`chemnet`), how many pass the filters by which the data were chosen (`filters`). A sample that is no molecule counts in
`validity` alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from reverie.kinds.molecule.properties import mol
from reverie.metrics import Sets, share, size_name, without
from reverie.metrics.text import divergence, spread
from reverie.metrics.text import nearest as alike

from .chemnet import note
from .prints import closest, prints
from .seen import OF_DATA, Seen

__all__ = [
    "LEAST", "PLENTY", "SAMPLES", "UNTRAINED", "WHOLE", "cheap", "left_out", "neighbours", "note", "prepare", "spread",
    "suspects",
]  # fmt: skip

SAMPLES = 3_000
LEAST = 100
WHOLE = 30_000  # samples from which on all held-out molecules are judged by, as MOSES does
UNTRAINED = 500  # samples of the untrained model: all that is asked of them is whether they are molecules
PLENTY = 10_000_000  # training molecules among which copies are looked for, at most: their names alone are compared
SEARCHED, BANK = 100, 20_000  # samples whose nearest training molecule is looked for, and among how many


def prepare(sets: Sets, like: Seen | None = None) -> Seen:
    made = Seen(sets)
    share(made, like, OF_DATA)
    return made


def cheap(real: Sequence[str], fake: Sequence[str]) -> tuple[str, float]:
    """Name and value of what a run watches while it trains, where its model has no likelihood: the share of samples
    that are no molecules, and the Jensen-Shannon divergence of pairs of characters, in bits. Lower is better."""
    return f"molecules_cheap_{size_name(len(fake))}", divergence(fake, real) + broken(fake)


def broken(fake: Sequence[str]) -> float:
    """Share that RDKit reads no molecule from."""
    return sum(mol(text) is None for text in fake) / max(1, len(fake))


def left_out(real: Sequence[str], fake: Sequence[str], groups: Sequence[Tensor]) -> list[float]:
    """`cheap` without each of the groups, index sets into both, in turn."""
    return without(cheap, real, fake, groups)


def neighbours(seen: Seen, count: int, k: int) -> Tensor:
    """Which k of the training molecules for the floor are most like each of the first samples, by fingerprint; of a
    sample that is no molecule, by its characters: (count, k)."""
    some, bank = list(seen.fake.smiles[:count]), seen.train.smiles
    found = alike(some, bank, k)
    whole = torch.tensor([i for i, text in enumerate(some) if mol(text) is not None], dtype=torch.long)
    if len(whole):
        found[whole] = closest(prints([some[i] for i in whole.tolist()]), prints(bank), k)[1]
    return found


def suspects(seen: Seen, count: int) -> list[tuple[int, int]]:
    """The samples that are training molecules, the largest first, and which; then, of the first SEARCHED, those that
    are most like one by fingerprint, among BANK of these, evenly spaced."""
    names = seen.fake.names
    bank = seen.bank
    place = {text: i for i, text in reversed(list(enumerate(bank)))}
    same = [(i, place[name]) for i, name in enumerate(names) if name is not None and name in place]
    same = sorted(same, key=lambda pair: -len(bank[pair[1]]))[:count]
    done = {i for i, _ in same}
    rest = [i for i, name in enumerate(names[:SEARCHED]) if name is not None and i not in done]
    if len(same) == count or not rest:
        return same
    some = torch.arange(min(BANK, len(bank))) * len(bank) // min(BANK, len(bank))
    value, which = closest(prints([names[i] or "" for i in rest]), prints([bank[j] for j in some.tolist()]), 1)
    order = value[:, 0].argsort(descending=True, stable=True)[: count - len(same)]
    return same + [(rest[int(i)], int(some[which[i, 0]])) for i in order]
