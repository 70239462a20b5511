"""How far apart the rows of a series lie."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .files import spoken

SIZES = (
    ("day", 86_400_000_000), ("hour", 3_600_000_000), ("minute", 60_000_000), ("second", 1_000_000),
    ("millisecond", 1_000), ("microsecond", 1),
)  # fmt: skip


class Step(NamedTuple):
    text: str  # "1 hour"
    longer: int  # steps that are longer: gaps
    shorter: int
    first: str  # the time after which the first of these comes


def step(times: np.ndarray) -> Step:
    """The most frequent step, and how many are not so. Of rows on the same day of each month: months."""
    if len(times) < 2:
        return Step("unknown", 0, 0, "")
    steps, unit = _steps(times)
    usual = _usual(steps)
    other = np.flatnonzero(steps != usual)
    first = spoken(times)[other[0]] if len(other) else ""
    text = _said(usual, unit)
    return Step(text, int((steps > usual).sum()), int((steps < usual).sum()), first)


def onward(times: np.ndarray, count: int) -> list[str]:
    """The next `count` times, a usual step apart; of one time alone nobody knows: 1, 2, …."""
    if len(times) < 2:
        return [str(k + 1) for k in range(count)]
    steps, unit = _steps(times)
    further = _usual(steps) * np.arange(1, count + 1)
    if unit:
        months = times[-1:].astype("datetime64[M]")
        later = (months + further).astype("datetime64[us]") + (times[-1:] - months)
    else:
        later = times[-1:] + further.astype("timedelta64[us]")
    return spoken(np.concatenate([times[-1:], later]))[1:]  # as fine as the last time


def _steps(times: np.ndarray) -> tuple[np.ndarray, str]:
    """From each row to the next, in microseconds, or in months where all are on the same day of theirs."""
    months = times.astype("datetime64[M]")
    into = times - months
    if (into == into[0]).all():
        return np.diff(months.astype(np.int64)), "month"
    return np.diff(times.astype(np.int64)), ""


def _usual(steps: np.ndarray) -> int:
    """The most frequent one."""
    sizes, counts = np.unique(steps, return_counts=True)
    return int(sizes[counts.argmax()])


def _said(usual: int, unit: str) -> str:
    if not unit:
        unit, size = next((name, size) for name, size in SIZES if usual % size == 0)
        usual //= size
    return f"{usual:,} {unit}{'s' if usual != 1 else ''}"
