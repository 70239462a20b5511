"""What the measures of texts share: each set's texts, and how much of each stands in the training text. All of it is
computed when it is first read."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from reverie.metrics import Rows, Sets, blocks

from .spans import RUN, Known

OF_DATA = ("real", "train", "untrained", "known")  # what hangs on no sample
Texts = Iterable[str] | Iterable[list[str]]  # whole, or block by block


def flat(texts: Texts) -> list[str]:
    return [text for part in texts for text in ([part] if isinstance(part, str) else part)]


class Seen:
    def __init__(self, sets: Sets):
        self.sets = sets

    def of(self, rows: Rows | None) -> list[str] | None:
        return None if rows is None else flat(blocks(rows))

    @cached_property
    def real(self) -> list[str]:
        return flat(blocks(self.sets.real))

    @cached_property
    def fake(self) -> list[str]:
        return flat(blocks(self.sets.fake))

    @cached_property
    def train(self) -> list[str]:
        return flat(blocks(self.sets.train))

    @cached_property
    def untrained(self) -> list[str] | None:
        return self.of(self.sets.untrained)

    @cached_property
    def long(self) -> list[int]:
        """The samples that are long enough to hold a copied run."""
        return [i for i, text in enumerate(self.fake) if len(text) >= RUN]

    @cached_property
    def length(self) -> int:
        """Characters of each text that are compared: as many as all have that are long enough; 0: nothing is."""
        real = [text for text in self.real if len(text) >= RUN]
        if not self.long or not real or not self.known.characters:
            return 0
        return min(len(text) for text in [*real, *(self.fake[i] for i in self.long)])

    @cached_property
    def known(self) -> Known:
        return Known(self.train if self.sets.bank is None else flat(blocks(self.sets.bank)))

    @cached_property
    def copied(self) -> list[float]:
        """Of each sample that is long enough, the share that stands in the training text."""
        return self.known.shares([self.fake[i][: self.length] for i in self.long])

    @cached_property
    def usual(self) -> list[float]:
        """The same of held-out texts."""
        return self.known.shares([text[: self.length] for text in self.real if len(text) >= RUN])
