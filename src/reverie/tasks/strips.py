"""Pictures as they were, in another domain, and back, on one page."""

from __future__ import annotations

from collections.abc import Mapping

from PIL import Image

from .sheet import sheet, shown, stacked
from .turned import Turned

SHOWN = 8  # of each direction


def strips(found: Mapping[tuple[str, str], Turned]) -> Image.Image:
    """Of each direction three rows: the first pictures, what they are in the other domain, what came back."""
    pages = []
    for (source, to), one in found.items():
        rows = [list(shown(raw[:SHOWN])) for raw in one[:3]]
        pages.append(sheet(rows, (source, f"as {to}", "and back")))
    return stacked(pages)
