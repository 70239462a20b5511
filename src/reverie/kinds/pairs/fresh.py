"""Sentences to translate, as a trained run takes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from reverie.errors import Problem
from reverie.kinds import Unseen

from .codec import Codec
from .files import language, lines, side_by_side, stems
from .items import Encoded


def read(where: Sequence[str], codec: Codec) -> Unseen:
    """A sentence a line of each file; of a folder the pairs in both languages. Two files, one in each language, are
    pairs too. Raises Problem."""
    one, other = codec.languages
    notes: list[str] = []
    sources: list[str] = []
    targets: list[str] = []
    names: list[str] = []
    places = [Path(place) for place in where]
    by_language = {language(place): place for place in places}
    if len(places) == 2 and set(by_language) == {one, other}:
        pairs = {by_language[one].name: side_by_side(by_language, one, other, notes)}
    else:
        pairs = {}
        for place in places:
            if not place.is_dir():
                pairs[place.name] = [(line, "") for line in lines(place, notes)]
                continue
            for stem, files in stems(place).items():
                if {one, other} <= set(files):
                    pairs[stem] = side_by_side(files, one, other, notes)
    for name, both in pairs.items():
        sources += [a for a, _ in both]
        targets += [b for _, b in both]
        names += [f"{name} {i + 1}" if len(pairs) > 1 else f"line {i + 1}" for i in range(len(both))]
    kept = [i for i, sentence in enumerate(sources) if sentence]
    if not kept:
        raise Problem(f"{where[0]}: no sentence in it. Give a text with a sentence a line")
    if len(kept) < len(sources):
        notes.append(f"{len(sources) - len(kept):,} empty lines left out")
    truth = all(targets[i] for i in kept)
    rows = np.array(kept)
    items = Encoded((sources, targets) if truth else (sources,), names, rows, codec)
    long = sum(len(bpe) == codec.longest[0] for bpe in items.tokens[0])
    if long:
        notes.append(f"{long:,} sentences reach the longest that was learnt ({codec.longest[0]} tokens) and may be cut")
    return Unseen(items, items.names, truth, notes)
