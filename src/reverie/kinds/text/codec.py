"""Text <-> tokens: characters, bytes, or the pieces that a byte-level BPE has learnt."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from reverie.errors import Problem
from reverie.spec import Field, Spec

from . import bpe
from .long import Text

if TYPE_CHECKING:
    from torch import Tensor

    from reverie.core import Batch

TOKENS = ("characters", "bytes", "bpe")
END = "<|end|>"  # how the token that ends a document reads; the same characters in a text are not taken for it
CHUNK = 1 << 22  # characters turned into tokens at a time: bounds the memory of a long text


@dataclass(frozen=True)
class Codec:
    """Text <-> integers in [0, V). Where documents are kept apart, the last id ends a document, and an item reads
    end, tokens, end; `decode` gives back what lies between."""

    tokens: str  # characters | bytes | bpe
    window: int  # T: how many tokens a model predicts; an item holds one more
    alphabet: str = ""  # of characters: in the order of their ids
    model: str = ""  # of a BPE: the JSON that `tokenizers` writes
    encoding: str = "utf-8"  # of bytes: latin-1 where the data is not UTF-8, so that any byte is a character
    documents: bool = False  # kept apart by an end token
    start: int = 0  # what a sample starts with: end of document, else newline, else the most frequent token

    def __post_init__(self) -> None:
        if self.tokens not in TOKENS:
            raise Problem(f"{self.tokens}: no way to cut text into tokens. Take one of {', '.join(TOKENS)}.")
        if self.window < 1:
            raise Problem(f"{self.window}: not a window of text. Give 1 token or more.")

    @property
    def pieces(self) -> int:
        """How many ids stand for text."""
        if self.tokens == "characters":
            return len(self.alphabet)
        return 256 if self.tokens == "bytes" else bpe.load(self.model).get_vocab_size()

    @property
    def categories(self) -> int:
        """V: every id, the end of a document included."""
        return self.pieces + self.documents

    @property
    def end(self) -> int | None:
        """The id that ends a document, where documents are kept apart."""
        return self.pieces if self.documents else None

    @property
    def dtype(self) -> np.dtype:
        """The smallest that holds every id."""
        return np.dtype(np.min_scalar_type(max(0, self.categories - 1)))

    @property
    def spec(self) -> Spec:
        return Spec("text", {"text": Field((self.window + 1,), categories=self.categories, start=self.start)})

    def ids(self, text: str) -> np.ndarray:
        """One text's tokens (N,), without an end. Raises Problem where a character is unknown."""
        parts = list(self.ids_by_chunk(text))
        return np.concatenate(parts) if parts else np.zeros(0, self.dtype)

    def ids_by_chunk(self, text: Text) -> Iterator[np.ndarray]:
        """The same, in parts, so that a long text never stands in memory several times over."""
        if self.tokens == "bpe":
            yield from (part.astype(self.dtype) for part in bpe.encode(self.model, text))
            return
        for at in range(0, len(text), CHUNK):
            part = text[at : at + CHUNK]
            yield (self._of_characters(part) if self.tokens == "characters" else self._of_bytes(part)).astype(
                self.dtype, copy=False
            )

    def text(self, ids: Sequence[int] | np.ndarray) -> str:
        """Tokens (N,) -> text. An end of document reads `<|end|>`; bytes that are no UTF-8 read U+FFFD."""
        array = np.asarray(ids, dtype=np.int64).reshape(-1)
        if array.size and (array.min() < 0 or array.max() >= self.categories):
            raise ValueError(f"token ids lie in [{array.min()}, {array.max()}], not in [0, {self.categories})")
        if self.end is None:
            return self._text(array)
        cuts = np.flatnonzero(array == self.end)
        return END.join(self._text(part[part != self.end]) for part in np.split(array, cuts))

    def encode(self, raw: Sequence[str]) -> Batch:
        """Texts -> `text` (B, T+1), padded with `start`, and how many tokens of each row count."""
        import torch

        from reverie.core import Batch

        rows = [self._row(text) for text in raw]
        values = np.full((len(rows), self.window + 1), self.start, np.int64)
        for row, tokens in zip(values, rows):
            row[: len(tokens)] = tokens
        lengths = torch.tensor([len(tokens) for tokens in rows], dtype=torch.int64)
        ragged = bool((lengths != self.window + 1).any())
        return Batch({"text": torch.from_numpy(values)}, {"text": lengths} if ragged else {})

    def decode(self, values: Mapping[str, Tensor], lengths: Mapping[str, Tensor] | None = None) -> list[str]:
        """`text` (B, L) -> B texts. Where documents are kept apart, each is the first document of its row."""
        rows = values["text"].detach().cpu().numpy()
        counts = (lengths or {}).get("text")
        sizes = [rows.shape[1]] * len(rows) if counts is None else counts.tolist()
        return [self.text(self._document(row[:size])) for row, size in zip(rows, sizes)]

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Codec:
        known = {f.name for f in dataclasses.fields(Codec)}
        if set(data) - known or not {"tokens", "window"} <= set(data):
            raise Problem(f"text codec: has the fields {', '.join(sorted(data))}. Take the run.json that fit wrote.")
        return Codec(**data)

    def _row(self, text: str) -> np.ndarray:
        tokens = self.ids(text).astype(np.int64)
        if self.end is not None:
            tokens = np.concatenate(([self.end], tokens, [self.end]))
        if len(tokens) > self.window + 1:
            what = f"{len(tokens)} tokens, more than a window of {self.window + 1}"
            raise Problem(f"{text[:20]!r}…: {what}. Cut it into shorter texts.")
        return tokens

    def _document(self, row: np.ndarray) -> np.ndarray:
        if self.end is None or not len(row):
            return row
        row = row[1:] if row[0] == self.end else row
        ends = np.flatnonzero(row == self.end)
        return row[: ends[0]] if len(ends) else row

    def _of_characters(self, text: str) -> np.ndarray:
        points = code_points(text)
        table = _table(self.alphabet)
        ids: np.ndarray = table[np.minimum(points, len(table) - 1)]
        if ids.size and ids.min() < 0:
            unknown = "".join(map(chr, np.unique(points[ids < 0])[:5]))
            named = ", ".join(f"{c!r} (U+{ord(c):04X})" for c in unknown)
            cure = "Leave them out, or train with --tokens bytes, which knows every character"
            raise Problem(f"{named}: not among the {len(self.alphabet)} characters of the training text. {cure}.")
        return ids

    def _of_bytes(self, text: str) -> np.ndarray:
        try:
            return np.frombuffer(text.encode(self.encoding), np.uint8)
        except UnicodeEncodeError as error:
            wrong = text[error.start]
            what = f"can't be written in {self.encoding}, the encoding of the training text"
            raise Problem(f"{wrong!r} (U+{ord(wrong):04X}): {what}. Leave it out.") from None

    def _text(self, ids: np.ndarray) -> str:
        if self.tokens == "characters":
            return str(_letters(self.alphabet)[ids].astype("<u4").tobytes(), "utf-32-le")
        if self.tokens == "bytes":
            return ids.astype(np.uint8).tobytes().decode(self.encoding, errors="replace")
        return str(bpe.load(self.model).decode(ids.tolist(), skip_special_tokens=False))


