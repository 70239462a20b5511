"""Texts -> a codec and two rows of tokens: split, fitted, and kept in the cache where that saves time or memory."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reverie.cache_folder import cache_folder
from reverie.errors import NoRoom, Problem
from reverie.kinds import DataOptions

from . import bpe
from .codec import Codec, alphabet
from .items import stream
from .long import Long, Text, part

MAPPED = 512 << 20  # bytes of tokens beyond which they are memory-mapped
FORM = 1  # of the cached files; another one is another cache
FILES = ("train.bin", "held_out.bin")
Rows = tuple[np.ndarray, np.ndarray]  # of training and of held-out tokens


@dataclass(frozen=True)
class Parts:
    """What is learnt from and what is kept for judging."""

    train: list[Text]
    held_out: list[Text]

    @property
    def characters(self) -> tuple[int, int]:
        return sum(map(len, self.train)), sum(map(len, self.held_out))


def split(where: str, texts: Sequence[Text], share: float) -> Parts:
    """One text: its last `share` of characters is held out. Several: whole ones, drawn by a fixed permutation up to
    that share; equal ones go to the same side, so that none is both learnt and judged."""
    if len(texts) == 1:
        cut = int((1 - share) * len(texts[0]))
        return Parts([part(texts[0], 0, cut)], [part(texts[0], cut, len(texts[0]))])
    import torch

    same: dict[Text, list[int]] = {}
    for i, text in enumerate(texts):
        same.setdefault(text, []).append(i)
    groups = list(same.items())
    if len(groups) == 1:
        raise Problem(f"{where}: {len(texts)} documents that are all the same. Give one of them as a file of its own.")
    room = share * sum(map(len, texts))
    held: set[int] = set()
    for g in torch.randperm(len(groups), generator=torch.Generator().manual_seed(0)).tolist():
        text, places = groups[g]
        if len(text) * len(places) <= room:
            room -= len(text) * len(places)
            held.update(places)
    if not held:  # each is larger than the share: the smallest
        held.update(min(groups, key=lambda group: len(group[0]) * len(group[1]))[1])
    return Parts([t for i, t in enumerate(texts) if i not in held], [t for i, t in enumerate(texts) if i in held])


def fit(options: DataOptions, parts: Parts, window: int, encoding: str, documents: bool) -> Codec:
    """The codec, all but its start token."""
    if options.tokens == "bpe":
        model = bpe.train(parts.train, options.vocabulary - documents)
        return Codec("bpe", window, model=model, documents=documents)
    if options.tokens == "characters":
        return Codec("characters", window, alphabet=alphabet(parts.train + parts.held_out), documents=documents)
    return Codec(options.tokens, window, encoding=encoding, documents=documents)


def start(codec: Codec, row: np.ndarray) -> int:
    """End of document, else newline if it occurs, else the most frequent token of (N,)."""
    if codec.end is not None:
        return codec.end
    counts = np.zeros(codec.categories, np.int64)
    for at in range(0, len(row), 1 << 24):
        counts += np.bincount(row[at : at + (1 << 24)], minlength=codec.categories)
    if codec.tokens != "characters" or "\n" in codec.alphabet:
        newline = codec.ids("\n")
        if len(newline) == 1 and counts[newline[0]]:
            return int(newline[0])
    return int(counts.argmax())


def fingerprint(texts: Sequence[bytes | Long], options: DataOptions, before: str = "") -> str:
    """Of the texts in their order and of every option that changes their tokens or their split; `before`: of other
    texts that go before them."""
    digest = hashlib.blake2b(before.encode(), digest_size=16)
    digest.update(json.dumps([FORM, options.tokens, options.vocabulary if options.tokens == "bpe" else 0]).encode())
    digest.update(json.dumps([options.held_out, len(texts)]).encode())
    for text in texts:
        size = text.size if isinstance(text, Long) else len(text)
        digest.update(size.to_bytes(8, "little"))
        for block in text.bytes() if isinstance(text, Long) else [text]:
            digest.update(block)
    return digest.hexdigest()


def rows(options: DataOptions, parts: Parts, codec: Callable[[], Codec], key: str) -> tuple[Codec, Rows, list[str]]:
    """The codec, both rows of tokens, and notes: made by `codec()`, or from the cache, where what takes long to learn
    or is too large for memory is kept."""
    folder = cache_folder() / "text" / key
    kept = _load(folder) if options.tokens == "bpe" else None
    if kept:
        return *kept, [f"tokens from the cache: {folder}"]
    made = codec()
    size = sum(parts.characters) * made.dtype.itemsize
    if size > MAPPED and made.tokens != "bpe":
        kept = _load(folder) or _keep_large(folder, made, parts, size)
        return *kept, [f"{size / 1e9:.1f} GB of tokens, memory-mapped from {folder}"]
    both = (parts.train, parts.held_out)
    train, held_out = (np.concatenate([np.zeros(0, made.dtype), *stream(made, texts)]) for texts in both)
    if made.tokens != "bpe":
        return made, (train, held_out), []
    try:
        _write(folder, made, ([train], [held_out]))
    except OSError as error:
        return made, (train, held_out), [f"{folder}: not kept for the next time ({error.strerror})"]
    return made, (train, held_out), [f"{(train.nbytes + held_out.nbytes) / 1e6:.1f} MB of tokens kept in {folder}"]


def _keep_large(folder: Path, codec: Codec, parts: Parts, size: int) -> tuple[Codec, Rows]:
    print(f"{size / 1e9:.1f} GB of tokens: kept in {folder}, as they may not fit in memory", file=sys.stderr)
    try:
        _write(folder, codec, (stream(codec, parts.train), stream(codec, parts.held_out)))
    except OSError as error:
        what = f"{folder}: {size / 1e9:.1f} GB of tokens can't be written ({error.strerror})"
        raise NoRoom(f"{what}. Make room, or set REVERIE_CACHE to a folder that has it.") from None
    kept = _load(folder)
    if kept is None:
        raise NoRoom(f"{folder}: not as it was written. Set REVERIE_CACHE to a folder on another disk.")
    return kept


def _write(folder: Path, codec: Codec, row_parts: tuple[Iterable[np.ndarray], Iterable[np.ndarray]]) -> None:
    """Under another name first, so that a folder of the right name is a whole one."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=folder.parent))
    try:
        for name, parts in zip(FILES, row_parts):
            with open(draft / name, "wb") as file:
                for part in parts:
                    file.write(np.ascontiguousarray(part).data)
        sizes = [(draft / name).stat().st_size for name in FILES]
        (draft / "codec.json").write_text(json.dumps({"codec": codec.to_json(), "sizes": sizes}), encoding="utf-8")
        if folder.exists():  # damaged, or just now written by another process: the content is the same
            shutil.rmtree(folder, ignore_errors=True)
        os.replace(draft, folder)
    except OSError:
        if _load(folder) is None:
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _load(folder: Path) -> tuple[Codec, Rows] | None:
    """What `_write` kept, if it is whole."""
    try:
        about = json.loads((folder / "codec.json").read_text(encoding="utf-8"))
        if [(folder / name).stat().st_size for name in FILES] != about["sizes"]:
            return None
        codec = Codec.from_json(about["codec"])
        mapped = sum(about["sizes"]) > MAPPED
        train, held_out = (_row(folder / name, codec.dtype, mapped) for name in FILES)
    except (OSError, ValueError, KeyError, TypeError, Problem):
        return None
    return codec, (train, held_out)


def _row(file: Path, dtype: np.dtype, mapped: bool) -> np.ndarray:
    return np.memmap(file, dtype, mode="r") if mapped else np.fromfile(file, dtype)
