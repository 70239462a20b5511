"""A place that holds music: what it is, and how it becomes data to train on."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from reverie.errors import Problem
from reverie.kinds import DataOptions, Prepared, Summary
from reverie.kinds.split import Parts, key, parts
from reverie.kinds.table.files import some

from .events import Events
from .files import Found, Tune, find
from .fitting import FORMS, fitted, said
from .grid import Grid
from .heard import counted, finest, gridded
from .items import Encoded, Framed, Leading
from .led import Led, led
from .piece import DRUMS, Piece

LISTED = 5  # names shown of a long list


class Music:
    """Files of music: a piece each, or several."""

    kind = "music"

    def __init__(self, where: str, options: DataOptions):
        self.where, self.options = where, replace(options, calibration=0.0)
        if options.tokens not in ("characters", *FORMS):
            raise Problem(f"--tokens {options.tokens}: no way to write music. There are: {', '.join(FORMS)}")
        if not 0 <= options.held_out < 1:
            raise Problem(f"--held-out {options.held_out}: give a share from 0 to below 1, such as 0.1")
        if len(options.size) > 1 or any(n < 16 for n in options.size):
            asked = "x".join(map(str, options.size))
            raise Problem(f"--size {asked}: a piece is as long as a number of tokens, 16 or more. Write one, like 512")

    @cached_property
    def found(self) -> Found:
        return find(self.where)

    @cached_property
    def tunes(self) -> list[Tune]:
        """The pieces that can be read. Raises Problem where there are none, and for bad files without --skip-bad."""
        found = self.found
        if found.bad and (not self.options.skip_bad or not found.tunes):
            more = f" (so it is with all {len(found.bad)})" if len(found.bad) > 1 and not found.tunes else ""
            skip = f", or pass --skip-bad to leave out the {len(found.bad)} such files" if found.tunes else ""
            raise Problem(f"{found.bad[0]}{skip}{more}")
        return found.tunes

    @cached_property
    def beat(self) -> tuple[int, float]:
        """Steps a quarter note, and the share of notes that begin on one."""
        return finest([tune.heard for tune in self.tunes])

    @cached_property
    def pieces(self) -> list[Piece]:
        return [gridded(tune.heard, self.beat[0]) for tune in self.tunes]

    def summary(self) -> Summary:
        found = self.found
        if not found.tunes:
            raise Problem(f"{found.bad[0]}")
        fine = Music(self.where, replace(self.options, skip_bad=True))
        fine.__dict__["found"] = found
        pieces = fine.pieces
        notes = [note for piece in pieces for note in piece.notes]
        bars = [piece.steps / piece.measure for piece in pieces]
        marks = [mark(piece) for piece in pieces]
        facts: dict[str, Any] = {
            "notes": len(notes),
            "bars": f"{sum(bars):,.0f}; a piece has {min(bars):.3g} to {max(bars):.3g}, median {np.median(bars):.3g}",
            "pitches": f"{named(min(n.pitch for n in notes))} to {named(max(n.pitch for n in notes))}",
            "at once": f"{max(max(map(len, piece.frames())) for piece in pieces)} at most",
            "instruments": len({note.program for note in notes}),
            "grid": fine.grid_said(),
            "duplicates": len(marks) - len(set(marks)),
        }
        labels = Counter(tune.label for tune in fine.tunes)
        if len(labels) > 1:
            facts["classes"] = dict(labels)
        if found.other:
            facts["no music"] = some(found.other, LISTED)
        prepared = fine.prepare()
        plan, train = list(prepared.notes), len(prepared.train)
        if found.bad:
            held = "leave out" if self.options.skip_bad else "stop, without --skip-bad, at"
            plan.append(f"{held} the {len(found.bad)} bad files")
        return Summary(
            "music", self.where, len(pieces), facts, found.bad, plan, train, prepared.codec.spec.only[1].shape
        )

    def prepare(self, size: tuple[int, ...] = ()) -> Prepared:
        """Splits, and learns from the training part what the tokens must be able to say. `size` is no music's: a piece
        is as long as it is. Raises Problem."""
        tunes, pieces, notes = self.tunes, self.pieces, [self.grid_said()]
        split = self.split(pieces, notes)
        codec = fitted(pieces, split.train, self.options, ties=not all(tune.frames for tune in tunes))
        codec = replace(codec, classes=self.classes)
        notes += said(codec, pieces, self.options)
        whole = [codec.reduced(piece) for piece in pieces]
        notes += self.dropped(pieces, whole)
        whole = [kept._replace(bar=piece.bar) for kept, piece in zip(whole, pieces)]  # where a long one may be cut
        number = {name: k for k, name in enumerate(self.classes)}
        labels = np.array([number[tune.label] for tune in tunes]) if self.classes else None
        reach, moved = moving([whole[i] for i in split.train], self.options.keys)

        leads = self.leads(codec, whole, notes)

        def part(rows: np.ndarray) -> Encoded:
            own, told = [whole[i] for i in rows], None if labels is None else labels[rows]
            if isinstance(leads, Led):
                return Leading(own, leads, told, reach)
            return (Framed if isinstance(codec, Grid) else Encoded)(own, codec, told, reach)

        train, out, aside = (part(rows) for rows in (split.train, split.held_out, split.calibration))
        if len(train) > len(split.train):
            cut = len(train) - len(split.train)
            notes.append(f"pieces of more than {codec.longest:,} tokens are cut at bars: {cut:,} more items (--size)")
        notes += [moved, *self.left_aside()]
        return Prepared(leads or codec, train, out, self.fingerprint(), tuple(notes), aside if len(aside) else None)

    def left_aside(self) -> list[str]:
        """Of the place's files, those that no item comes of."""
        bad = [line.split(": ")[0] for line in self.found.bad]
        groups = (("bad", bad), ("no music by their names", self.found.other))
        return [f"{len(names):,} files left aside as {what}: {some(names, LISTED)}" for what, names in groups if names]

    def leads(self, codec: Grid | Events, pieces: list[Piece], notes: list[str]) -> Led | None:
        """With --given melody, the codec of pieces whose highest voice is known ahead. Raises Problem where no highest
        voice is known."""
        if not self.options.given:
            return None
        if not isinstance(codec, Grid):
            raise Problem(f"--given {self.options.given}: of music on a grid, and {codec.form} suit this. Leave it out")
        made = led(codec, pieces)
        notes.append(f"the highest voice of each piece is given {made.ahead} steps ahead: reverie harmonise")
        return made

    @cached_property
    def classes(self) -> tuple[str, ...]:
        return tuple(sorted({tune.label for tune in self.tunes} - {""}))

    def split(self, pieces: list[Piece], notes: list[str]) -> Parts:
        """The parts that files or folders name; else a share is drawn, of which copies stay together."""
        told = np.array([tune.part for tune in self.tunes])
        last = "test" if "test" in told else "valid"
        own = told == last
        marks = [mark(piece) for piece in pieces]
        again = len(marks) - len(set(marks))
        number = {name: k for k, name in enumerate(self.classes)}
        labels = np.array([number[tune.label] for tune in self.tunes]) if self.classes else None
        together = marks if again and not own.any() else None
        found = parts(len(pieces), self.options, own=own, classes=labels, kept_together=together)
        aside = (told == "valid") & ~own & ("train" in told)
        train = found.train[~aside[found.train]]
        if aside.any():
            out = f"{len(found.held_out):,} ({last}) held out to judge by"
            notes.append(f"{len(train):,} pieces to learn from, {out}, {aside.sum():,} (valid) to choose looks by")
        else:
            notes += found.notes
        if again:
            where = ": each and its copies stay in one part" if together else ""
            notes.append(f"{again:,} pieces stand there once more{where}")
        return Parts(train, found.held_out, np.flatnonzero(aside), ())

    def grid_said(self) -> str:
        beat, share = self.beat
        moved = "" if share > 0.99999 else f"; {1 - share:.2g} of all notes do not, and move to the nearest"
        return f"{beat} step{'s' * (beat > 1)} a quarter note, on which notes begin{moved}"

    def dropped(self, pieces: list[Piece], whole: list[Piece]) -> list[str]:
        """What files have and tokens do not, a line each."""
        lines = [f"not kept: {what}" for what in differences(pieces, whole) if what]
        lost = sum(len(a.notes) - len(b.notes) for a, b in zip(pieces, whole) if len(a.notes) > len(b.notes))
        if lost:
            lines.append(f"{lost:,} notes that double another at the same pitch are one with it")
        files = counted(pair for tune in self.tunes for pair in tune.heard.left_out)
        lines += [f"not kept: {what}, of {count:,} pieces" for what, count in sorted(files.items())]
        return lines

    def fingerprint(self) -> str:
        about = [
            "music",
            key(self.options),
            self.options.tokens,
            self.options.keys,
            self.options.given,
            list(self.options.size),
        ]
        digest = hashlib.blake2b(json.dumps(about).encode(), digest_size=16)
        for tune, piece in zip(self.tunes, self.pieces):
            digest.update(json.dumps([tune.label, tune.part, tune.name, piece]).encode())
        return digest.hexdigest()


