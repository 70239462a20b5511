"""Tunes that a person gives, for a model to go on from, or to harmonise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from reverie.errors import Problem

from .events import Events
from .files import LARGEST, find, read
from .grid import Grid
from .heard import Bad, gridded, on_grid
from .led import Led, melody
from .piece import Piece


def prompt(what: str, codec: Grid | Events | Led, notes: list[str] | None = None) -> np.ndarray:
    """The tokens (n,) of the one tune in a file, without start and end. `notes` gets what is to be said of it. Raises
    Problem for a file without notes, a pitch or an instrument that the run does not know, and a tune that leaves no
    room."""
    if isinstance(codec, Led):
        raise Problem(f"{what}: this run was given melodies and does not go on: reverie harmonise RUN {what}")
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


def melodies(where: Sequence[str], beat: int, notes: list[str]) -> list[Piece]:
    """Of each tune in files, folders and zips the highest voice, on a grid of so many steps a quarter. `notes` gets
    what is to be said. Raises Problem."""
    found: list[Piece] = []
    for place in where:
        if not Path(place).expanduser().exists():
            raise Problem(f"{place}: no such file. Name a .mid, .musicxml, .mxl, .abc or .krn with a melody")
        here = find(str(Path(place).expanduser()))
        if here.bad:
            raise Problem(here.bad[0])
        for tune in here.tunes:
            heard = tune.heard
            between = len(heard.sounds) - sum(on_grid(heard, beat))
            if between:
                steps = f"{beat} step{'s' * (beat > 1)} a quarter note"
                notes.append(f"{tune.name}: {between:,} of {len(heard.sounds):,} notes move to the nearest of {steps}")
            found.append(melody(gridded(heard._replace(name=tune.name or place), beat)))
    return found
