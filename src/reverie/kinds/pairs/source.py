"""Sentence pairs in a folder or a table: what they are, and how they become pairs to learn from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from reverie.errors import Problem
from reverie.kinds import DataOptions, Prepared, Summary
from reverie.kinds.find import located
from reverie.kinds.split import Parts, key, parts
from reverie.kinds.table.files import Table
from reverie.kinds.text import bpe
from reverie.kinds.texts import read

from .codec import FIRST, Codec
from .files import Pair, side_by_side, stems
from .items import Encoded
from .rows import languages, pairs

MOST = 128  # tokens of a sentence, with its end, where nobody says
PARTS = {"train": "train", "test": "test", "eval": "test", "val": "val", "dev": "val", "valid": "val"}


class Found(NamedTuple):
    """Every pair of one direction. `parts`: train, val or test, of each."""

    sources: list[str]
    targets: list[str]
    names: list[str]
    parts: np.ndarray
    notes: list[str]


class Pairs:
    """Pairs at a path."""

    kind = "pairs"

    def __init__(self, where: str, options: DataOptions):
        self.where, self.options = where, options
        self.tabular = Path(where).is_file()
        if not self.tabular and not Path(where).is_dir():
            raise Problem(f"{where}: no folder and no table. Give a folder of files such as train.en and train.de")
        if len(options.size) > 1 or any(n < 2 for n in options.size):
            raise Problem(f"--size {'x'.join(map(str, options.size))}: a sentence is as long as a number of tokens")
        if options.test and not self.tabular:
            raise Problem(f"--test {options.test}: of a table. Leave it out; files test.LANGUAGE are the test part")

    @cached_property
    def table(self) -> Table:
        return read(self.where).checked(self.options.skip_bad)

    @cached_property
    def stems(self) -> dict[str, dict[str, Path]]:
        found = stems(Path(self.where))
        if not found:
            raise Problem(f"{self.where}: no pairs. Put files such as train.en and train.de there, a sentence a line")
        return found

    @cached_property
    def languages(self) -> tuple[str, str]:
        """From which, into which. Raises Problem with those there are."""
        there, wanted, given = self.there, self.options.predict, self.options.column
        if wanted == "translation":
            wanted = ""
        for flag, name in (("--predict", wanted), ("--column", given)):
            if name and name not in there:
                raise Problem(f"{flag} {name}: no such language here. There are: {', '.join(there)}")
        if wanted and wanted == given:
            raise Problem(f"--column {given} --predict {wanted}: the same language. Name two")
        free = [name for name in there if name not in (wanted, given)]
        if len(there) > 2 and not (wanted and given):
            named = " ".join(f"{flag} {name}" for flag, name in (("--column", given), ("--predict", wanted)) if name)
            missing = " and ".join(f for f, name in (("--column", given), ("--predict", wanted)) if not name)
            raise Problem(f"{named or self.where}: {len(there)} languages. Pass {missing} out of {', '.join(free)}")
        if not wanted:
            wanted = free[-1]
        return given or next(name for name in there if name != wanted), wanted

    @cached_property
    def there(self) -> list[str]:
        """Languages, two at least. Raises Problem."""
        if self.tabular:
            known = {*languages(self.table), self.options.column, self.options.predict}
            found = [name for name in self.table.columns if name in known]
            if len(found) < 2:
                raise Problem(f"{self.where}: one column only ({found[0]}). Give one of another language beside it")
            return found
        there = sorted(set.intersection(*(set(files) for files in self.stems.values())))
        if len(there) < 2:
            named = "; ".join(f"{stem} in {', '.join(files)}" for stem, files in self.stems.items())
            raise Problem(f"{self.where}: the files have no two languages in common ({named}). Complete them")
        return there

    @cached_property
    def found(self) -> Found:
        """Raises Problem where there is nothing to learn from."""
        one, other = self.languages
        notes = [f"translates {one} into {other}"]
        if self.options.predict not in self.languages:
            notes[0] += f"; --predict {one} the other way round"
        sources, targets, names, kinds = [], [], [], []
        for name, part, own in self._files(one, other, notes):
            sources += [pair.source for pair in own]
            targets += [pair.target for pair in own]
            names += [f"{name} {pair.line}" for pair in own]
            kinds += [part] * len(own)
        if not sources:
            raise Problem(f"{self.where}: no sentence in both {one} and {other}. Fill the files, a sentence a line")
        return Found(sources, targets, names, np.array(kinds), notes)

    def _files(self, one: str, other: str, notes: list[str]) -> Iterator[tuple[str, str, list[Pair]]]:
        """What a person calls it, its part and its pairs."""
        if not self.tabular:
            for stem, files in self.stems.items():
                yield stem, part_of(stem), side_by_side(files, one, other, notes)
            return
        notes += self.table.notes
        yield "row", "train", pairs(self.table, one, other, notes)
        if self.options.test:
            held = read(located(self.options.test).as_posix()).checked(self.options.skip_bad)
            lacking = [name for name in (one, other) if name not in held.columns]
            if lacking:
                raise Problem(f"--test {held.where}: no column {lacking[0]}. There are: {', '.join(held.columns)}")
            yield f"{Path(held.where).name} row", "test", pairs(held, one, other, notes)

    def summary(self) -> Summary:
        found = self.found
        words = [len(s.split()) for s in found.sources]
        facts: dict[str, Any] = {
            "languages": ", ".join(self.there),
            "parts": {part: int((found.parts == part).sum()) for part in ("train", "val", "test")},
            "words a sentence": f"{np.mean(words):.3g} on average, {max(words)} at most",
            "duplicates": len(found.sources) - len(set(zip(found.sources, found.targets))),
        }
        prepared = self.prepare()
        shape = prepared.codec.spec.only[1].shape
        plan, train = tuple(prepared.notes), len(prepared.train)
        return Summary("pairs", self.where, len(found.sources), facts, (), plan, train, shape)

    def prepare(self, size: tuple[int, ...] = ()) -> Prepared:
        """Splits, then learns the vocabulary from the training part alone. Raises Problem."""
        found = self.found
        split = self._split(found)
        if len(split.train) < 2:
            raise Problem(f"{self.where}: {len(split.train)} pairs to learn from. Give more")
        notes = [*found.notes, *split.notes]
        codec = self._codec(found, split.train, self.options.size or size, notes)
        sides = (found.sources, found.targets)
        train, out, aside = (
            Encoded(sides, found.names, rows, codec) for rows in (split.train, split.held_out, split.calibration)
        )
        learnt = {(found.sources[i], found.targets[i]) for i in split.train}
        both = sum((found.sources[i], found.targets[i]) in learnt for i in split.held_out)
        if both:
            notes.append(f"{both:,} held-out pairs are also among those learnt from, word for word")
        return Prepared(codec, train, out, self._fingerprint(found), tuple(notes), aside if len(aside) else None)

    def _split(self, found: Found) -> Parts:
        """By the files' names; the validation part is what looks are chosen by. Else by the one rule for all kinds."""
        own = {name: np.flatnonzero(found.parts == name) for name in ("train", "val", "test")}
        asked = self.options.fold or self.options.test_where
        if len(own["train"]) and len(own["test"]) and len(own["val"]) and not asked:
            said = f"{len(own['train']):,} pairs to learn from, {len(own['test']):,} held out: the data's own test part"
            note = f"{said}; {len(own['val']):,} of its validation part to choose by"
            return Parts(own["train"], own["test"], own["val"], (note,))
        test = found.parts == ("test" if len(own["test"]) else "val")
        again = len(set(found.sources)) < len(found.sources)
        columns = {"part": found.parts.tolist()}
        return parts(
            len(found.sources), self.options, own=None if asked else test, columns=columns,
            kept_together=found.sources if again else None,
        )  # fmt: skip

    def _codec(self, found: Found, train: np.ndarray, size: tuple[int, ...], notes: list[str]) -> Codec:
        sides = [[side[i] for i in train] for side in (found.sources, found.targets)]
        most = self.options.vocabulary - FIRST
        model = bpe.train([f" {sentence}" for side in sides for sentence in side], most)
        pieces = [[len(ids) + 1 for ids in bpe.encode_many(model, [f" {s}" for s in side])] for side in sides]
        cut = size[0] if size else MOST
        longest = tuple(min(cut, max(counts)) for counts in pieces)
        codec = Codec(self.languages, (longest[0], longest[1]), model)
        notes.append(f"a vocabulary of {codec.vocabulary:,} pieces for both languages (--vocabulary)")
        for name, counts, length in zip(self.languages, pieces, longest):
            long = sum(n > length for n in counts)
            over = f"; {long:,} longer ones are cut (--size)" if long else ""
            notes.append(f"{name}: {np.mean(counts):.3g} tokens a sentence, {length} at most{over}")
        return codec

    def _fingerprint(self, found: Found) -> str:
        about = [key(self.options), self.languages, self.options.vocabulary, list(self.options.size)]
        digest = hashlib.blake2b(json.dumps(about).encode(), digest_size=16)
        for lines in (found.sources, found.targets, found.names):
            digest.update("\n".join(lines).encode("utf-8", "surrogateescape"))
        return digest.hexdigest()


def part_of(stem: str) -> str:
    """train, val or test, by how a file's name begins: test_2016_flickr is a test part."""
    lower = stem.lower()
    return next((part for word, part in PARTS.items() if lower.startswith(word)), "train")