SEVERAL, IN_ONE_KEY = 20, 0.8  # pieces, and the share that ends on one note, from which on they stand in one key
MOVED = "in training each piece is moved by a drawn interval, -5 to +6 semitones"
_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def moving(pieces: list[Piece], keys: str) -> tuple[tuple[int, int] | None, str]:
    """Between which pitches pieces may be moved in training, None where they are not; and why. Pieces that all end on
    one note have been brought into one key, which a model can rely on."""
    reach = reaching(pieces)
    ends = Counter(frames[-1][-1] % 12 for piece in pieces if (frames := piece.frames()) and frames[-1])
    note, count = ends.most_common(1)[0] if ends else (0, 0)
    if reach is None or keys == "own":
        return None, "pieces are not moved in training"
    if not keys and len(pieces) >= SEVERAL and count >= IN_ONE_KEY * len(pieces):
        said = (
            f"{count:,} of {len(pieces):,} pieces to learn from end on {_NAMES[note]}: they stand in one key, and are"
        )
        return None, f"{said} not moved in training (--keys all: they are)"
    return reach, f"{MOVED}, within {named(reach[0])} to {named(reach[1])}"


def reaching(pieces: list[Piece]) -> tuple[int, int] | None:
    """The lowest and the highest pitch of pieces; None where they have none but drums."""
    pitches = {note.pitch for piece in pieces for note in piece.notes if note.program != DRUMS}
    return (min(pitches), max(pitches)) if pitches else None


def named(pitch: int) -> str:
    """60 -> C4."""
    return f"{_NAMES[pitch % 12]}{pitch // 12 - 1}"


def differences(pieces: list[Piece], whole: list[Piece]) -> Iterator[str]:
    """What of pieces is another in what their tokens keep."""

    def count(differ: Callable[[Piece, Piece], bool]) -> int:
        return sum(differ(a, b) for a, b in zip(pieces, whole))

    def of(name: str) -> Callable[[Piece, Piece], bool]:
        return lambda a, b: {getattr(note, name) for note in a.notes} != {getattr(note, name) for note in b.notes}

    if found := count(of("program")):
        yield f"instruments, of {found:,} pieces"
    if found := count(of("velocity")):
        yield f"how loud each note is, but for {len({n.velocity for p in whole for n in p.notes})} degrees of loudness"
    if found := count(lambda a, b: abs(a.tempo / b.tempo - 1) > 0.04):
        yield f"the tempo, of {found:,} pieces"
    if found := count(lambda a, b: a.measure != b.measure):
        yield f"the metre, of {found:,} pieces"


def mark(piece: Piece) -> str:
    """The same of pieces with the same notes."""
    return json.dumps([note[:3] for note in piece.notes])
