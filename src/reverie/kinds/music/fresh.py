"""A tune that a person gives, for a model to go on from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from reverie.errors import Problem

from .events import Events
from .files import LARGEST, read
from .grid import Grid
from .heard import Bad, Heard, gridded, on_grid


def prompt(what: str, codec: Grid | Events) -> np.ndarray:
    """The tokens (n,) of the one tune in a file, without start and end, its notes moved to the run's steps. Raises
    Problem for a file without notes, a pitch or an instrument that the run does not know, and a tune that leaves no
    room."""
    tokens = codec.tokens(gridded(tune(what), codec.beat))
    room = codec.longest - 1
    if len(tokens) > room:
        raise Problem(f"{what}: {len(tokens):,} tokens, and pieces of this run have {room:,} at most. Cut it")
    return tokens


def moved(what: str, codec: Grid | Events) -> list[str]:
    """What to say of a tune whose notes do not all begin on the run's steps. Raises Problem as `prompt` does."""
    heard = tune(what)
    between = len(heard.sounds) - sum(on_grid(heard, codec.beat))
    steps = f"{codec.beat} step{'s' * (codec.beat > 1)} a quarter note"
    return [f"{between:,} of {len(heard.sounds):,} notes of {what} move to the nearest of {steps}"] if between else []


def tune(what: str) -> Heard:
    """The one tune in a file. Raises Problem."""
    path = Path(what).expanduser()
    try:
        if not path.is_file():
            raise Problem(
                f"{what[:80]}: no such file. Name a .mid, .musicxml, .mxl, .abc or .krn with a tune's beginning"
            )
        if path.stat().st_size > LARGEST:
            raise Bad(f"more than {LARGEST >> 20} MiB. Give a shorter tune")
        tunes = read(path.name, path.read_bytes())
    except (OSError, ValueError) as error:  # a name too long, or with a NUL
        raise Problem(f"{what[:80]!r}: can't be read ({error}). Is it spelt right?") from None
    except Bad as error:
        raise Problem(f"{what}: {error}") from None
    if len(tunes) > 1:
        raise Problem(f"{what}: {len(tunes):,} tunes. Give a file with one")
    if not tunes[0][1].sounds:
        raise Problem(f"{what}: no notes in it. Give a tune that has begun")
    return tunes[0][1]._replace(name=what)
