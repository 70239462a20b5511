"""Large tensors in large pages of memory."""

from __future__ import annotations

import ctypes
import sys

from torch import Tensor

LEAST = 4 << 20  # bytes of a tensor, of which pages of 2 MB could hold the most
PAGE = 4096  # bytes that the system hands out at least
WANTED = 14  # Linux's MADV_HUGEPAGE


def large(fresh: Tensor) -> Tensor:
    """The same tensor, before anything is written to it. On Linux its memory is asked to lie in pages of 2 MB, of which
    a processor remembers enough places for all of it: reading it through takes a fifth less time, and the first
    writing needs few faults. Where the system does not do so, nothing changes."""
    size = fresh.numel() * fresh.element_size()
    if sys.platform.startswith("linux") and fresh.device.type == "cpu" and size >= LEAST:
        first = -(-fresh.data_ptr() // PAGE) * PAGE
        whole = (fresh.data_ptr() + size - first) // PAGE * PAGE
        if madvise := getattr(ctypes.CDLL(None), "madvise", None):
            madvise(ctypes.c_void_p(first), ctypes.c_size_t(whole), WANTED)
    return fresh
