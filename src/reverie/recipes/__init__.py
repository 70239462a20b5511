"""Published results as code: model, data, settings, the number, its tolerance and its source.

`reverie reproduce` lists them; `reverie reproduce NAME [--seed S | --seeds K] [--out FOLDER]` trains one, goes on where
it was cut, measures, and writes `result.json` beside the run.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reverie.training.run import Run


@dataclass(frozen=True)
class Recipe:
    """One file of this folder has one, named RECIPE; the file's name is its name on the command line."""

    title: str
    source: str  # of the published number: authors, year, arXiv, table
    published: str  # the number, as published, and under which protocol
    data: str  # a named public set
    model: str
    measure: Callable[["Run"], Mapping[str, Any]]  # everything measured; "value" is the one that counts
    goal: float | None  # what "value" is to reach; None: it is reported, whatever it is
    higher: bool = False  # is more better?
    published_value: float | None = None  # where "value" may be laid beside it; of a range the best
    tolerance: float = 0.0  # how much worse "value" may be and be reproduced, in its unit; each recipe says why as much
    differs: str = ""  # in which way the published number was taken otherwise
    ready: Callable[[], None] | None = None  # raises Problem, before any training, where the measure lacks something
    set: str = ""
    steps: int = 0
    time: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)  # of DataOptions
    folds: int = 1  # of cross-validation: a run for each part that is held out, and "value" is their mean
    repeats: int = 1  # of cross-validation, each with parts drawn anew

    def reached(self, value: float) -> bool | None:
        """Is the goal reached? None where there is none."""
        return None if self.goal is None else self.better_by(value, self.goal) >= 0

    def better_by(self, value: float, other: float) -> float:
        """How much better a value is than another; below 0 where it is worse."""
        return value - other if self.higher else other - value

    def reproduced(self, value: float) -> bool | None:
        """Is a value the published one, within the tolerance, or better? None where there is none to compare with."""
        if self.published_value is None:
            return None
        return self.better_by(value, self.published_value) >= -self.tolerance
