"""Fingerprints of molecules and how like each other they are: Morgan's of radius 2 in 1,024 bits, and Tanimoto's share
of common bits. Rogers & Hahn 2010, "Extended-Connectivity Fingerprints"; MOSES's choice.

A fingerprint is kept as 128 bytes. All pairs are compared by products of matrices of zeros and ones, which are
exact."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from reverie.kinds.molecule.properties import mol
from reverie.shown import each

BITS, RADIUS = 1024, 2
ROWS, COLUMNS = 512, 8192  # of a matrix of pairs at a time
EXACT = 256  # up to here bfloat16 has every whole number


@cache
def generator() -> Any:
    from rdkit.Chem import rdFingerprintGenerator

    return rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=BITS)


def prints(smiles: Sequence[str]) -> UInt8[Tensor, "n 128"]:
    """Of molecules. All zeros where a SMILES is none."""
    make, found = generator(), []
    for text in each(smiles, "fingerprints"):
        molecule = mol(text)
        bits = np.zeros(BITS, np.uint8) if molecule is None else make.GetFingerprintAsNumPy(molecule)
        found.append(np.packbits(bits))
    return torch.from_numpy(np.stack(found)) if found else torch.zeros(0, BITS // 8, dtype=torch.uint8)


def bits(packed: UInt8[Tensor, "n 128"], dtype: torch.dtype = torch.float32) -> Float[Tensor, "n 1024"]:
    """Zeros and ones."""
    return torch.from_numpy(np.unpackbits(packed.numpy(), axis=1)).to(dtype)


def quick(most: float) -> torch.dtype:
    """In what to multiply fingerprints of at most so many bits: sums are taken in float32 either way, and where a
    processor has AVX-512 its products of bfloat16 are twice as fast, or as fast. Others may have none."""
    return torch.bfloat16 if most <= EXACT and "AVX512" in torch.backends.cpu.get_cpu_capability() else torch.float32


def tanimoto(one: Float[Tensor, "n d"], two: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    """Common bits over all bits of each pair; 1 of two without any."""
    both = one @ two.T
    either = one.sum(1)[:, None] + two.sum(1) - both
    return torch.where(either > 0, both / either, 1.0)


def moments(packed: UInt8[Tensor, "n 128"], powers: tuple[int, ...] = (1, 2)) -> Float[Tensor, "n p"]:
    """Of each molecule: mean of the p-th power of its likeness to all, itself among them."""
    rows = []
    for one in each(torch.split(packed, ROWS), "pairs of molecules"):
        left, sums = bits(one), torch.zeros(len(one), len(powers), dtype=torch.float64)
        for two in torch.split(packed, COLUMNS):
            found = tanimoto(left, bits(two))
            sums += torch.stack([found.pow(power).sum(1, dtype=torch.float64) for power in powers], 1)
        rows.append(sums / len(packed))
    return torch.cat(rows)


def best(queries: UInt8[Tensor, "q 128"], bank: UInt8[Tensor, "n 128"]) -> Float[Tensor, " q"]:
    """How like each query its likest of the bank is.

    The bank is parted by the number of bits b: with a query of a bits, the most common bits among those of b decide,
    and no likeness exceeds min(a, b) / max(a, b), so that parts far from a need not be looked at."""
    if not len(queries) or not len(bank):
        return torch.zeros(len(queries))
    sizes, own = (torch.cat([bits(x).sum(1) for x in torch.split(side, COLUMNS)]) for side in (bank, queries))
    order = sizes.argsort(stable=True)
    edges = [0, *sizes[order].long().bincount().cumsum(0).tolist()]
    parts = {b: bank[order[low:high]] for b, (low, high) in enumerate(pairwise(edges)) if high > low}
    turn, found, dtype = own.argsort(stable=True), torch.zeros(len(queries)), quick(float(own.max()))
    for rows in each(torch.split(turn, ROWS), "likest molecules"):
        left, a = bits(queries[rows], dtype), own[rows]
        most = torch.zeros(len(rows))
        middle = float(a.median())
        for b in sorted(parts, key=lambda b: abs(b - middle)):
            bound = torch.where(a > 0, a.clamp(max=b) / a.clamp(min=b), float(b == 0))
            if not bool((bound > most).any()):
                continue
            for part in torch.split(parts[b], COLUMNS):
                both = (left @ bits(part, dtype).T).amax(1).float()
                either = a + b - both
                most = torch.maximum(most, torch.where(either > 0, both / either, 1.0))
        found[rows] = most
    return found


def closest(
    queries: UInt8[Tensor, "q 128"], bank: UInt8[Tensor, "n 128"], k: int
) -> tuple[Float[Tensor, "q k"], Int[Tensor, "q k"]]:
    """The k of the bank that are most like each query, and how like they are, the likest first."""
    left = bits(queries)
    whole = torch.cat([tanimoto(left, bits(part)) for part in torch.split(bank, COLUMNS)], 1)
    values, index = whole.sort(dim=1, descending=True, stable=True)
    return values[:, :k], index[:, :k]
