"""Encoded sentences, served in batches."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from reverie.kinds.texts import filled

from .codec import Codec
from .files import Line
from .pieces import Pieces

if TYPE_CHECKING:
    from torch import Tensor

    from reverie.core import Batch


class Encoded:
    """Some lines, with their classes where these are known."""

    def __init__(self, lines: Sequence[Line], codec: Codec | Pieces, truth: bool = True):
        self.codec, self.lines = codec, lines
        self.rows = codec.ids(line.text for line in lines)
        number = {name: k for k, name in enumerate(codec.classes)}
        labels = np.array([number[line.label] for line in lines], np.int64) if truth else None
        self.labels = {} if labels is None else {codec.answer: labels}

    def __len__(self) -> int:
        return len(self.lines)

    def take(self, index: Tensor, vary: bool = False) -> Batch:
        """Items at index (B,): text (B, T) as wide as the longest of them, its lengths, and classes (B,)."""
        places = index.numpy()
        return filled({"text": [self.rows[i] for i in places]}, {name: x[places] for name, x in self.labels.items()})

    def raw(self, index: Tensor) -> list[str]:
        """The texts as the files have them."""
        return [self.lines[i].text for i in index.tolist()]

    @cached_property
    def texts(self) -> list[str]:
        """The part of each that its tokens stand for."""
        most = self.codec.longest
        return [
            self.codec.decode({"text": torch_row(row)})[0] if len(row) >= most else line.text
            for line, row in zip(self.lines, self.rows)
        ]

    @property
    def tokens(self) -> int:
        return sum(map(len, self.rows))

    @property
    def characters(self) -> int:
        """Of all sentences, a line's end with each: what bits a character divide by."""
        return sum(len(text) + 1 for text in self.texts)

    @property
    def bytes(self) -> int:
        return sum(len(text.encode("utf-8", "surrogateescape")) + 1 for text in self.texts)

    def columns(self, index: Tensor) -> dict[str, list[str]]:
        """ "item": file and line."""
        chosen = [self.lines[i] for i in index.tolist()]
        return {"item": [line.name for line in chosen], "part": [line.part for line in chosen]}


def torch_row(row: np.ndarray) -> Tensor:
    """(1, T)."""
    import torch

    return torch.from_numpy(row)[None]
