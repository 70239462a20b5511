"""A source of sounds: says what it holds, and makes it ready to train on."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from reverie.errors import Problem
from reverie.kinds import DataOptions, Prepared, Summary
from reverie.kinds.image.listing import numbered, part, parted
from reverie.kinds.image.work import spread
from reverie.kinds.split import Parts, key, parts

from .codec import Codec
from .files import About, Listing, Unreadable, listed, looked, mono
from .items import Recordings
from .names import Pattern

SECONDS = 10  # of an item at most, where nobody says otherwise
SHOWN = 20  # bad files that are named


class Found(NamedTuple):
    """What is known before anything is kept."""

    rows: list[int]  # of the listing
    abouts: list[About]
    known: dict[str, list[str]]  # columns
    label: str  # the column that says the class; "": none does
    test: np.ndarray | None
    bad: list[tuple[str, str]]
    notes: list[str]


class Sounds:
    """Sounds at a path. Opening decodes nothing."""

    kind = "sound"

    def __init__(self, where: str, options: DataOptions):
        self.where, self.options = where, options
        self.names = options.names
        self.pattern = Pattern(self.names) if self.names else None
        if len(options.size) > 1 or any(n < 1 for n in options.size):
            said = "x".join(map(str, options.size))
            raise Problem(f"--size {said}: a sound is as long as a number of samples. Write one, like 16000")
        for name, share in (("held-out", options.held_out), ("calibration", options.calibration)):
            if not 0 <= share < 1:
                raise Problem(f"--{name} {share:g}: not a share. Give one from 0 to below 1")
        if not Path(where).exists():
            raise Problem(f"{where}: no such file or folder. Is it spelt right?")

    @cached_property
    def listing(self) -> Listing:
        return listed(self.where)

    @cached_property
    def found(self) -> Found:
        """Every file looked into. Those that can't be read are in `bad`."""
        listing = self.listing

        def look(i: int) -> About | str:
            try:
                return looked(listing.read(i))
            except Unreadable as error:
                return str(error)
            except OSError as error:
                return f"can't be read ({error.strerror or error})"

        seen = spread(len(listing.names), look, "reading sounds")
        words = [self.pattern.read(name) if self.pattern else {} for name in listing.names]
        bad = list(listing.lost)
        rows: list[int] = []
        for i, name in enumerate(listing.names):
            if isinstance(seen[i], str):
                bad.append((name, str(seen[i])))
            elif words[i] is None:
                bad.append((name, f"its name is not of the form --names {self.names}"))
            else:
                rows.append(i)
        kept = [listing.names[i] for i in rows]
        known, label, test, notes = columns(kept, [words[i] or {} for i in rows], self.pattern)
        if listing.others:
            notes.append(f"{listing.others:,} files that are no sounds by their names left aside")
        return Found(rows, [a for i in rows if isinstance(a := seen[i], About)], known, label, test, bad, notes)

    def summary(self) -> Summary:
        found = self.found
        facts: dict[str, Any] = {
            "rates": dict(Counter(a.rate for a in found.abouts).most_common()),
            "channels": dict(Counter(a.channels for a in found.abouts).most_common()),
            "unreadable": len(found.bad),
            "duplicates": len(found.rows) - len({a.digest for a in found.abouts}),
        }
        if found.abouts:
            seconds = [a.frames / a.rate for a in found.abouts]
            facts["seconds"] = f"{min(seconds):.3g} … {max(seconds):.3g}, {sum(seconds):,.0f} in all"
        label = self._answer(found)
        if label:
            facts["classes"] = dict(Counter(found.known[label]))
        lines = [f"{name}: {trouble}. Remove it, or pass --skip-bad." for name, trouble in found.bad[:SHOWN]]
        if len(found.bad) > SHOWN:
            lines.append(f"and {len(found.bad) - SHOWN:,} more")
        if not found.rows or (found.bad and not self.options.skip_bad):
            return Summary("sound", self.where, len(found.rows), facts, tuple(lines))
        prepared = self.prepare()
        shape = prepared.codec.spec.only[1].shape
        return Summary(
            "sound", self.where, len(found.rows), facts, tuple(lines), tuple(prepared.notes), len(prepared.train), shape
        )

    def prepare(self, size: tuple[int, ...] = ()) -> Prepared:
        """Splits, then decodes what is kept. Raises Problem. `size` (samples,) is the model's wish, which
        `DataOptions.size` overrules."""
        found = self.found
        if found.bad and not (self.options.skip_bad and found.rows):
            name, trouble = found.bad[0]
            cure = f"Remove it, or pass --skip-bad to leave out the {len(found.bad):,} such files"
            raise Problem(f"{name}: {trouble}. {cure}.")
        label = self._answer(found)
        labels, classes = numbered(found.known[label]) if label else (None, ())
        split = self._split(found, labels)
        if self.options.predict and labels is not None:
            self._learnable(label, labels, classes, split)
        codec = self._codec(found, split.train, label if len(classes) > 1 else "", classes, self.options.size or size)
        sounds = spread(
            len(found.rows), lambda i: mono(self.listing.read(found.rows[i]), codec.rate, codec.samples), "decoding"
        )
        train, out, aside = (
            Recordings(sounds, labels, found.known, rows, codec)
            for rows in (split.train, split.held_out, split.calibration)
        )
        notes = [*found.notes, *changes(found, codec), *split.notes, *self._repeated(found, split)]
        if found.bad:
            notes.append(f"{len(found.bad):,} files left out that can't be read, the first {found.bad[0][0]}")
        mark = self._fingerprint(found, codec)
        return Prepared(codec, train, out, mark, tuple(notes), aside if len(aside) else None)

    def _answer(self, found: Found) -> str:
        """The column that --predict asks for, else the one of the classes. Raises Problem."""
        wanted = self.options.predict
        if wanted in ("", "labels"):
            if wanted and not found.label:
                cure = "Put the sounds of each class in a folder of its own, or pass --names '{label}_{speaker}_{take}'"
                raise Problem(f"{self.where}: no classes. {cure}")
            return found.label
        words = [name for name in found.known if name != "item"]
        if wanted not in words:
            there = f"Take labels or one of: {', '.join(words)}" if words else "Pass --names '{label}_{speaker}_{take}'"
            raise Problem(f"--predict {wanted}: no such word in the files' names. {there}")
        return wanted

    def _split(self, found: Found, labels: np.ndarray | None) -> Parts:
        prints = [a.digest for a in found.abouts]
        again = prints if len(set(prints)) < len(prints) else None
        return parts(
            len(found.rows), self.options, own=found.test, columns=found.known, classes=labels, kept_together=again
        )

    def _learnable(self, label: str, labels: np.ndarray, classes: tuple[str, ...], split: Parts) -> None:
        if len(classes) < 2:
            raise Problem(f"{self.where}: one class only ({classes[0]}): nothing to tell apart. Give sounds of another")
        learnt = set(labels[split.train].tolist())
        for k in sorted({*labels[split.held_out].tolist(), *labels[split.calibration].tolist()} - learnt):
            cure = "Hold out others, or give more of it"
            raise Problem(f"--predict {self.options.predict}: {label} {classes[k]} is not in the training part. {cure}")

    def _codec(
        self, found: Found, train: np.ndarray, label: str, classes: tuple[str, ...], size: tuple[int, ...]
    ) -> Codec:
        abouts = [found.abouts[i] for i in train]
        counts = Counter(a.rate for a in abouts)
        rate = max(counts, key=lambda r: (counts[r], r))
        longest = max(-(-a.frames * rate // a.rate) for a in abouts)
        samples = size[0] if size else min(longest, SECONDS * rate)
        target = label if self.options.predict else ""
        return Codec(rate, samples, classes if label else (), target, self.names)

    def _repeated(self, found: Found, split: Parts) -> list[str]:
        prints = [a.digest for a in found.abouts]
        again = len(prints) - len(set(prints))
        if not again:
            return []
        seen = {prints[i] for i in split.train} | {prints[i] for i in split.calibration}
        both = sum(prints[i] in seen for i in split.held_out)
        where = (
            f"{both:,} of those held out are among the others too" if both else "each and its copies stay in one part"
        )
        return [f"{again:,} files are copies of others: {where}"]

    def _fingerprint(self, found: Found, codec: Codec) -> str:
        about = [key(self.options), codec.to_json(), found.known, [a.digest for a in found.abouts]]
        return hashlib.blake2b(json.dumps(about).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def columns(
    names: list[str], words: list[dict[str, str]], pattern: Pattern | None
) -> tuple[dict[str, list[str]], str, np.ndarray | None, list[str]]:
    """What the names say: columns, the one of the classes ("": none), which items are the data's own test part."""
    folders = unwrapped([list(PurePosixPath(name).parts[:-1]) for name in names])
    where = [part(path[0]) if path else "" for path in folders]
    test, notes = parted(where) if where and all(where) else (None, [])
    if test is not None:
        folders = unwrapped([path[1:] for path in folders])
    known: dict[str, list[str]] = {}
    if pattern:
        known = {word: [read[word] for read in words] for word in pattern.words}
    elif names and all(folders):
        known = {"label": [path[0] for path in folders]}
    elif any(folders):
        notes.append("sounds both in and beside folders: taken as one set without classes")
    label = "label" if "label" in known else next(iter(known), "")
    return {**known, "item": names}, label, test, notes


def unwrapped(paths: list[list[str]]) -> list[list[str]]:
    """Without the folders that all have in common, where these differ further down."""
    depth = 0
    while paths and all(len(path) > depth + 1 and path[depth] == paths[0][depth] for path in paths):
        depth += 1
    return [path[depth:] for path in paths]


def changes(found: Found, codec: Codec) -> list[str]:
    """What is done to the files, a line each."""
    abouts, most = found.abouts, codec.samples
    counted = (
        (
            sum(a.rate != codec.rate for a in abouts),
            f"of another rate are resampled to {codec.rate:,} samples a second",
        ),
        (sum(a.channels > 1 for a in abouts), "of several channels are averaged to one"),
        (sum(a.rounded for a in abouts), "are rounded to 16 bits"),
        (sum(a.loudest > 1 for a in abouts), "go beyond [-1, 1] and are clipped"),
        (sum(a.loudest == 0 for a in abouts), "are silent"),
        (sum(a.frames * codec.rate > most * a.rate for a in abouts), f"are longer and cut at {most:,} samples"),
    )
    notes = [f"{codec.rate:,} samples a second; items of at most {most:,} samples, {most / codec.rate:.3g} seconds"]
    return notes + [f"{count:,} files {what}" for count, what in counted if count]
