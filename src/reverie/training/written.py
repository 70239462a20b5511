"""What run.json says, and what its parts are made into."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from reverie.errors import Problem, out_of_memory
from reverie.kinds import DataOptions

FORMAT = 1  # of run.json
HELD = {  # by it, whatever the model
    **dict.fromkeys(("model", "source.where", "source.fingerprint"), str),
    **dict.fromkeys(("config", "spec", "codec", "plan", "source.options"), dict),
    "source.size": list,
}


def read(folder: Path) -> dict[str, Any]:
    """run.json of a folder."""
    file = folder / "run.json"
    if not file.is_file():
        cure = "Name a folder that `reverie fit` made" if folder.is_dir() else "Is it spelt right?"
        raise Problem(f"{folder}: no run (there is no run.json). {cure}")
    try:
        info = json.loads(file.read_text(encoding="utf-8"))
        known = info["format"]
    except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
        raise Problem(f"{file}: not readable as a run ({type(error).__name__}). Train anew by --out") from error
    if known != FORMAT:
        raise Problem(f"{file}: format {known}, and this reverie reads {FORMAT}. Install the version that made it")
    for name, kind in HELD.items():
        held = info
        for key in name.split("."):
            held = held.get(key) if isinstance(held, dict) else None
        if not isinstance(held, kind):
            raise Problem(f"{file}: its {name} is spoilt ({held!r:.80}). Bring back a copy, or train anew")
    return dict(info)


@contextmanager
def as_written(folder: Path, part: str) -> Iterator[None]:
    """What a part of run.json is made into. Raises Problem where nothing can be: reverie wrote it, and once read it, so
    that somebody has changed it."""
    try:
        yield
    except (Problem, MemoryError):
        raise
    except Exception as error:
        if out_of_memory(error):
            raise
        what = f"{type(error).__name__}: {error}".splitlines()[0][:120]
        raise Problem(
            f"{folder / 'run.json'}: its {part} is spoilt ({what}). Bring back a copy, or train anew"
        ) from error


def read_options(values: Mapping[str, Any]) -> DataOptions:
    known = {f.name for f in fields(DataOptions)}
    kept: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if k in known}
    return DataOptions(**kept)


def plain(value: Any) -> Any:
    """As JSON gives it back: tuples are lists."""
    if isinstance(value, Mapping):
        return {k: plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, list | tuple) else value
