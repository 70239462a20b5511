"""What a person wishes of molecules, and how near one comes to it: a number in [0, 1].

Each wish is a smooth step of one property, and the score of several is their geometric mean: Blaschke et al. 2020,
"REINVENT 2.0: An AI Tool for De Novo Drug Design". Where a step lies, the training molecules say: a property that is to
be large counts 0.05 at their median and 0.95 at what one in 200 exceeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, inf, log, prod
from typing import Any

import numpy as np

from reverie.errors import Problem
from reverie.kinds.molecule.properties import ABOUT, NAMES, WHOLE

MAXIMISE, MINIMISE, RANGE = "maximise", "minimise", "range"
STEEP = 2 * log(19)  # of a sigmoid that goes from 0.05 to 0.95 over a width of 1
FAR = 0.005  # share of training molecules beyond a step's upper end
LIMITS = {"qed": (0.0, 1.0), "sa": (1.0, 10.0), "logp": (-inf, inf)}  # of values that a property can have; else from 0


@dataclass(frozen=True)
class Wish:
    """A property that is to be large, small, or from low to high."""

    name: str
    how: str  # maximise | minimise | range
    low: float = -inf  # of a range
    high: float = inf

    def __post_init__(self) -> None:
        flag = f"--{self.how} {self.name}"
        if self.name not in NAMES:
            raise Problem(f"{flag}: no property of molecules. There are: {', '.join(NAMES)}")
        if self.how != RANGE:
            return
        least, most = LIMITS.get(self.name, (0.0, inf))
        written = f"{flag} {self.low:g} {self.high:g}"
        if not self.low < self.high and not (self.name in WHOLE and self.low == self.high):
            raise Problem(f"{written}: no range. Write the lower end first, then a higher one")
        if self.high < least or self.low > most:
            ends = f"between {least:g} and {most:g}" if most < inf else f"at least {least:g}"
            raise Problem(
                f"{written}: no molecule has it, {self.name} is {ends} ({ABOUT[self.name]}). Give another range"
            )

    def met(self, value: float) -> bool:
        """Is it in its range? What is to be large or small has none."""
        return self.low <= value <= self.high

    @property
    def said(self) -> str:
        return f"{self.name} {self.low:g} to {self.high:g}" if self.how == RANGE else f"{self.how} {self.name}"

    def to_json(self) -> dict[str, Any]:
        ends = {"low": self.low, "high": self.high} if self.how == RANGE else {}
        return {"name": self.name, "how": self.how, **ends}


def wishes(maximise: Sequence[str], minimise: Sequence[str], ranges: Sequence[tuple[str, float, float]]) -> list[Wish]:
    """In one list. Raises Problem on none, on a property that is not known, and on two wishes of one property."""
    found = [Wish(name, MAXIMISE) for name in maximise] + [Wish(name, MINIMISE) for name in minimise]
    found += [Wish(name, RANGE, float(low), float(high)) for name, low, high in ranges]
    if not found:
        raise Problem(f"nothing is wished for. Pass --maximise, --minimise or --range with one of: {', '.join(NAMES)}")
    names = [wish.name for wish in found]
    for name in names:
        if names.count(name) > 1:
            raise Problem(f"{name}: wished for twice. Say once what it shall be")
    return found


@dataclass(frozen=True)
class Step:
    """A wish as a function of its property: the sigmoid's middle and width, or the slope beside a range."""

    wish: Wish
    middle: float
    width: float

    def __call__(self, value: float) -> float:
        """In [0, 1]."""
        if self.wish.how == RANGE:
            off = max(self.wish.low - value, value - self.wish.high, 0.0)
            return exp(-((off / self.width) ** 2) / 2)
        up = (value - self.middle) / self.width
        up = max(-100.0, min(100.0, STEEP * (up if self.wish.how == MAXIMISE else -up)))
        return 1 / (1 + exp(-up))

    def to_json(self) -> dict[str, Any]:
        return {**self.wish.to_json(), "middle": self.middle, "width": self.width}


def step(wish: Wish, usual: np.ndarray) -> Step:
    """By values (N,) that training molecules have. Beside a range, what is off by half their deviation counts 0.61."""
    spread = float(usual.std()) or 1.0
    if wish.how == RANGE:
        return Step(wish, 0.0, spread / 2)
    most = 1 - FAR if wish.how == MAXIMISE else FAR
    middle, far = float(np.median(usual)), float(np.quantile(usual, most))
    return Step(wish, (middle + far) / 2, abs(far - middle) or spread)


def score(steps: Sequence[Step], values: Mapping[str, float]) -> float:
    """The geometric mean of all steps."""
    return prod(one(values[one.wish.name]) for one in steps) ** (1 / len(steps))
