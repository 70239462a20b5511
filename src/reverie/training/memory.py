"""Memory that a step gives back is kept for the next one."""

from __future__ import annotations

import ctypes
import os
import sys

TRIM, PAD, MAPPED = -1, -2, -4  # glibc's mallopt: M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX
ROOM = 64 << 20  # bytes that are asked for at a time


def keep() -> bool:
    """On Linux with glibc, large tensors that are freed stay with the process, which fills their pages anew: else each
    step asks the system for zeroed ones, which took a quarter of an LSTM's step and a twelfth of a residual network's.
    Whether it was done; a person's own MALLOC_ settings stand. Changes no number."""
    if not sys.platform.startswith("linux") or any(name.startswith("MALLOC_") for name in os.environ):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return bool(mallopt and mallopt(MAPPED, 0) and mallopt(TRIM, -1) and mallopt(PAD, ROOM))
