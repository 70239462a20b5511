"""Labelled sentences in a folder or a table: what they are, and how they become items to learn from."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from reverie.errors import Problem
from reverie.kinds import DataOptions, Prepared, Summary
from reverie.kinds.find import located
from reverie.kinds.split import Parts, key, parts
from reverie.kinds.texts import readable

from .codec import Codec, learnt, words
from .files import Line, read
from .items import Encoded
from .rows import Rows, labelled

FEW = 20  # classes that may be of few texts each
MOST = 30_000  # words of a vocabulary, where --vocabulary says nothing
CUT = 400  # words of an item, where --size says nothing


class Sentences:
    """Labelled sentences at a path."""

    kind = "sentences"

    def __init__(self, where: str, options: DataOptions):
        self.where, self.options = where, options
        if len(options.size) > 1 or any(n < 1 for n in options.size):
            said = "x".join(map(str, options.size))
            raise Problem(f"--size {said}: a sentence is as long as a number of words. Write one, like 60")
        self.tabular = readable(Path(where))
        if options.predict not in ("", "labels") and not self.tabular:
            raise Problem(f"--predict {options.predict}: the files say classes and nothing else. Pass --predict labels")
        for name in () if self.tabular else ("group", "order", "test", "column"):
            if getattr(options, name):
                raise Problem(
                    f"--{name}: not of sentences. Leave it out; folders train and test are the data's own parts"
                )

    @cached_property
    def notes(self) -> list[str]:
        return []

    @cached_property
    def rows(self) -> Rows:
        """Every item; of a folder without names of columns."""
        if not self.tabular:
            found = read(self.where, self.notes)
            return Rows(found, {"part": [line.part for line in found]}, "", "label")
        own = labelled(self.where, self.options, self.notes)
        if not self.options.test:
            return own
        asked = replace(self.options, predict=own.answer, column=own.text)
        other = labelled(located(self.options.test).as_posix(), asked, self.notes)
        lines = [*own.lines, *(line._replace(part="test") for line in other.lines)]
        both = {name: cells + other.columns[name] for name, cells in own.columns.items() if name in other.columns}
        return Rows(lines, both, own.text, own.answer)

    @property
    def lines(self) -> list[Line]:
        return self.rows.lines

    def summary(self) -> Summary:
        lengths = [len(words(line.text)) for line in self.lines]
        facts: dict[str, Any] = {
            "words": f"{np.mean(lengths):.3g} on average, {max(lengths)} at most",
            "duplicates": len(self.lines) - len({line.text for line in self.lines}),
            "classes": dict(Counter(line.label for line in self.lines)),
        }
        prepared = self.prepare()
        plan, train = tuple(prepared.notes), len(prepared.train)
        shape = prepared.codec.spec.only[1].shape
        return Summary("sentences", self.where, len(self.lines), facts, (), plan, train, shape)

    def prepare(self, size: tuple[int, ...] = ()) -> Prepared:
        """Splits, then learns the vocabulary from the training part alone. Raises Problem."""
        lines, notes = self.lines, list(self.notes)
        classes = tuple(sorted({line.label for line in lines}))
        if len(classes) < 2:
            raise Problem(f"{self.where}: one class only ({classes[0]}): nothing to tell apart. Give texts of another")
        if len(classes) > max(FEW, len(lines) // 4):
            raise Problem(f"{self.where}: {len(classes):,} classes of {len(lines):,} texts. Predict what comes again")
        split = self._split(lines, classes)
        notes += split.notes
        codec = self._codec([lines[i] for i in split.train], classes, self.options.size or size, notes)
        missing = set(classes) - {lines[i].label for i in split.train}
        if missing:
            raise Problem(f"{self.where}: none of {sorted(missing)[0]} in the training part. Hold out fewer")
        train, out, aside = (
            Encoded([lines[i] for i in rows], codec) for rows in (split.train, split.held_out, split.calibration)
        )
        return Prepared(codec, train, out, self._fingerprint(), tuple(notes), aside if len(aside) else None)

    def _split(self, lines: list[Line], classes: tuple[str, ...]) -> Parts:
        texts = [line.text for line in lines]
        again = len(set(texts)) < len(texts)
        own = np.array([line.part == "test" for line in lines])
        found = parts(
            len(lines), self.options, own=own, columns=self.rows.columns,
            classes=np.array([classes.index(line.label) for line in lines]),
            kept_together=texts if again and not own.any() else None,
        )  # fmt: skip
        if again and not own.any():
            said = f"{len(texts) - len(set(texts)):,} texts are repeated: each and its copies stay in one part"
            return Parts(found.train, found.held_out, found.calibration, (*found.notes, said))
        return found

    def _codec(self, train: list[Line], classes: tuple[str, ...], size: tuple[int, ...], notes: list[str]) -> Codec:
        asked = self.options.vocabulary
        most = MOST if asked == DataOptions().vocabulary else asked
        vocabulary = learnt((line.text for line in train), most)
        lengths = [len(words(line.text)) for line in train]
        longest = size[0] if size else min(CUT, max(1, *lengths))
        codec = Codec(vocabulary, longest, classes, self.rows.text, self.rows.answer)
        long = sum(n > longest for n in lengths)
        cut = f"; {long:,} longer ones are cut (--size)" if long else ""
        notes.append(f"{len(vocabulary):,} words, lowercased; {longest} at most in an item{cut}")
        return codec

    def _fingerprint(self) -> str:
        about = [key(self.options), self.options.vocabulary, list(self.options.size)]
        digest = hashlib.blake2b(json.dumps(about).encode(), digest_size=16)
        for line in self.lines:
            digest.update("\0".join(line).encode("utf-8", "surrogateescape"))
        for name, cells in self.rows.columns.items() if self.tabular else ():  # by which rows may be parted
            digest.update("\0".join([name, *cells]).encode("utf-8", "surrogateescape"))
        return digest.hexdigest()
