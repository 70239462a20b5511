"""A cache on disk of what is computed of real molecules, which are judged by again and again. Its key holds what the
molecules are, RDKit's version and what is computed. A cache that can't be read or written is done without."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import numpy as np

from reverie.cache_folder import cache_folder

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
    with written(path) as part:
        np.save(part, found, allow_pickle=False)
    return found


def words(what: str, smiles: Sequence[str], compute: Callable[[], list[str]]) -> list[str]:
    path = place(what, smiles, ".json")
    with suppress(OSError, ValueError):
        found: list[str] = json.loads(path.read_text(encoding="utf-8"))
        return found
    made = compute()
    with written(path) as part:
        part.write_text(json.dumps(made), encoding="utf-8")
    return made


def counts(what: str, smiles: Sequence[str], compute: Callable[[Sequence[str]], Counter[str]]) -> Counter[str]:
    path = place(what, smiles, ".json")
    with suppress(OSError, ValueError):
        return Counter(json.loads(path.read_text(encoding="utf-8")))
    made = compute(smiles)
    with written(path) as part:
        part.write_text(json.dumps(made), encoding="utf-8")
    return made


class written:
    """A name to write under, which becomes the true one if all went well."""

    def __init__(self, path: Path):
        self.path, self.part = path, path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")

    def __enter__(self) -> Path:
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
        return self.part

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        with suppress(OSError):
            if kind is None:
                os.replace(self.part, self.path)
            else:
                self.part.unlink()
        return kind is not None and issubclass(kind, OSError)
