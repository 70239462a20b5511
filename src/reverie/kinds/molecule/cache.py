"""Encoded molecules that are kept on disk, by their content: to read a million takes a minute."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from reverie.cache_folder import cache_folder

FORM = 1  # of the kept files; another one is another cache
ABOUT = "about"


def place(key: str) -> Path:
    return cache_folder() / "molecule" / f"{key}.npz"


def load(key: str) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """What `keep` kept, if it is whole."""
    try:
        with np.load(place(key), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about = json.loads(arrays.pop(ABOUT).tobytes())
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError):
        return None
    return (arrays, about) if isinstance(about, dict) and about.get("form") == FORM else None


def keep(key: str, arrays: Mapping[str, np.ndarray], about: Mapping[str, Any]) -> str:
    """Writes under another name first, so that a file of the right name is a whole one. What is to be said of it."""
    file = place(key)
    part = file.with_name(f".{key}.{os.getpid()}.part")
    said = np.frombuffer(json.dumps({**about, "form": FORM}).encode(), np.uint8)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with open(part, "wb") as out:
            np.savez(out, **arrays, **{ABOUT: said})  # type: ignore[arg-type]
        os.replace(part, file)
    except OSError as error:
        part.unlink(missing_ok=True)
        return f"{file}: not kept for the next time ({error.strerror})"
    return f"{file.stat().st_size / 1e6:.1f} MB of tokens kept in {file}"
