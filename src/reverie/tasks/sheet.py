"""Pictures in rows and columns on one page, with words beside them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from reverie.kinds.image.page import opaque
from reverie.kinds.image.picture import as_depth

LEAST, MOST = 72, 224  # pixels of a picture's longer side: smaller ones are enlarged whole times, larger ones reduced
GAP, TEXT, LETTER = 4, 16, 12  # between pictures, of a line of words, and of its letters
INK, SOFT, PAPER = "#1b1f24", "#5b6470", (255, 255, 255)


def shown(raw: np.ndarray) -> np.ndarray:
    """Pictures (N, H, W, C) uint8 or uint16 as a person sees them: (N, h, w, 3) uint8, what is transparent on a board
    of light and dark squares, small ones enlarged without smoothing."""
    seen = opaque(as_depth(raw, 8))
    colours = seen.repeat(3, axis=3) if seen.shape[3] == 1 else seen
    longest = max(colours.shape[1:3])
    if longest <= MOST:
        times = max(1, LEAST // longest)
        enlarged: np.ndarray = colours.repeat(times, axis=1).repeat(times, axis=2)
        return enlarged
    height, width = (max(1, round(side * MOST / longest)) for side in colours.shape[1:3])
    return np.stack([np.asarray(Image.fromarray(one).resize((width, height))) for one in colours])


Cell = np.ndarray | None  # (h, w, 3), or nothing there


def sheet(rows: Sequence[Sequence[Cell]], names: Sequence[str] = (), heads: Sequence[str] = ()) -> Image.Image:
    """A page: of each row its name on the left, of each column its words above. All pictures are of one size."""
    height, width = next(cell.shape[:2] for row in rows for cell in row if cell is not None)
    font = ImageFont.load_default(LETTER)
    left = GAP + max((int(font.getlength(name)) + 2 * GAP for name in names), default=0)
    wide = max([width, *(int(font.getlength(head)) + 2 for head in heads)])
    top = GAP + (TEXT if heads else 0)
    columns = max(map(len, rows))
    size = (left + columns * (wide + GAP), top + len(rows) * (height + GAP))
    page = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(page)
    for j, head in enumerate(heads):
        draw.text((left + j * (wide + GAP) + wide / 2, GAP + TEXT / 2 - 2), head, SOFT, font, "mm")
    for i, row in enumerate(rows):
        y = top + i * (height + GAP)
        if names:
            draw.text((left - 2 * GAP, y + height / 2), names[i], INK, font, "rm")
        for j, cell in enumerate(row):
            if cell is not None:
                page.paste(Image.fromarray(cell), (left + j * (wide + GAP) + (wide - width) // 2, y))
    return page


def stacked(pages: Sequence[Image.Image], gap: int = 12) -> Image.Image:
    """One below the other."""
    whole = Image.new("RGB", (max(p.width for p in pages), sum(p.height + gap for p in pages) - gap), PAPER)
    top = 0
    for page in pages:
        whole.paste(page, (0, top))
        top += page.height + gap
    return whole
