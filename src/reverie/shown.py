"""Long work, shown on standard error once it has taken two seconds: a bar in a terminal, lines in a file."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

QUIET = 2.0  # seconds before anything is shown
EVERY = 5.0  # seconds between lines, where the output is no terminal

T = TypeVar("T", covariant=True)


class Many(Sized, Iterable[T], Protocol[T]):
    """A sequence, or what is as good as one here."""


@contextmanager
def shown(count: int, what: str) -> Iterator[Callable[[int], None]]:
    """A function to call with how many more of `count` are done."""
    start = last = time.monotonic()
    done = 0
    bar = None

    def advance(more: int) -> None:
        nonlocal done, last, bar
        done += more
        now = time.monotonic()
        if now - start < QUIET or (bar is None and done == count):
            return
        if sys.stderr.isatty():
            if bar is None:
                bar = made(what, count)
            bar.update(bar.task_ids[0], completed=done)
        elif now - last >= EVERY or last == start:
            last = now
            left = (now - start) / max(1, done) * (count - done)
            print(f"{what}: {done:,} of {count:,}, {left:.0f} s left", file=sys.stderr, flush=True)

    try:
        yield advance
    finally:
        if bar is not None:
            bar.stop()


def each(items: Many[T], what: str) -> Iterator[T]:
    """The items; how many have been worked on is shown."""
    with shown(len(items), what) as advance:
        for item in items:
            yield item
            advance(1)


def made(what: str, count: int) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    bar.add_task(what, total=count)
    bar.start()
    return bar
