"""Music of few voices <-> tokens: of each step the pitches that sound, from high to low, then NEXT."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from reverie.errors import Problem
from reverie.kinds.texts import filled
from reverie.spec import Field, Spec

from .piece import DRUMS, Note, Piece, voiced

if TYPE_CHECKING:
    from torch import Tensor

    from reverie.core import Batch

END, START, NEXT, FIRST = 0, 1, 2, 3  # ends a piece and fills a batch; before the first; a step's end; lowest pitch
MOST = 8  # that sound at once


@dataclass(frozen=True)
class Grid:
    """Pieces <-> integers, a step after the other. A step's pitches have one order, from high to low and each once, so
    that a row's probability is that of the sets themselves. With `ties`, a pitch that is held has a token of its own;
    without, equal pitches of steps that follow each other are one longer note."""

    low: int  # MIDI pitches of the first and the last token
    high: int
    beat: int  # steps a quarter note
    longest: int  # tokens of an item, its end among them: longer pieces are cut into parts
    ties: bool = False
    bar: int = 0  # steps a bar, of what is decoded; 0: nobody says
    tempo: float = 120.0  # quarters a minute, of what is decoded
    program: int = 0  # of what is decoded
    velocity: int = 80
    classes: tuple[str, ...] = ()

    form: ClassVar[str] = "grid"
    opening: ClassVar[int] = 0  # tokens that a part has besides its own

    @property
    def pitches(self) -> int:
        return self.high - self.low + 1

    @property
    def vocabulary(self) -> int:
        return FIRST + self.pitches * (2 if self.ties else 1)

    @property
    def spec(self) -> Spec:
        music = Field((self.longest,), categories=self.vocabulary, length=True, start=START)
        label = Field((), categories=len(self.classes), names=self.classes)
        return Spec("music", {"music": music}, {"label": label} if self.classes else {})

    # ------------------------------------------------------------------------------------------------------ both ways

    def reduced(self, piece: Piece) -> Piece:
        """What of a piece its tokens keep: `decode(encode(piece))`. Each pitch once a step, all struck alike."""
        return self.piece(self.tokens(piece).tolist())._replace(name=piece.name)

    def tokens(self, piece: Piece) -> np.ndarray:
        """(n,) without the end. Raises Problem for a pitch that has no token, or more than MOST at once."""
        at = f"{piece.name}: " if piece.name else ""
        if piece.beat != self.beat:
            raise Problem(f"{at}{piece.beat} steps a quarter, and the codec has {self.beat}. Bring it onto that grid")
        if any(note.program == DRUMS for note in piece.notes):
            raise Problem(f"{at}drums, which have no pitch. Take --tokens events, or leave them out")
        struck = {(note.start, note.pitch) for note in piece.notes} if self.ties else set()
        row: list[int] = []
        for step, frame in enumerate(piece.frames()):
            if len(frame) > MOST:
                raise Problem(f"{at}{len(frame)} notes at once, more than {MOST}. Take --tokens events")
            for pitch in frame:
                if not self.low <= pitch <= self.high:
                    known = f"{self.low} to {self.high}"
                    raise Problem(f"{at}pitch {pitch}: the run knows MIDI pitches {known}. Transpose the piece")
                row.append(self.token(pitch, held=self.ties and (step, pitch) not in struck))
            row.append(NEXT)
        return np.array(row, np.int64)

    def token(self, pitch: int, held: bool = False) -> int:
        return FIRST + pitch - self.low + (self.pitches if held else 0)

    def steps(self, tokens: Iterable[int]) -> list[dict[int, bool]]:
        """Of any row of tokens, up to its end: a step's pitches, and whether each is held. A last step without NEXT
        counts."""
        found, now = list[dict[int, bool]](), dict[int, bool]()
        for token in tokens:
            if token == END:
                break
            if token >= FIRST:
                held, place = divmod(token - FIRST, self.pitches)
                now[self.low + place] = bool(held)
            elif token == NEXT:
                found.append(now)
                now = {}
        return [*found, now] if now else found

    def piece(self, tokens: Iterable[int]) -> Piece:
        """Any row of tokens, up to its end. What is held without having sounded is struck."""
        notes, sounding = list[Note](), dict[int, int]()  # of what sounds: where it began
        for step, now in enumerate([*self.steps(tokens), {}]):
            lasts = {pitch for pitch, held in now.items() if pitch in sounding and (held or not self.ties)}
            ended = ((pitch, start) for pitch, start in sounding.items() if pitch not in lasts)
            notes += [Note(start, step - start, pitch, 0, self.velocity, self.program) for pitch, start in ended]
            sounding = {pitch: sounding[pitch] if pitch in lasts else step for pitch in now}
        return Piece(voiced(notes), self.beat, "", self.tempo, self.bar)

    # ------------------------------------------------------------------------------------------------ of rows of tokens

    def bars(self, row: np.ndarray, measure: int) -> np.ndarray:
        """Where in a row each bar of so many steps begins, the first at 0."""
        ends = np.flatnonzero(row == NEXT)
        found = ends[measure - 1 :: measure] + 1
        return np.concatenate([[0], found[found < len(row)]])

    def opened(self, row: np.ndarray, whole: np.ndarray) -> np.ndarray:
        """What begins within a whole piece, as a piece of its own: nothing is held at its first step."""
        if not self.ties or not len(row):
            return row
        first = np.arange(len(row)) <= np.argmax(row == NEXT)
        return np.where(first & (row >= FIRST + self.pitches), row - self.pitches, row)

    def span(self, row: np.ndarray) -> tuple[int, int] | None:
        """The lowest and the highest pitch, or None where it has none."""
        own = (row[row >= FIRST] - FIRST) % self.pitches
        return (self.low + int(own.min()), self.low + int(own.max())) if len(own) else None

    def moved(self, row: np.ndarray, by: int) -> np.ndarray:
        """Transposed by so many semitones, to where there are tokens."""
        return np.where(row >= FIRST, row + by, row)

    def encode(self, raw: Sequence[Piece]) -> Batch:
        """Pieces as (B, T), as wide as the longest, and their lengths, ends among them."""
        return filled({"music": [np.append(self.tokens(piece), END)[: self.longest] for piece in raw]})

    def decode(self, values: Mapping[str, Tensor]) -> list[Piece]:
        """(B, T) -> pieces, each up to its end."""
        return [self.piece(row) for row in values["music"].tolist()]

    def to_json(self) -> dict[str, Any]:
        return {"form": self.form} | {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Grid:
        """Raises KeyError, TypeError or ValueError for what is none."""
        values = {own.name: data[own.name] for own in fields(Grid)}
        return Grid(**{**values, "classes": tuple(data["classes"])})

    def allowed(self, tokens: Tensor, counts: Tensor) -> Tensor:
        """Which tokens may follow rows (B, W) of which counts (B,) are their own: (B, V) of booleans."""
        from .grammar import of_grid

        return of_grid(self, tokens, counts)
