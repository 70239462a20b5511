"""Encoded pairs, served in batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from reverie.kinds.texts import filled

from .codec import Codec

if TYPE_CHECKING:
    from torch import Tensor

    from reverie.core import Batch


class Encoded:
    """Some of a set's pairs."""

    def __init__(self, sentences: Sequence[Sequence[str]], names: Sequence[str], rows: np.ndarray, codec: Codec):
        """`sentences`: sources and, where they are known, targets, as many each; `rows`: which of them."""
        self.codec, self.names = codec, [names[i] for i in rows]
        self.sentences = [[side[i] for i in rows] for side in sentences]
        self.tokens = [codec.ids(side, k) for k, side in enumerate(self.sentences)]

    def __len__(self) -> int:
        return len(self.names)

    def take(self, index: Tensor, vary: bool = False) -> Batch:
        """Items at index (B,): source (B, S) and target (B, T) as wide as the longest of them, and their lengths."""
        places = index.tolist()
        return filled({name: [side[i] for i in places] for name, side in zip(("source", "target"), self.tokens)})

    def raw(self, index: Tensor) -> list[dict[str, str]]:
        """The sentences as the files have them."""
        return [dict(zip(("source", "target"), (side[i] for side in self.sentences))) for i in index.tolist()]

    def columns(self, index: Tensor) -> dict[str, list[str]]:
        """ "item": file and line; "source": the sentence."""
        places = index.tolist()
        return {"item": [self.names[i] for i in places], "source": [self.sentences[0][i] for i in places]}
