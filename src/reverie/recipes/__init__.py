"""Published results as code: model, data, settings, the number, its tolerance and its source.

`python -m reverie.recipes` lists them; `python -m reverie.recipes NAME [--out FOLDER] [--seed S]` trains one, goes on
where it was cut, measures, and writes `result.json` beside the run.
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
    goal: float  # what "value" is to reach
    higher: bool = False  # is more better?
    set: str = ""
    steps: int = 0
    time: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)  # of DataOptions
    folds: int = 1  # of cross-validation: a run for each part that is held out, and "value" is their mean
    repeats: int = 1  # of cross-validation, each with parts drawn anew

    def reached(self, value: float) -> bool:
        return value >= self.goal if self.higher else value <= self.goal
