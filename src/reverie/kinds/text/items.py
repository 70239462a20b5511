"""One long row of tokens, served in windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from . import bpe
from .codec import CHUNK, Codec
from .long import Text

if TYPE_CHECKING:
    from torch import Tensor

    from reverie.core import Batch


class Windows:
    """N tokens as ceil((N-1)/T) windows of T predictions each: T+1 tokens, of which neighbours share one. Only the last
    may be shorter. Every token but the first is predicted once."""

    def __init__(self, row: np.ndarray, codec: Codec, characters: int, size: int):
        """`characters`, `size`: how many characters and UTF-8 bytes the N tokens stand for."""
        if len(row) < 2:
            raise ValueError(f"{len(row)} tokens: nothing to predict")
        first = codec.text(row[:1]) if row[0] != codec.end else ""
        self.row = row  # (N,) of the smallest unsigned type, perhaps memory-mapped
        self.codec = codec
        self.tokens = len(row) - 1  # what is predicted, ends of documents included
        self.characters = characters - len(first)  # that the predicted tokens stand for: bits a character divide by it
        self.bytes = size - len(first.encode("utf-8"))

    def __len__(self) -> int:
        return -(-self.tokens // self.codec.window)

    def take(self, index: Tensor, vary: bool = False) -> Batch:
        """Windows at index (B,) -> `text` int64 (B, T+1), and how many of its tokens count where one is shorter. With
        `vary`, a window starts anywhere: over an epoch, starts are spread evenly over all places where one fits."""
        import torch

        from reverie.core import Batch

        window, count = self.codec.window, len(self.row)
        items = index.cpu().numpy().astype(np.int64)
        if items.size and (items.min() < 0 or items.max() >= len(self)):
            raise IndexError(f"windows {items.min()} to {items.max()}: there are {len(self)}")
        starts = items * window
        if vary:
            starts += torch.randint(0, window, items.shape).numpy()
            starts = starts * max(1, count - window) // (len(self) * window)  # [0, len T) -> [0, N-T), evenly
        places = starts[:, None] + np.arange(window + 1)
        values = self.row[np.minimum(places, count - 1)].astype(np.int64)
        lengths = np.minimum(count - starts, window + 1)
        if (lengths == window + 1).all():
            return Batch({"text": torch.from_numpy(values)})
        values[places >= count] = self.codec.start
        return Batch({"text": torch.from_numpy(values)}, {"text": torch.from_numpy(lengths)})

    def wider(self, tokens: int) -> Windows:
        """The same row, in windows of so many predictions where its own are of fewer."""
        if tokens <= self.codec.window:
            return self
        cut = copy(self)
        cut.codec = replace(self.codec, window=tokens)
        return cut

    def raw(self, index: Tensor) -> list[str]:
        """The same windows as text."""
        batch = self.take(index)
        return self.codec.decode(batch.values, batch.lengths)


def stream(codec: Codec, texts: Sequence[Text]) -> Iterator[np.ndarray]:
    """All texts as one row of tokens, in parts. Kept apart: end, text, end, text, …, end."""
    if codec.end is None:
        for text in texts:
            yield from codec.ids_by_chunk(text)
        return
    end = np.array([codec.end], codec.dtype)
    yield end
    for group in _groups(texts):
        if len(group) == 1:
            yield from codec.ids_by_chunk(group[0])
            yield end
        else:
            ids, lengths = _together(codec, group)
            yield np.insert(ids, np.cumsum(lengths), codec.end).astype(codec.dtype, copy=False)


def _groups(texts: Sequence[Text]) -> Iterator[list[Text]]:
    """Neighbouring texts of together up to CHUNK characters: one by one, a million short ones would be slow."""
    group: list[Text] = []
    size = 0
    for text in texts:
        if group and size + len(text) > CHUNK:
            yield group
            group, size = [], 0
        group.append(text)
        size += len(text)
    if group:
        yield group


def _together(codec: Codec, many: list[Text]) -> tuple[np.ndarray, list[int]]:
    """The tokens of short texts in a row, and how many each has."""
    texts = [text[:] for text in many]
    if codec.tokens == "bpe":
        parts = bpe.encode_many(codec.model, texts)
        return np.concatenate(parts).astype(codec.dtype), [len(part) for part in parts]
    sizes = [len(t) if codec.tokens == "characters" else len(t.encode(codec.encoding)) for t in texts]
    return codec.ids("".join(texts)), sizes
