"""Sentences that nobody predicts: what they are, and how they become items that a model learns to write."""

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
from reverie.kinds.text import bpe
from reverie.kinds.texts import readable

from .codec import words
from .files import Line
from .gather import gathered, repeated
from .items import Encoded
from .pieces import Pieces
from .rows import Rows

CUT = 100  # tokens of a sentence, where --size says nothing


class Plain:
    """Sentences at a path: a text with one a line, a folder of such, or a column of a table."""

    kind = "sentences"

    def __init__(self, where: str, options: DataOptions):
        self.where, self.options = where, replace(options, calibration=0.0)
        self.tabular = readable(Path(where))
        if len(options.size) > 1 or any(n < 2 for n in options.size):
            said = "x".join(map(str, options.size))
            raise Problem(f"--size {said}: a sentence is as long as a number of tokens, 2 or more. Write one, like 60")
        if options.tokens == "bytes":
            raise Problem("--tokens bytes: sentences are cut into pieces of words (a BPE). Leave it out")
        never = () if self.tabular else ("group", "order", "column")
        for name in (*never, *(("test",) if Path(where).is_dir() else ())):
            if getattr(options, name):
                raise Problem(f"--{name}: not of {'a table of' if self.tabular else 'such'} sentences. Leave it out")

    @cached_property
    def notes(self) -> list[str]:
        return []

    @cached_property
    def rows(self) -> Rows:
        """Every sentence, those of --test as the test part."""
        own = gathered(self.where, self.options.column, self.options.skip_bad, self.notes)
        if not self.options.test:
            return own
        other = gathered(located(self.options.test).as_posix(), own.text, self.options.skip_bad, self.notes)
        lines = [*own.lines, *(line._replace(name=f"test {line.name}", part="test") for line in other.lines)]
        both = {name: cells + other.columns[name] for name, cells in own.columns.items() if name in other.columns}
        return Rows(lines, both, own.text, "")

    @property
    def lines(self) -> list[Line]:
        return self.rows.lines

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Those that the files say, where they do."""
        return tuple(sorted({line.label for line in self.lines} - {""}))

    def summary(self) -> Summary:
        lengths = [len(words(line.text)) for line in self.lines]
        facts: dict[str, Any] = {
            "words": f"{np.mean(lengths):.3g} on average, {max(lengths)} at most",
            "duplicates": repeated([line.text for line in self.lines]),
        }
        if self.classes:
            facts["classes"] = dict(Counter(line.label for line in self.lines))
        prepared = self.prepare()
        shape = prepared.codec.spec.only[1].shape
        plan, train = tuple(prepared.notes), len(prepared.train)
        return Summary("sentences", self.where, len(self.lines), facts, (), plan, train, shape)

    def prepare(self, size: tuple[int, ...] = ()) -> Prepared:
        """Splits, then learns the pieces from the training part alone. Raises Problem."""
        lines, notes = self.lines, list(self.notes)
        if len({line.text for line in lines}) < 2:
            raise Problem(f"{self.where}: one sentence only: nothing to learn from. Give more, one a line")
        split = self._split()
        notes += split.notes
        codec = self._codec([lines[i].text for i in split.train], self.options.size or size, notes)
        truth = bool(self.classes)
        train, out = (Encoded([lines[i] for i in rows], codec, truth) for rows in (split.train, split.held_out))
        return Prepared(codec, train, out, self._fingerprint(), tuple(notes))

    def _split(self) -> Parts:
        """Copies stay in one part, unless the data has a test part of its own."""
        texts = [line.text for line in self.lines]
        own = np.array([line.part == "test" for line in self.lines])
        again = repeated(texts) and not own.any()
        number = {name: k for k, name in enumerate(self.classes)}
        found = parts(
            len(texts), self.options, own=own, columns=self.rows.columns,
            classes=np.array([number[line.label] for line in self.lines]) if self.classes else None,
            kept_together=texts if again else None,
        )  # fmt: skip
        if not again:
            return found
        said = f"{repeated(texts):,} sentences are repeated: each and its copies stay in one part"
        return Parts(found.train, found.held_out, found.calibration, (*found.notes, said))

    def _codec(self, train: list[str], size: tuple[int, ...], notes: list[str]) -> Pieces:
        model = bpe.train([f" {text}" for text in train], self.options.vocabulary)
        counts = [len(ids) + 1 for ids in bpe.encode_many(model, [f" {text}" for text in train])]
        longest = size[0] if size else min(CUT, max(counts))
        codec = Pieces(model, longest, self.classes, self.rows.text)
        long = sum(n > longest for n in counts)
        cut = f"; {long:,} longer ones are cut (--size)" if long else ""
        notes.append(f"a vocabulary of {codec.vocabulary:,} pieces of words (--vocabulary)")
        notes.append(f"{np.mean(counts):.3g} tokens a sentence, its end among them, {longest} at most{cut}")
        return codec

    def _fingerprint(self) -> str:
        about = ["plain", key(self.options), self.options.vocabulary, list(self.options.size)]
        digest = hashlib.blake2b(json.dumps(about).encode(), digest_size=16)
        for line in self.lines:
            digest.update("\0".join(line).encode("utf-8", "surrogateescape"))
        for name, cells in self.rows.columns.items() if self.tabular else ():  # by which rows may be parted
            digest.update("\0".join([name, *cells]).encode("utf-8", "surrogateescape"))
        return digest.hexdigest()
