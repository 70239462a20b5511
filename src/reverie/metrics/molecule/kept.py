"""A cache on disk of what is computed of real molecules, which are judged by again and again. Its key holds what the
molecules are, RDKit's version and what is computed. A cache that can't be read or written is done without."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from reverie.cache_folder import cache_folder
from reverie.errors import Problem
from reverie.kinds.writing import Content, write

FORM = 1  # of what is kept: another one where the computation changes


def place(what: str, smiles: Sequence[str], suffix: str) -> Path:
    from rdkit import rdBase

    key = blake2b(f"{FORM} {rdBase.rdkitVersion} {what} {len(smiles)}".encode(), digest_size=16)
    for text in smiles:
        key.update(f"\n{text}".encode("utf-8", "surrogateescape"))
    return cache_folder() / "molecules" / what / f"{key.hexdigest()}{suffix}"


def array(what: str, smiles: Sequence[str], compute: Callable[[], np.ndarray]) -> np.ndarray:
    path = place(what, smiles, ".npy")
    with suppress(OSError, ValueError, EOFError):
        return np.asarray(np.load(path, allow_pickle=False))
    found = compute()

    def fill(part: Path) -> None:
        with open(part, "wb") as file:  # given a name, numpy would add a suffix
            np.save(file, found, allow_pickle=False)

    keep(path, fill)
    return found


def words(what: str, smiles: Sequence[str], compute: Callable[[], list[str]]) -> list[str]:
    found: list[str] = plain(what, smiles, compute)
    return found


def counts(what: str, smiles: Sequence[str], compute: Callable[[Sequence[str]], Counter[str]]) -> Counter[str]:
    return Counter(plain(what, smiles, lambda: compute(smiles)))


def plain(what: str, smiles: Sequence[str], compute: Callable[[], Any]) -> Any:
    """What JSON can hold."""
    path = place(what, smiles, ".json")
    with suppress(OSError, ValueError):
        return json.loads(path.read_text(encoding="utf-8"))
    made = compute()
    keep(path, json.dumps(made))
    return made


def keep(path: Path, content: Content) -> None:
    with suppress(Problem):
        write(path, content)
