"""Sentences <-> words as integers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from reverie.errors import Problem
from reverie.kinds.texts import filled
from reverie.spec import Field, Spec

from .pieces import Pieces

if TYPE_CHECKING:
    from torch import Tensor

    from reverie.core import Batch

END, UNKNOWN, FIRST = 0, 1, 2  # what fills a batch; a word that training has not seen; the first word
_WORD = re.compile(r"\w+(?:'\w+)?|[^\w\s]")


def words(text: str) -> list[str]:
    """Lowercased words, each mark of punctuation by itself."""
    return _WORD.findall(text.lower())


@dataclass(frozen=True)
class Codec:
    """Sentences <-> integers: 0 fills a batch, 1 is a word that the training part lacks."""

    vocabulary: tuple[str, ...]  # in the order of their numbers, from 2 on
    longest: int  # words: longer ones are cut
    classes: tuple[str, ...]
    column: str = ""  # of a table: that of the texts
    answer: str = "label"  # of a table: that of the classes

    @property
    def spec(self) -> Spec:
        text = Field((self.longest,), categories=FIRST + len(self.vocabulary), length=True)
        label = Field((), categories=len(self.classes), names=self.classes)
        return Spec("sentences", {"text": text}, target={self.answer: label})

    @cached_property
    def number(self) -> dict[str, int]:
        return {word: k + FIRST for k, word in enumerate(self.vocabulary)}

    def ids(self, texts: Iterable[str]) -> list[np.ndarray]:
        """The numbers of each text's words; a text without any is one unknown word."""
        number = self.number
        rows = ([number.get(word, UNKNOWN) for word in words(text)[: self.longest]] for text in texts)
        return [np.array(row or [UNKNOWN], np.int64) for row in rows]

    def encode(self, raw: Sequence[str]) -> Batch:
        """Texts as (B, T), as wide as the longest, and their lengths."""
        return filled({"text": self.ids(raw)})

    def decode(self, values: Mapping[str, Tensor]) -> list[str]:
        """Words with spaces between them; unknown ones read "…"."""
        said = ("", "…", *self.vocabulary)
        return [" ".join(said[t] for t in row if t != END) for row in values["text"].tolist()]

    def to_json(self) -> dict[str, Any]:
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Codec | Pieces:
        if "model" in data:  # of sentences that are written
            return Pieces.from_json(data)
        try:
            words, classes = tuple(data["vocabulary"]), tuple(data["classes"])
            return Codec(words, int(data["longest"]), classes, data.get("column", ""), data.get("answer", "label"))
        except (KeyError, TypeError, ValueError) as error:
            raise Problem(f"sentences codec: {error}. Take it from a run.json that fit wrote.") from None


def learnt(texts: Iterable[str], most: int) -> tuple[str, ...]:
    """The words of texts, the most frequent first; of equally frequent ones in their own order. At most so many."""
    counts = Counter(word for text in texts for word in words(text))
    return tuple(sorted(counts, key=lambda word: (-counts[word], word))[:most])
