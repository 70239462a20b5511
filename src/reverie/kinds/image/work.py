"""Work on many pictures: on all cores, and shown when it takes long."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from PIL import Image

from reverie.shown import shown

T = TypeVar("T")
CHUNK = 64  # pictures a task: enough that handing it over costs nothing beside decoding


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
        with warnings.catch_warnings(), shown(count, what) as advance:
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
