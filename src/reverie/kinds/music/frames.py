"""Music as JSON of frames, in the form of Boulanger-Lewandowski, Bengio & Vincent 2012 (arXiv:1206.6392): part ->
pieces -> steps -> the MIDI pitches that sound."""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath

from .heard import Bad, Heard, Sound, checked

PARTS = ("train", "valid", "validation", "test")
_HEAD = re.compile(rb'\s*\{\s*"(train|valid|validation|test)"\s*:\s*\[\s*\[\s*\[')
_BEATS = (("quarter", 1), ("8th", 2), ("16th", 4), ("32nd", 8))  # what a name says of its steps


def is_frames(head: bytes) -> bool:
    """By a file's first bytes."""
    return bool(_HEAD.match(head))


def read(data: bytes, name: str) -> list[tuple[str, Heard]]:
    """Every piece with its part. Equal pitches of steps that follow each other are one note: the file does not say
    which are struck again. Raises Bad."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Bad(f"not JSON ({str(error).splitlines()[0][:80]}). Copy or download it again") from None
    if not isinstance(found, dict) or not found or set(found) - set(PARTS):
        raise Bad(
            'not music as JSON. Write {"train": [[[60, 64, 67], …], …], "test": …}: parts, pieces, steps, pitches'
        )
    beat = next((beat for word, beat in _BEATS if word in PurePosixPath(name).name.lower()), 1)
    pieces = []
    for part, listed in found.items():
        for k, steps in enumerate(listed if isinstance(listed, list) else [None]):
            called = f"{part} {k + 1}"
            if not isinstance(steps, list) or not all(isinstance(step, list) for step in steps):
                raise Bad(f"{called} is no list of steps. Write each step as a list of MIDI pitches")
            pieces.append((part, _heard(steps, beat, called)))
    return pieces


def _heard(steps: list[list[int]], beat: int, name: str) -> Heard:
    notes, sounding = [], dict[int, int]()
    for step, frame in enumerate([*steps, []]):
        for pitch in frame:
            if not (isinstance(pitch, int | float) and pitch in range(128)):
                raise Bad(f"step {step + 1} of {name} has {pitch!r}: no MIDI pitch. Write whole numbers from 0 to 127")
        ended = [pitch for pitch in sounding if pitch not in frame]
        notes += [Sound(start / beat, (step - start) / beat, int(p)) for p in ended for start in (sounding.pop(p),)]
        for pitch in frame:
            sounding.setdefault(pitch, step)
    if not notes:
        raise Bad(f"{name} has no notes. Remove it from the file")
    return checked(Heard(tuple(sorted(notes)), name=name, beat=beat))
