"""Sounds to predict: of any source, as a trained run takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from reverie.errors import Problem
from reverie.kinds import DataOptions, Unseen
from reverie.kinds.image.work import spread

from .codec import Codec
from .files import mono
from .items import Recordings
from .names import Pattern
from .source import Sounds, changes, columns


def read(where: Sequence[str], codec: Codec, options: DataOptions) -> Unseen:
    """Single files, folders and zips, one after the other. Classes count only where every file says one that the codec
    knows. Raises Problem at the first file that can't be read."""
    pattern = Pattern(codec.names) if codec.names else None
    sounds: list[np.ndarray] = []
    names: list[str] = []
    labels: list[str] = []
    notes: list[str] = []
    for place in where:
        # names of another form have no class, and are no trouble here
        source = Sounds(place, replace(options, predict="", size=(), test="", drop=(), names=""))
        found = source.found
        if found.bad and not options.skip_bad:
            name, trouble = found.bad[0]
            raise Problem(f"{name}: {trouble}. Remove it, or pass --skip-bad.")
        notes += [f"{name}: {trouble}: left out" for name, trouble in found.bad]
        kept = [source.listing.names[i] for i in found.rows]
        said = [pattern.read(name) or {} for name in kept] if pattern else []
        known = columns(kept, [], None)[0] if not pattern else {}
        wanted = codec.target or "label"
        labels += [words.get(wanted, "") for words in said] if pattern else known.get("label", [""] * len(kept))
        names += kept
        notes += changes(found, codec)
        rows, listing = found.rows, source.listing

        def one(i: int, rows: list[int] = rows, read=listing.read) -> np.ndarray:  # type: ignore[no-untyped-def]
            return mono(read(rows[i]), codec.rate, codec.samples)

        sounds += spread(len(rows), one, "decoding")
    if not sounds:
        raise Problem(f"{', '.join(where)}: no sound that can be read. Give another file.")
    number = {name: k for k, name in enumerate(codec.classes)}
    truth = codec.labelled and all(label in number for label in labels)
    numbers = np.array([number[label] for label in labels], np.int64) if truth else None
    known = {"item": names, **({codec.target or "label": labels} if truth else {})}
    items = Recordings(sounds, numbers, known, np.arange(len(sounds)), codec)
    return Unseen(items, names, truth, list(dict.fromkeys(notes)))
