"""Work on many pictures: on all cores, and shown when it takes long."""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

from PIL import Image

T = TypeVar("T")
CHUNK = 64  # pictures a task: enough that handing it over costs nothing beside decoding
QUIET = 2.0  # seconds before anything is shown
EVERY = 5.0  # seconds between lines, where the output is no terminal


def spread(count: int, one: Callable[[int], T], what: str) -> list[T]:
    """[one(0), …, one(count - 1)], computed by as many threads as there are cores (Pillow and zlib release the
    interpreter's lock), with progress on standard error once it takes longer than two seconds."""
    results: list[T | None] = [None] * count

    def chunk(first: int) -> int:
        last = min(first + CHUNK, count)
        for i in range(first, last):
            results[i] = one(i)
        return last - first

    threads = max(1, len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1)
    pool = ThreadPoolExecutor(threads)
    firsts = iter(range(0, count, CHUNK))
    try:
        with warnings.catch_warnings(), _shown(count, what) as advance:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.filterwarnings("ignore", module="PIL")  # of tags that no pixel depends on
            running: set[Future[int]] = set()
            while True:  # only a few tasks ahead, so that Ctrl-C waits for none
                while len(running) < 2 * threads and (first := next(firsts, None)) is not None:
                    running.add(pool.submit(chunk, first))
                if not running:
                    return results  # type: ignore[return-value]
                done, running = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
                advance(sum(task.result() for task in done))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _shown(count: int, what: str) -> Iterator[Callable[[int], None]]:
    """A function to call with how many more are done."""
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
                bar = _bar(what, count)
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


def _bar(what: str, count: int):  # type: ignore[no-untyped-def]
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    bar.add_task(what, total=count)
    bar.start()
    return bar
