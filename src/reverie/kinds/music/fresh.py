"""A tune that a person gives, for a model to go on from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from reverie.errors import Problem

from .events import Events
from .files import LARGEST, read
from .grid import Grid
from .heard import Bad, gridded, on_grid


def prompt(what: str, codec: Grid | Events, notes: list[str] | None = None) -> np.ndarray:
    """The tokens (n,) of the one tune in a file, without start and end. `notes` gets what is to be said of it. Raises
    Problem for a file without notes, a pitch or an instrument that the run does not know, and a tune that leaves no
    room."""
    path = Path(what).expanduser()
    if not path.is_file():
        raise Problem(f"{what}: no such file. Name a .mid, .musicxml, .mxl, .abc or .krn with the beginning of a tune")
    try:
        if path.stat().st_size > LARGEST:
            raise Bad(f"more than {LARGEST >> 20} MiB. Give a shorter tune")
        tunes = read(path.name, path.read_bytes())
    except OSError as error:
        raise Problem(f"{what}: can't be read ({error.strerror}). Mend its permissions") from None
    except Bad as error:
        raise Problem(f"{what}: {error}") from None
    if len(tunes) > 1:
        raise Problem(f"{what}: {len(tunes):,} tunes. Give a file with one")
    heard = tunes[0][1]
    if not heard.sounds:
        raise Problem(f"{what}: no notes in it. Give a tune that has begun")
    between = len(heard.sounds) - sum(on_grid(heard, codec.beat))
    if between and notes is not None:
        steps = f"{codec.beat} step{'s' * (codec.beat > 1)} a quarter note"
        notes.append(f"{what}: {between:,} of {len(heard.sounds):,} notes move to the nearest of {steps}")
    tokens = codec.tokens(gridded(heard._replace(name=what), codec.beat))
    room = codec.longest - 1
    if len(tokens) > room:
        raise Problem(f"{what}: {len(tokens):,} tokens, and pieces of this run have {room:,} at most. Cut it")
    return tokens
