"""A tune that a person gives: to go on from, or to have set for more voices."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from reverie.errors import Problem

from .events import Events
from .files import LARGEST, find, read
from .grid import Grid
from .heard import Bad, Heard, gridded, on_grid
from .led import Led, melody
from .piece import Piece


def prompt(what: str, codec: Grid | Events | Led) -> np.ndarray:
    """The tokens (n,) of the one tune in a file, without start and end, its notes moved to the run's steps. Raises
    Problem for a file without notes, a pitch or an instrument that the run does not know, and a tune that leaves no
    room."""
    if isinstance(codec, Led):
        raise Problem(f"{what}: this run was given melodies and does not go on: reverie harmonise RUN {what}")
    tokens = codec.tokens(gridded(tune(what), codec.beat))
    room = codec.longest - 1
    if len(tokens) > room:
        raise Problem(f"{what}: {len(tokens):,} tokens, and pieces of this run have {room:,} at most. Cut it")
    return tokens


def moved(what: str, codec: Grid | Events | Led) -> list[str]:
    """What to say of a tune whose notes do not all begin on the run's steps. Raises Problem as `prompt` does."""
    return between(tune(what), codec.beat)


def between(heard: Heard, beat: int) -> list[str]:
    """What to say of notes that lie between so many steps a quarter note."""
    count = len(heard.sounds) - sum(on_grid(heard, beat))
    steps = f"{beat} step{'s' * (beat > 1)} a quarter note"
    return [f"{heard.name}: {count:,} of {len(heard.sounds):,} notes move to the nearest of {steps}"] if count else []


def tune(what: str) -> Heard:
    """The one tune in a file. Raises Problem."""
    path = Path(what).expanduser()
    try:
        if not path.is_file():
            cure = "Name a .mid, .musicxml, .mxl, .abc or .krn with a tune's beginning"
            raise Problem(f"{what}: no such file. {cure}")
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
        for one in here.tunes:
            heard = one.heard._replace(name=one.name or place)
            notes += between(heard, beat)
            found.append(melody(gridded(heard, beat)))
    return found
