"""Sentence pairs <-> tokens, by one byte-level BPE for both languages: nothing is unknown to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

END, START, UNKNOWN = 0, 1, 2  # the pieces come after these
FIRST = 3


@dataclass(frozen=True)
class Codec:
    """Sentences of two languages <-> integers: 0 ends a sentence and fills a batch, 1 is what a translation starts
    from, 2 stands for what a vocabulary lacks."""

    languages: tuple[str, str]  # from, into
    longest: tuple[int, int]  # tokens of a sentence of each, with its end: longer ones are cut
    model: str  # the BPE, as the JSON that `tokenizers` writes

    @property
    def vocabulary(self) -> int:
        return FIRST + bpe.load(self.model).get_vocab_size()

    @property
    def spec(self) -> Spec:
        source, target = (Field((n,), categories=self.vocabulary, length=True) for n in self.longest)
        answer = Field(target.shape, categories=target.categories, length=True, start=START)
        return Spec("pairs", {"source": source}, target={"target": answer})

    def ids(self, sentences: Sequence[str], side: int) -> list[np.ndarray]:
        """The tokens of sentences, each with its end. A sentence is read as if a space came before it, so that its
        first word is the same piece as elsewhere."""
        most = self.longest[side] - 1
        pieces = bpe.encode_many(self.model, [f" {s}" for s in sentences])
        return [np.append(p[:most].astype(np.int64) + FIRST, END) for p in pieces]

    def words(self, tokens: Tensor) -> list[str]:
        """(B, T) -> sentences, each up to its end."""
        rows = [[t - FIRST for t in row[: (row + [END]).index(END)] if t >= FIRST] for row in tokens.tolist()]
        return [text.removeprefix(" ") for text in bpe.load(self.model).decode_batch(rows)]

    def encode(self, raw: Sequence[Mapping[str, str]]) -> Batch:
        """Pairs {"source": …, "target": …} as tokens (B, S) and (B, T); the target may be left out of all."""
        sides = [self.ids([pair["source"] for pair in raw], 0)]
        if all("target" in pair for pair in raw):
            sides.append(self.ids([pair["target"] for pair in raw], 1))
        return filled(dict(zip(("source", "target"), sides)))

    def decode(self, values: Mapping[str, Tensor]) -> list[dict[str, str]]:
        """Tokens of either side or both -> a pair each."""
        sides = {name: self.words(values[name]) for name in ("source", "target") if name in values}
        return [dict(zip(sides, both)) for both in zip(*sides.values())]

    def to_json(self) -> dict[str, Any]:
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Codec:
        try:
            (a, b), (m, n) = data["languages"], data["longest"]
            return Codec((str(a), str(b)), (int(m), int(n)), str(data["model"]))
        except (KeyError, TypeError, ValueError) as error:
            raise Problem(f"pairs codec: {error}. Take it from a run.json that fit wrote.") from None
