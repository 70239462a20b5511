"""Sentences to translate, as a trained run takes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from reverie.errors import Problem
from reverie.kinds import Unseen
from reverie.kinds.texts import lines, readable
from reverie.kinds.texts import read as read_table

from .codec import Codec
from .files import Pair, language, side_by_side, stems
from .items import Encoded
from .rows import fresh


def read(where: Sequence[str], codec: Codec) -> Unseen:
    """A sentence a line of each file; of a folder the pairs in both languages. Two files, one in each language, are
    pairs too. Raises Problem."""
    notes: list[str] = []
    parts = together([Path(place) for place in where], codec.languages, notes)
    pairs = [pair for _, own in parts for pair in own]
    names = [f"{name} {pair.line}" if len(parts) > 1 else f"line {pair.line}" for name, own in parts for pair in own]
    if not pairs:
        raise Problem(f"{where[0]}: no sentence in it. Give a text with a sentence a line")
    truth = all(pair.target for pair in pairs)
    sides = [[pair.source for pair in pairs]] + ([[pair.target for pair in pairs]] if truth else [])
    items = Encoded(sides, names, np.arange(len(pairs)), codec)
    long = sum(len(tokens) == codec.longest[0] for tokens in items.tokens[0])
    if long:
        notes.append(f"{long:,} reach the longest that was learnt ({codec.longest[0]} tokens) and may have been cut")
    return Unseen(items, items.names, truth, notes)


def together(places: Sequence[Path], languages: tuple[str, str], notes: list[str]) -> list[tuple[str, list[Pair]]]:
    """By what a person would call it, what each file or each pair of files holds. Raises Problem."""
    one, other = languages
    by_language = {language(place): place for place in places}
    if len(places) == 2 and set(by_language) == set(languages):
        return [(by_language[one].name, side_by_side(by_language, one, other, notes))]
    found = []
    for place in places:
        if place.is_dir():
            both = {stem: files for stem, files in stems(place).items() if {one, other} <= set(files)}
            if not both:
                raise Problem(f"{place}: no files in both {one} and {other}. Name a file of sentences, one a line")
            found += [(stem, side_by_side(files, one, other, notes)) for stem, files in both.items()]
            continue
        if readable(place):
            found.append(("row", fresh(read_table(str(place)), one, other, notes)))
            continue
        if language(place) not in ("", one):
            notes.append(f"{place.name}: read as {one}, which is what this run translates, whatever its name says")
        every = [Pair(k, line, "") for k, line in enumerate(lines(place, notes), 1)]
        found.append((place.name, [pair for pair in every if pair.source]))
        if len(found[-1][1]) < len(every):
            notes.append(f"{place.name}: empty lines, left out: {len(every) - len(found[-1][1]):,}")
    return found
