"""What the machine has."""

from __future__ import annotations

import os
from pathlib import Path

UNKNOWN = 8 << 30  # bytes of memory, where nothing says
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")  # of a container: v2, v1


def memory() -> int:
    """Bytes of memory there are: the machine's, or those that its container may use."""
    return min([installed(), *filter(None, map(limit, LIMITS))])


def installed() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return UNKNOWN


def limit(file: str) -> int:
    """What a file of the kernel says; 0 where it isn't there or says `max`."""
    try:
        return int(Path(file).read_text())
    except (OSError, ValueError):
        return 0
