"""What a person asks `fit` for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Integral
from pathlib import Path
from typing import Any

from reverie.errors import Problem
from reverie.kinds import DataOptions

from . import segments
from .pace import seconds


@dataclass(frozen=True)
class Order:
    """What a person asked `fit` for. Everything left out is chosen, and said."""

    data: str
    model: str = ""
    out: Path | None = None
    steps: int = 0
    time: str = ""
    set: str = ""
    seed: int = 0
    options: DataOptions = field(default_factory=DataOptions)
    fields: Mapping[str, Any] = field(default_factory=dict)  # of the model's Config
    training: Mapping[str, Any] = field(default_factory=dict)  # of Training: batch, clip, ema_items, precision
    shards: int = 1
    retry: bool = False
    tensorboard: bool = False
    stop: str = ""  # never | auto; "": as before, never in a new run

    def __post_init__(self) -> None:
        """Raises Problem for a wish of another type, or for two lengths."""
        for name, value in (("steps", self.steps), ("seed", self.seed), ("shards", self.shards)):
            if not isinstance(value, Integral) or isinstance(value, bool):
                raise Problem(f"{name}={value!r}: give a whole number")
        for name, word in (("model", self.model), ("time", self.time), ("set", self.set)):
            if not isinstance(word, str | None):
                raise Problem(f"{name}={word!r}: give a word")
        if self.steps < 0 or (self.steps and self.time):
            raise Problem(f"--steps {self.steps} --time {self.time}: give one of the two, above 0")
        segments.known(self.stop)
        _ = self.budget

    @property
    def budget(self) -> float:
        """Seconds; 0 where no time is given."""
        return seconds(self.time) if self.time else 0.0

    @property
    def places(self) -> tuple[str, ...]:
        """One, or two domains'."""
        return (self.data, *self.options.beside)

    def folder(self, model: str) -> Path:
        """Where the run of a model goes."""
        return self.out or Path("runs") / "-".join([*map(slug, self.places), model])


def slug(where: str) -> str:
    """A folder's name from the data's."""
    name = Path(where).name.split(".")[0] or "data"
    return re.sub(r"[^\w-]+", "-", name).strip("-").lower() or "data"