def code_points(text: str) -> np.ndarray:
    """(N,) uint32. Raises Problem on half a surrogate pair."""
    try:
        return np.frombuffer(text.encode("utf-32-le"), "<u4")
    except UnicodeEncodeError as error:
        raise Problem(f"U+{ord(text[error.start]):04X}: half a surrogate pair, no character. Leave it out.") from None


def alphabet(texts: Sequence[Text]) -> str:
    """Every character that occurs, by code point."""
    seen = np.zeros(0x110000, bool)
    few: set[str] = set()  # those of short texts: a table for each would cost more than it saves
    for text in texts:
        if len(text) < 4096:
            few.update(text)
            continue
        for at in range(0, len(text), CHUNK):
            seen[code_points(text[at : at + CHUNK])] = True
    seen[code_points("".join(few))] = True
    return "".join(map(chr, np.flatnonzero(seen)))


@lru_cache(maxsize=8)
def _letters(alphabet: str) -> np.ndarray:
    return code_points(alphabet)


@lru_cache(maxsize=8)
def _table(alphabet: str) -> np.ndarray:
    """Code point -> id, -1 where unknown; the last entry stands for all that lie beyond."""
    letters = _letters(alphabet)
    table = np.full(int(letters.max()) + 2 if len(letters) else 1, -1, np.int32)
    table[letters] = np.arange(len(letters))
    return table
