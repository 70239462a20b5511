"""Any music <-> tokens: its notes one after the other. Huang & Yang 2020, "Pop Music Transformer", arXiv:2002.00212:
bars, positions in the bar, and each note by its pitch, length and loudness; here also by its instrument."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from math import log
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from reverie.errors import Problem
from reverie.kinds.texts import filled
from reverie.spec import Field, Spec

from .piece import DRUMS, Note, Piece, ordered, voiced

if TYPE_CHECKING:
    from torch import Tensor

    from reverie.core import Batch

END, START, BAR, FIRST = 0, 1, 2, 3  # ends a piece and fills a batch; before the first; a bar begins; all others
RANGES = ("measure", "tempo", "position", "program", "pitch", "length", "velocity")  # in the order of their numbers


@dataclass(frozen=True)
class Events:
    """Pieces <-> integers: the bars' length and the tempo, then bar by bar the positions at which notes begin, at each
    the instruments, of each its notes from high to low. Of what has one value in all the data there are no tokens."""

    low: int  # MIDI pitches of the first and the last
    high: int
    beat: int  # steps a quarter note
    longest: int  # tokens of an item, its end among them: longer pieces are cut into parts
    lengths: int  # steps of the longest note: longer ones are shortened
    measures: tuple[int, ...]  # steps of a bar, as pieces have them, the commonest first
    tempos: tuple[int, ...]  # quarters a minute
    programs: tuple[int, ...]  # General MIDI's instruments, 128 drums
    velocities: tuple[int, ...]  # each stands for those that are nearer to no other
    classes: tuple[str, ...] = ()

    form: ClassVar[str] = "events"

    @cached_property
    def values(self) -> dict[str, tuple[int, ...]]:
        """What the tokens of each range stand for, in order."""
        known = (
            self.measures, self.tempos, tuple(range(max(self.measures))), self.programs,
            tuple(range(self.low, self.high + 1)), tuple(range(1, self.lengths + 1)), self.velocities,
        )  # fmt: skip
        always = ("position", "pitch", "length")
        return {name: own if len(own) > 1 or name in always else () for name, own in zip(RANGES, known)}

    @cached_property
    def first(self) -> dict[str, int]:
        """The number of each range's first token."""
        sizes = [len(self.values[name]) for name in RANGES]
        return {name: FIRST + sum(sizes[:k]) for k, name in enumerate(RANGES)}

    @property
    def vocabulary(self) -> int:
        return FIRST + sum(map(len, self.values.values()))

    @property
    def opening(self) -> int:
        """Tokens before the first bar, which each part of a piece has too."""
        return sum(bool(self.values[name]) for name in RANGES[:2])

    @property
    def spec(self) -> Spec:
        music = Field((self.longest,), categories=self.vocabulary, length=True, start=START)
        label = Field((), categories=len(self.classes), names=self.classes)
        return Spec("music", {"music": music}, {"label": label} if self.classes else {})

    # ------------------------------------------------------------------------------------------------------ both ways

    def reduced(self, piece: Piece) -> Piece:
        """What of a piece its tokens keep: `decode(encode(piece))`."""
        return self.piece(self.tokens(piece).tolist())._replace(name=piece.name)

    def tokens(self, piece: Piece) -> np.ndarray:
        """(n,) without the end. Raises Problem for a pitch or an instrument that has no token."""
        at = f"{piece.name}: " if piece.name else ""
        if piece.beat != self.beat:
            raise Problem(f"{at}{piece.beat} steps a quarter, and the codec has {self.beat}. Bring it onto that grid")
        measure = piece.measure if piece.measure in self.measures else self.measures[0]
        tempo = min(self.tempos, key=lambda known: abs(log(known / piece.tempo)))
        row = [*self.token("measure", measure), *self.token("tempo", tempo)]
        notes = sorted(self.known(note, at) for note in piece.notes)
        bar, position, program = -1, -1, -1
        for start, place, minus_pitch, length, velocity in notes:
            if start // measure > bar:
                row += [BAR] * (start // measure - bar)
                bar, position = start // measure, -1
            if start % measure != position:
                position, program = start % measure, -1
                row += self.token("position", position)
            if place != program:
                program = place
                row += self.token("program", self.programs[place])
            row += [*self.token("pitch", -minus_pitch), *self.token("length", length)]
            row += self.token("velocity", velocity)
        return np.array(row, np.int64)

    def known(self, note: Note, at: str) -> tuple[int, int, int, int, int]:
        """A note as the tokens have it, so that notes sort as they are written: start, instrument, minus pitch, length,
        velocity. One melodic instrument stands for all. Raises Problem."""
        if not self.low <= note.pitch <= self.high:
            known = f"{self.low} to {self.high}"
            raise Problem(f"{at}pitch {note.pitch}: the run knows MIDI pitches {known}. Transpose the piece")
        program = note.program
        if program not in self.programs:
            melodic = [own for own in self.programs if own != DRUMS]
            if program == DRUMS or len(melodic) != 1:
                what = "drums" if program == DRUMS else f"instrument {program}"
                known = ", ".join("drums" if own == DRUMS else str(own) for own in self.programs)
                raise Problem(f"{at}{what}: the run knows the instruments {known}. Give the piece one of these")
            program = melodic[0]
        velocity = min(self.velocities, key=lambda own: (abs(own - note.velocity), own))
        return note.start, self.programs.index(program), -note.pitch, min(note.length, self.lengths), velocity

    def token(self, name: str, value: int) -> list[int]:
        """Of a range that has tokens, one."""
        return [self.first[name] + self.values[name].index(value)] if self.values[name] else []

    @cached_property
    def said(self) -> list[tuple[str, int]]:
        """What each token says: its range and value."""
        ends = [("end", 0), ("start", 0), ("bar", 0)]
        return ends + [(name, value) for name in RANGES for value in self.values[name]]

    def piece(self, tokens: Iterable[int]) -> Piece:
        """Any row of tokens, up to its end. What a token does not say stays as it was last said."""
        now = {"measure": self.measures[0], "tempo": self.tempos[0], "position": 0, "program": self.programs[0]}
        bar, notes = -1, list[Note]()
        for token in tokens:
            if token == END:
                break
            name, value = self.said[token]
            if name == "bar":
                bar, now["position"] = bar + 1, 0
            elif name == "pitch":
                start = max(bar, 0) * now["measure"] + now["position"]
                notes.append(Note(start, 1, value, 0, self.velocities[0], now["program"]))
            elif name in ("length", "velocity"):
                notes[-1:] = [note._replace(**{name: value}) for note in notes[-1:]]
            else:
                now[name] = value
        several = len(self.programs) > 1
        own = [note._replace(voice=self.programs.index(note.program)) for note in notes] if several else notes
        return Piece(ordered(own) if several else voiced(own), self.beat, "", float(now["tempo"]), now["measure"])

    def encode(self, raw: Sequence[Piece]) -> Batch:
        """Pieces as (B, T), as wide as the longest, and their lengths, ends among them."""
        return filled({"music": [np.append(self.tokens(piece), END)[: self.longest] for piece in raw]})

    def decode(self, values: Mapping[str, Tensor]) -> list[Piece]:
        """(B, T) -> pieces, each up to its end."""
        return [self.piece(row) for row in values["music"].tolist()]

    def to_json(self) -> dict[str, Any]:
        return {"form": self.form} | {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Events:
        """Raises KeyError, TypeError or ValueError for what is none."""
        values: dict[str, Any] = {own.name: data[own.name] for own in fields(Events)}
        values |= {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        return Events(**values)

    # ------------------------------------------------------------------------------------------------ of rows of tokens

    def bars(self, row: np.ndarray, measure: int) -> np.ndarray:
        """Where in a row each bar begins, the first at 0."""
        return np.concatenate([[0], np.flatnonzero(row == BAR)[1:]])

    def opened(self, row: np.ndarray, whole: np.ndarray) -> np.ndarray:
        """What begins within a whole piece, as a piece of its own, which says its bars and tempo again."""
        return np.concatenate([whole[: self.opening], row])

    def pitched(self, row: np.ndarray) -> np.ndarray:
        """Which tokens are pitches, and none of drums: (n,) of booleans."""
        low, high = self.first["pitch"], self.first["length"]
        own = (row >= low) & (row < high)
        if DRUMS not in self.programs:
            return own
        if len(self.programs) == 1:
            return np.zeros_like(own)
        said = (row >= self.first["program"]) & (row < low)
        last = np.maximum.accumulate(np.where(said, np.arange(len(row)), -1))
        return np.asarray(own & ((last < 0) | (row[last] != self.token("program", DRUMS)[0])))

    def span(self, row: np.ndarray) -> tuple[int, int] | None:
        """The lowest and the highest pitch, or None where it has none. Drums have none."""
        own = row[self.pitched(row)] - self.first["pitch"]
        return (self.low + int(own.min()), self.low + int(own.max())) if len(own) else None

    def moved(self, row: np.ndarray, by: int) -> np.ndarray:
        """Transposed by so many semitones, to where there are tokens."""
        return np.where(self.pitched(row), row + by, row)

    # -------------------------------------------------------------------------------------------------------- grammar

    @cached_property
    def follows(self) -> dict[str, tuple[str, ...]]:
        """What may come after a token of each range, whatever its value."""
        there = {name for name in RANGES if self.values[name]}
        opening = [name for name in RANGES[:2] if name in there]
        note = ("program",) if "program" in there else ("pitch",)
        after = ("end", "bar", "position", "pitch", *note)
        return {
            "end": ("end",), "start": (*opening, "bar")[:1], "measure": (*opening[1:], "bar")[:1], "tempo": ("bar",),
            "bar": ("bar", "position"), "position": note, "program": ("pitch",), "pitch": ("length",),
            "length": ("velocity",) if "velocity" in there else after, "velocity": after,
        }  # fmt: skip

    def ended(self, name: str) -> bool:
        """Is a note whole after a token of that range?"""
        return name == ("velocity" if self.values["velocity"] else "length")

    def allowed(self, tokens: Tensor, counts: Tensor) -> Tensor:
        """Which tokens may follow rows (B, W) of which counts (B,) are their own: (B, V) of booleans."""
        from .grammar import of_events

        return of_events(self, tokens, counts)
