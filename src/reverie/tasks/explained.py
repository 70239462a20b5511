"""What an explanation is when it is done: a table, and of each item a picture and the weight of every input."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from reverie.errors import Problem
from reverie.training.files import write, write_text

from . import heat
from .written import as_csv, rows

TABLE, PAGE, BARS = "explain.csv", "explain.html", "explain.png"
OURS = re.compile(r"\d{3,}\.(csv|png)|explain\.(html|png)")  # beside the table
MOST = 3  # inputs that a row of the table names


class Piece(Protocol):
    """The weights of one item's inputs."""

    @property
    def title(self) -> str:
        """The item and what of its answer is explained."""
        ...

    def columns(self) -> Mapping[str, Sequence[Any]]:
        """A table of all weights."""
        ...

    def most(self) -> list[str]:
        """The inputs of most weight, of either sign."""
        ...

    def draw(self) -> Any:
        """A picture, of PIL; None of words, which stand on one page."""
        ...


@dataclass(frozen=True)
class Explanation:
    """`columns`: a row an item, or a row a column of a table. `pieces`: one a row, where rows are items."""

    method: str
    columns: dict[str, list[Any]]
    pieces: list[Piece] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))

    def rows(self) -> list[dict[str, Any]]:
        return rows(self.columns)

    def save(self, folder: str | Path) -> list[Path]:
        """explain.csv; of each item 000.csv and 000.png and on, of sentences one explain.html; of columns explain.png.
        What an earlier explanation left there is removed. Raises Problem for a folder of other things; NoRoom."""
        place = Path(folder)
        checked(place)
        for old in place.iterdir() if place.is_dir() else ():
            if OURS.fullmatch(old.name):
                old.unlink()
        files = [place / TABLE]
        write(files[0], lambda part: as_csv(part, self.columns))
        for k, piece in enumerate(self.pieces):
            weights = place / f"{k:03d}.csv"
            write(weights, lambda part, piece=piece: as_csv(part, piece.columns()))  # type: ignore[misc]
            files.append(weights)
            picture = piece.draw()
            if picture is not None:
                files.append(place / f"{k:03d}.png")
                write(files[-1], lambda part, picture=picture: picture.save(part, "PNG"))  # type: ignore[misc]
        spoken = [piece for piece in self.pieces if isinstance(piece, Words)]
        if spoken:
            files.append(place / PAGE)
            write_text(files[-1], heat.words([(one.title, one.tokens, one.weights) for one in spoken]))
        if not self.pieces:
            files.append(place / BARS)
            names, *sizes = (self.columns[name] for name in ("column", "loss", "low", "high"))
            drawn = heat.bars(names, *map(np.array, sizes))
            write(files[-1], lambda part: drawn.save(part, "PNG"))
        return files


def checked(place: Path) -> None:
    """Raises Problem where files of items would stand among a person's own."""
    if place.exists() and not place.is_dir():
        raise Problem(f"--out {place}: a file. Name a folder")
    if place.is_dir() and any(place.iterdir()) and not (place / TABLE).is_file():
        raise Problem(f"--out {place}: a folder with other things in it. Name a new one")


def largest(weights: np.ndarray) -> list[tuple[int, ...]]:
    """Where the largest sizes are, at most MOST of them, none of which is 0."""
    order = np.argsort(-np.abs(weights), axis=None, kind="stable")[:MOST]
    places = [tuple(map(int, np.unravel_index(k, weights.shape))) for k in order]
    return [place for place in places if weights[place]]


# ------------------------------------------------------------------------------------------------------- by their form


@dataclass(frozen=True)
class Pixels:
    title: str
    picture: np.ndarray  # (H, W, C) in [0, 1]
    weights: np.ndarray  # (H, W), summed over the colours

    def columns(self) -> Mapping[str, Sequence[Any]]:
        """A row of pixels a row."""
        return {"row": range(len(self.weights))} | {str(k): column.tolist() for k, column in enumerate(self.weights.T)}

    def most(self) -> list[str]:
        return [f"row {place[0]} column {place[1]} ({self.weights[place]:+.2g})" for place in largest(self.weights)]

    def draw(self) -> Any:
        return heat.beside(self.picture, self.weights)


@dataclass(frozen=True)
class Signal:
    title: str
    values: np.ndarray  # (T, C) in the data's own unit
    weights: np.ndarray  # (T, C)
    names: tuple[str, ...]  # of the channels
    rate: int = 0  # samples a second; 0: rows, the last of which is step 0

    def columns(self) -> Mapping[str, Sequence[Any]]:
        names = [f"channel {name}" if name in ("second", "step") else name for name in self.names]
        named = {name: column.tolist() for name, column in zip(names, self.weights.T)}
        if self.rate:
            return {"second": [k / self.rate for k in range(len(self.weights))], **named}
        return {"step": range(1 - len(self.weights), 1), **named}

    def most(self) -> list[str]:
        """Of a sound, the tenths of a second of most weight."""
        if self.rate:
            first = np.arange(0, len(self.weights), max(1, self.rate // 10))
            tenths = np.add.reduceat(self.weights[:, 0], first)
            return [f"from {first[k] / self.rate:.1f} s ({tenths[k]:+.2g})" for (k,) in largest(tenths)]
        places = largest(self.weights)
        return [f"step {t + 1 - len(self.weights)} of {self.names[c]} ({self.weights[t, c]:+.2g})" for t, c in places]

    def draw(self) -> Any:
        return heat.plots(self.values, self.weights, self.names)


@dataclass(frozen=True)
class Cells:
    title: str
    names: tuple[str, ...]
    cells: tuple[str, ...]  # as the file has them
    baselines: tuple[str, ...]
    weights: np.ndarray  # (columns,)

    def columns(self) -> Mapping[str, Sequence[Any]]:
        return {
            "column": self.names,
            "value": self.cells,
            "baseline": self.baselines,
            "weight": self.weights.tolist(),
        }

    def most(self) -> list[str]:
        places = largest(self.weights)
        return [f"{self.names[k]}={self.cells[k]} ({self.weights[k]:+.2g})" for (k,) in places]

    def draw(self) -> Any:
        order = np.argsort(-np.abs(self.weights), kind="stable")
        return heat.bars([f"{self.names[k]} = {self.cells[k]}" for k in order], self.weights[order])


@dataclass(frozen=True)
class Words:
    title: str
    tokens: tuple[str, ...]
    weights: np.ndarray  # (tokens,)

    def columns(self) -> Mapping[str, Sequence[Any]]:
        return {"place": range(1, len(self.tokens) + 1), "token": self.tokens, "weight": self.weights.tolist()}

    def most(self) -> list[str]:
        return [f"{self.tokens[k]} ({self.weights[k]:+.2g})" for (k,) in largest(self.weights)]

    def draw(self) -> Any:
        return None
