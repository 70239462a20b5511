"""Which of a model's sizes a time is enough for."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

SIZES = (
    "quick",
    "small",
    "medium",
    "base",
    "large",
)  # sets that are sizes, in order; the others reproduce somebody's run
FAR = 5.0  # a size that should take so many times the budget is not even tried


class Trial(NamedTuple):
    """One size, and how to find out what it costs."""

    name: str
    steps: int  # its own number of them
    work: float  # of a step, in any unit that all sizes share: what its time should be in proportion to
    seconds: Callable[[], float]  # of a step, by trying


def largest(trials: Iterable[Trial], budget: float) -> str:
    """The last of the sizes, small to large, whose steps take at most `budget` seconds; the first where none does."""
    best, rate = "", 0.0  # seconds a unit of work, as the size before had it
    for trial in trials:
        if trial.steps * trial.work * rate > FAR * budget:
            break
        pace = trial.seconds()
        fits = pace * trial.steps <= budget
        if fits or not best:
            best = trial.name
        if not fits:
            break
        rate = pace / trial.work
    return best
