"""A place that holds text: what it is, and how it becomes data to train on."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from functools import cached_property
from pathlib import Path

import numpy as np

from reverie.errors import Problem
from reverie.kinds import DataOptions, Prepared, Summary
from reverie.kinds.find import located
from reverie.kinds.table.files import some

from . import prepare as making  # `prepare` is the source's own method
from .codec import CHUNK, TOKENS, code_points
from .files import Document, Found, find
from .items import Windows
from .long import Long, Text
from .long import size as size_of

WINDOW = 128  # tokens predicted, where neither the person nor the model wishes otherwise
LISTED = 5  # names shown of a long list


class Texts:
    """A file, folder or zip of text."""

    kind = "text"

    def __init__(self, where: str, options: DataOptions):
        self.where = where
        self.options = options
        if options.tokens not in TOKENS:
            raise Problem(f"{options.tokens}: no way to cut text into tokens. Take one of {', '.join(TOKENS)}.")
        if not 0 < options.held_out < 1:
            raise Problem(f"{options.held_out}: not a share to hold out. Give one above 0 and below 1, like 0.1.")
        if len(options.size) > 1 or any(n < 1 for n in options.size):
            wished = "x".join(map(str, options.size))
            raise Problem(f"{wished}: not a window of text. Give --size one number of tokens, like {WINDOW}.")
        if options.tokens != "bpe" and options.vocabulary != DataOptions().vocabulary:
            raise Problem(f"--vocabulary {options.vocabulary}: of a bpe. Pass --tokens bpe too, or leave it out")
        if options.tokens == "bpe" and options.vocabulary < 258:
            what = f"{options.vocabulary}: a vocabulary too small for 256 bytes, an end of document and anything learnt"
            raise Problem(f"{what}. Give --vocabulary 258 or more.")

    def summary(self) -> Summary:
        found = self._found
        texts = self._texts
        sizes = [len(t) for t in texts]
        counts = sum((_counts(t) for t in texts), np.zeros(0x110000, np.int64))
        often = np.argsort(-counts, kind="stable")[:10]
        facts = {
            "documents": len(texts),
            "characters": sum(sizes),
            "bytes": sum(d.data.size if isinstance(d.data, Long) else len(d.data) for d in found.documents),
            "lines": sum(t.count("\n") + (not t.endswith("\n")) for t in texts),
            "distinct characters": int((counts > 0).sum()),
            "most frequent": {chr(c): int(counts[c]) for c in often if counts[c]},
            "encoding": self._encoding_said(),
        }
        if len(texts) > 1:
            facts["characters of a document"] = f"{min(sizes)} to {max(sizes)}, median {int(np.median(sizes))}"
            facts["duplicates"] = len(texts) - len({d.data for d in found.documents})
        if found.empty:
            facts["empty"] = some(found.empty, LISTED)
        if found.other:
            facts["not text"] = some(found.other, LISTED)
        window = (self.options.size or (WINDOW,))[0]
        windows = -(-sum(sizes) // window)
        bad, plan = [str(b) for b in found.bad], self._plan(window)
        return Summary("text", self.where, windows, facts, bad, plan, windows, (window,))

    def prepare(self, size: tuple[int, ...] = ()) -> Prepared:
        """Splits, fits the codec on what it may see, and cuts all text into tokens."""
        found, options = self._found, self.options
        self._whole(found)
        window = (options.size or size or (WINDOW,))[0]
        texts = self._texts
        key = making.fingerprint([d.data for d in found.documents], options)
        if options.test:
            others = self._judging
            self._whole(others)
            parts = making.Parts(texts, [self._text(document) for document in others.documents])
            key = making.fingerprint([d.data for d in others.documents], options, key)
        else:
            parts = making.split(self.where, texts, options.held_out)
        apart = len(texts) > 1
        codec, rows, notes = making.rows(
            options, parts, lambda: making.fit(options, parts, window, self._encoding, apart), key
        )
        self._long_enough(rows, window)
        codec = dataclasses.replace(codec, window=window, start=making.start(codec, rows[0]))
        train, held_out = (
            Windows(row, codec, sum(map(len, t)), sum(map(size_of, t)))
            for row, t in zip(rows, (parts.train, parts.held_out))
        )
        told = [*self._notes(parts, codec.categories, window, size), *notes]
        mark = hashlib.blake2b(f"{key} {window}".encode(), digest_size=16).hexdigest()
        return Prepared(codec, train, held_out, mark, told)

    @cached_property
    def _found(self) -> Found:
        return self._read(self.where)

    @cached_property
    def _judging(self) -> Found:
        """What --test names; nothing without it."""
        return self._read(str(located(self.options.test))) if self.options.test else Found()

    def _read(self, where: str) -> Found:
        path = Path(where)
        if not path.exists():
            raise Problem(f"{where}: no such file or folder. Check the name.")
        found = find(path, self.options.column, self.options.tokens == "bytes")
        if not found.documents:
            if found.bad:
                more = f" So it is with all {len(found.bad)} of {where}." if len(found.bad) > 1 else ""
                raise Problem(f"{found.bad[0]}{more}")
            nothing = path.is_dir() and not found.empty and not found.other
            what = "no files in it" if nothing else "no text in it"
            raise Problem(f"{where}: {what}. Put some there, as .txt files in UTF-8.")
        if self.options.column and not found.columns:
            raise Problem(f"--column {self.options.column}: of .jsonl files, and {where} has none. Leave it out")
        return found

    def _whole(self, found: Found) -> None:
        """Raises Problem at the first that can't be read, unless those are to be left out."""
        if found.bad and not self.options.skip_bad:
            first, count = found.bad[0], len(found.bad)
            others = f", or pass --skip-bad to leave out {'it' if count == 1 else f'all {count} of these'}"
            raise Problem(f"{first.name}: {first.what}. {first.cure}{others}.")

    @cached_property
    def _documents(self) -> list[Document]:
        """All, of both places."""
        return [*self._found.documents, *self._judging.documents]

    @cached_property
    def _encoding(self) -> str:
        return "utf-8" if all(d.utf8 for d in self._documents) else "latin-1"

    @cached_property
    def _texts(self) -> list[Text]:
        return [self._text(document) for document in self._found.documents]

    def _text(self, document: Document) -> Text:
        if not isinstance(document.data, Long):
            return document.data.decode(self._encoding)
        if self._encoding != "utf-8":
            what = f"{document.name}: UTF-8, and too large to be read as bytes of another encoding beside it"
            raise Problem(f"{what}. Convert the others to UTF-8.")
        return document.data

    def _encoding_said(self) -> str:
        if self._encoding != "utf-8":
            others = sum(not d.utf8 for d in self._documents)
            return f"not UTF-8 in {others} of {len(self._documents)}: bytes, shown as latin-1"
        marks = Counter(self._found.marks.values())
        named = [f"{count} with a byte order mark ({encoding})" for encoding, count in sorted(marks.items())]
        return ", ".join(["UTF-8", *named])

    def _long_enough(self, rows: making.Rows, window: int) -> None:
        train, held_out = len(rows[0]), len(rows[1])
        if train < window + 1:
            cure = f"a smaller window with --size {max(1, (train - 1) // 2)}" if train > 1 else "more text"
            what = f"{train} tokens to learn from, fewer than one window of {window} and the next"
            raise Problem(f"{self.where}: {what}. Give {cure}{', or more text' if train > 1 else ''}.")
        if held_out < 2 and self.options.test:
            raise Problem(f"--test {self.options.test}: {held_out} tokens to judge by. Give more text.")
        if held_out < 2:
            what = f"{held_out} tokens to judge by, with {self.options.held_out:g} of the text held out"
            raise Problem(f"{self.where}: {what}. Give more text, or a larger share with --held-out.")

    def _notes(self, parts: making.Parts, categories: int, window: int, wished: tuple[int, ...]) -> list[str]:
        found, options = self._found, self.options
        train, held_out = parts.characters
        whole = train + held_out
        how = f"the last of its {whole:,} characters"
        if options.test:
            how = options.test
        elif len(found.documents) > 1:
            how = f"{len(parts.held_out):,} of {len(found.documents):,} documents, drawn at random"
        learnt = {
            "characters": "found in the whole text, so that each that is held out has its own",
            "bytes": "one for each byte",
            "bpe": "learnt from the training part alone",
        }[options.tokens]
        end = ", one of them the end of a document" if len(found.documents) > 1 else ""
        by = "as asked" if options.size else "as the model asks" if wished else "--size N for another"
        notes = [
            f"{train:,} characters to learn from, {held_out:,} ({held_out / whole:.1%}) held out: {how}",
            f"{categories:,} tokens ({options.tokens}), {learnt}{end}",
            f"windows of {window} tokens ({by})",
        ]
        if options.tokens == "bpe" and categories < options.vocabulary:
            notes.append(f"a vocabulary of {categories:,}, not {options.vocabulary:,}: the text repeats nothing more")
        if found.columns:
            notes.append(f"took the column {', '.join(sorted(found.columns))}")
        again = {d.data for d in found.documents} & {d.data for d in self._judging.documents}
        if again:
            notes.append(f"held-out texts that are learnt from too, word for word: {len(again):,}")
        if found.marks or self._encoding != "utf-8":
            notes.append(f"encoding: {self._encoding_said()}")
        for what, names in (("empty", found.empty), ("not text", found.other), ("bad", [b.name for b in found.bad])):
            if names:
                notes.append(f"left out as {what}: {some(names, LISTED)}")
        return notes

    def _plan(self, window: int) -> list[str]:
        options = self.options
        share = f"{options.held_out:.0%}"
        one = len(self._texts) == 1
        kept = f"the last {share} of the characters" if one else f"{share} of the text in whole documents, at random"
        cut = {"bpe": f"a BPE of up to {options.vocabulary:,} pieces"}.get(options.tokens, options.tokens)
        if options.test:
            kept = options.test
        plan = [f"keep {kept} for judging", f"cut the text into {cut}", f"learn from windows of {window} tokens"]
        if one:
            plan.append("take it as one text: --kind sentences takes each line as an item of its own")
        if self._found.bad:
            bad = len(self._found.bad)
            plan.append(f"leave out {bad} bad" if options.skip_bad else f"stop at the {bad} bad, without --skip-bad")
        return plan


def _counts(text: Text) -> np.ndarray:
    """How often each code point occurs."""
    counts = np.zeros(0x110000, np.int64)
    for at in range(0, len(text), CHUNK):
        counts += np.bincount(code_points(text[at : at + CHUNK]), minlength=len(counts))
    return counts
