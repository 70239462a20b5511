"""Byte-level BPE (Sennrich et al. 2016, arXiv:1508.07909; on bytes as in GPT-2), learnt by `tokenizers`. Lossless: its
first 256 pieces are the bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from reverie.errors import Problem

from .long import Text

if TYPE_CHECKING:
    from tokenizers import Tokenizer

CHUNK = 1 << 18  # characters: one call's unit of work
GROUP = 16  # chunks encoded at once, on all cores; bounds what tokenizers keeps beside the ids
_CUT = re.compile(r"\S[ \n]")


def chunks(text: Text) -> Iterator[str]:
    """Parts of about CHUNK characters, cut between a word and the space behind it: the pieces never reach over such a
    place, so that the tokens are those of the whole text. A word longer than CHUNK is cut anywhere."""
    at = 0
    while at < len(text):
        to = min(at + CHUNK, len(text))
        if to < len(text):
            cut = _CUT.search(text[to : to + CHUNK])
            to += cut.start() + 1 if cut else 0
        yield text[at:to]
        at = to


def train(texts: Sequence[Text], size: int) -> str:
    """Learns at most `size` pieces from the texts; the tokenizer as JSON."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    if size < 256:
        raise Problem(f"{size}: a vocabulary too small for the 256 bytes that a BPE starts from. Give 257 or more.")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    bytes_first = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=bytes_first, show_progress=False)
    tokenizer.train_from_iterator((part for text in texts for part in chunks(text)), trainer)
    return tokenizer.to_str()


@lru_cache(maxsize=4)
def load(model: str) -> Tokenizer:
    """The tokenizer that `train` wrote."""
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_str(model)
    except Exception as error:  # tokenizers raises bare Exception
        raise Problem(f"text codec: its BPE can't be read ({error}). Take the run.json that fit wrote.") from None


def encode(model: str, text: Text) -> Iterator[np.ndarray]:
    """The ids of one text, in parts (n,) uint32."""
    tokenizer = load(model)
    group: list[str] = []
    for part in chunks(text):
        group.append(part)
        if len(group) == GROUP:
            yield from (np.array(e.ids, np.uint32) for e in tokenizer.encode_batch_fast(group))
            group = []
    if group:
        yield from (np.array(e.ids, np.uint32) for e in tokenizer.encode_batch_fast(group))


def encode_many(model: str, texts: Sequence[str]) -> list[np.ndarray]:
    """The ids of several short texts."""
    return [np.array(e.ids, np.uint32) for e in load(model).encode_batch_fast(list(texts))]
