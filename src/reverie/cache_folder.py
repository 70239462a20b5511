"""Where decoded data and downloaded sets are kept between calls."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """The user's cache: REVERIE_CACHE, else reverie/ in XDG_CACHE_HOME, else ~/.cache/reverie. May not exist yet."""
    own = os.environ.get("REVERIE_CACHE")
    if own:
        return Path(own).expanduser()
    shared = os.environ.get("XDG_CACHE_HOME")
    return Path(shared or "~/.cache").expanduser() / "reverie"
