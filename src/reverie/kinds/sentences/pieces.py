"""Sentences <-> tokens, for models that write them: by a byte-level BPE, to which nothing is unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from reverie.errors import Problem
from reverie.kinds.text import bpe
from reverie.kinds.texts import filled
from reverie.spec import Field, Spec

if TYPE_CHECKING:
    from torch import Tensor

    from reverie.core import Batch

END, START, FIRST = 0, 1, 2  # the pieces come after these two


@dataclass(frozen=True)
class Pieces:
    """Sentences <-> integers: 0 ends a sentence and fills a batch, 1 is what writing starts from."""

    model: str  # the BPE, as the JSON that `tokenizers` writes
    longest: int  # tokens of a sentence, with its end: longer ones are cut
    classes: tuple[str, ...] = ()  # where the files say some
    column: str = ""  # of a table: that of the texts

    answer = "label"  # the name of the classes in a batch

    @property
    def vocabulary(self) -> int:
        return FIRST + bpe.load(self.model).get_vocab_size()

    @property
    def spec(self) -> Spec:
        text = Field((self.longest,), categories=self.vocabulary, length=True, start=START)
        label = Field((), categories=len(self.classes), names=self.classes)
        return Spec("sentences", {"text": text}, {self.answer: label} if self.classes else {})

    def ids(self, texts: Iterable[str]) -> list[np.ndarray]:
        """The tokens of sentences, each with its end. A sentence is read as if a space came before it, so that its
        first word is the same piece as elsewhere."""
        pieces = bpe.encode_many(self.model, [f" {text}" for text in texts])
        return [np.append(p[: self.longest - 1].astype(np.int64) + FIRST, END) for p in pieces]

    def encode(self, raw: Sequence[str]) -> Batch:
        """Sentences as (B, T), as wide as the longest, and their lengths, ends among them."""
        return filled({"text": self.ids(raw)})

    def decode(self, values: Mapping[str, Tensor]) -> list[str]:
        """(B, T) -> sentences, each up to its end."""
        rows = [[t - FIRST for t in row[: (row + [END]).index(END)] if t >= FIRST] for row in values["text"].tolist()]
        return [text.removeprefix(" ") for text in bpe.load(self.model).decode_batch(rows)]

    def to_json(self) -> dict[str, Any]:
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Pieces:
        try:
            return Pieces(str(data["model"]), int(data["longest"]), tuple(data["classes"]), str(data["column"]))
        except (KeyError, TypeError, ValueError) as error:
            raise Problem(f"sentences codec: {error}. Take it from a run.json that fit wrote.") from None
