"""Explanations as pictures and as a page of words: red speaks for the answer, blue against it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from PIL import Image, ImageDraw

SIDE = 256  # pixels to which small pictures are enlarged, whole times
WIDE, HIGH, GAP, TEXT = 640, 90, 8, 14  # of a plot, around it, and of a line of words
CHANNELS, BARS, PARTS = 8, 30, 64  # that are drawn, at most; of a long signal's colours
LETTERS = 32  # of a bar's name, at most
NAMED, SIZES = 200, 80  # pixels for the names and the numbers beside bars
STYLE = "<style>body{font:16px/1.7 system-ui;max-width:60rem;margin:1rem auto;color:#222;background:#fff}</style>"
RED, BLUE, INK, GREY, PAPER = (202, 52, 58), (46, 98, 190), "#222222", "#8a8a8a", (255, 255, 255)


def coloured(weights: np.ndarray) -> np.ndarray:
    """(…) -> (…, 3) uint8: white at 0, red up to the largest size, blue down to it."""
    most = float(np.abs(weights).max(initial=0.0)) or 1.0
    share = np.clip(weights / most, -1, 1)[..., None]
    full = np.where(share > 0, np.array(RED), np.array(BLUE))
    found: np.ndarray = np.rint(255 + np.abs(share) * (full - 255)).astype(np.uint8)
    return found


def beside(picture: np.ndarray, weights: np.ndarray) -> Image.Image:
    """A picture (H, W, C) in [0, 1] and its weights (H, W), side by side."""
    height, width = weights.shape
    colours = picture[..., : 3 if picture.shape[2] >= 3 else 1]
    left = np.rint(255 * np.clip(colours, 0, 1)).astype(np.uint8).repeat(3 // colours.shape[2], axis=2)
    times = max(1, SIDE // max(height, width))
    page = Image.new("RGB", (2 * width * times + 3 * GAP, height * times + 2 * GAP), PAPER)
    for k, one in enumerate((left, coloured(weights))):
        large = one.repeat(times, axis=0).repeat(times, axis=1)
        page.paste(Image.fromarray(large), (GAP + k * (width * times + GAP), GAP))
    draw = ImageDraw.Draw(page)
    draw.rectangle(
        (2 * GAP + width * times - 1, GAP - 1, 2 * GAP + 2 * width * times, GAP + height * times), None, GREY
    )
    return page


def plots(values: np.ndarray, weights: np.ndarray, names: Sequence[str]) -> Image.Image:
    """Channels (T, C) as lines, one below the other, on the colours of their weights (T, C): a colour a step, of many
    steps the sum of their weights in each of 64 parts."""
    steps, count = len(values), min(values.shape[1], CHANNELS)
    page = Image.new("RGB", (WIDE + 2 * GAP, count * (HIGH + TEXT + GAP) + GAP), PAPER)
    draw = ImageDraw.Draw(page)
    first, edges = cut(steps, steps if steps <= WIDE else PARTS)
    heat = coloured(np.add.reduceat(weights, first, axis=0))
    for c in range(count):
        top = GAP + c * (HIGH + TEXT + GAP)
        draw.text((GAP, top), names[c], INK)
        top += TEXT
        for k in range(len(first)):
            draw.rectangle((edges[k], top, edges[k + 1] - 1, top + HIGH - 1), tuple(heat[k, c].tolist()))
        line(draw, values[:, c], top)
        draw.rectangle((GAP - 1, top - 1, GAP + WIDE, top + HIGH), None, GREY)
    return page


def cut(steps: int, parts: int) -> tuple[np.ndarray, np.ndarray]:
    """The first step of each part, and the pixels at which parts begin and the last one ends."""
    edges = np.rint(np.linspace(GAP, GAP + WIDE, parts + 1)).astype(int)
    return np.arange(parts) * steps // parts, edges


def line(draw: ImageDraw.ImageDraw, values: np.ndarray, top: int) -> None:
    """One channel, in its own scale; where many steps share a column of pixels, from the least to the largest."""
    low, high = float(values.min()), float(values.max())
    scale = (HIGH - 5) / (high - low) if high > low else 0.0
    first, edges = cut(len(values), min(len(values), WIDE))
    least, most = np.minimum.reduceat(values, first), np.maximum.reduceat(values, first)
    points: list[tuple[float, float]] = []
    for x, a, b in zip(((edges[:-1] + edges[1:]) / 2).tolist(), least.tolist(), most.tolist()):
        points += [(x, top + HIGH - 3 - scale * (a - low)), (x, top + HIGH - 3 - scale * (b - low))]
    draw.line(points, INK, 1)


def bars(
    names: Sequence[str], sizes: np.ndarray, low: np.ndarray | None = None, high: np.ndarray | None = None
) -> Image.Image:
    """A bar a name, to the right above 0 and to the left below it, with its interval as a line where there is one."""
    count = min(len(names), BARS)
    ends = np.concatenate([part[:count] for part in (sizes, low, high) if part is not None] + [np.zeros(1)])
    least, most = float(ends.min()), float(ends.max())
    inner = WIDE - NAMED - SIZES
    scale = inner / (most - least) if most > least else 0.0
    page = Image.new("RGB", (WIDE + 2 * GAP, count * (TEXT + GAP) + 2 * GAP), PAPER)
    draw = ImageDraw.Draw(page)

    def across(x: float) -> float:
        return GAP + NAMED + scale * (x - least)

    for k in range(count):
        top, size = GAP + k * (TEXT + GAP), float(sizes[k])
        name = names[k] if len(names[k]) <= LETTERS else names[k][: LETTERS - 1] + "…"
        draw.text((GAP, top), name, INK)
        one, other = sorted((across(0.0), across(size)))
        draw.rectangle((one, top, max(one, other), top + TEXT - 1), RED if size > 0 else BLUE)
        if low is not None and high is not None:
            middle = top + TEXT // 2
            draw.line((across(float(low[k])), middle, across(float(high[k])), middle), INK, 1)
        draw.text((WIDE - SIZES + 2 * GAP, top), f"{size:.3g}", GREY)
    draw.line((across(0.0), GAP, across(0.0), page.height - GAP), GREY, 1)
    return page


def words(lines: Sequence[tuple[str, Sequence[str], np.ndarray]]) -> str:
    """A page, HTML: of each item its title and its words on the colours of their weights."""
    parts = []
    for title, tokens, weights in lines:
        shades = coloured(weights).tolist()
        marked = " ".join(
            f'<span style="background:rgb{tuple(shade)}" title="{weight:.4g}">{escape(token)}</span>'
            for token, shade, weight in zip(tokens, shades, weights.tolist())
        )
        parts.append(f"<p><small>{escape(title)}</small><br>{marked}</p>")
    about = "Red: the answer rests on it. Blue: it speaks against the answer. White: it changes nothing."
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Words</title>{STYLE}'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body><p>{about}</p>{"".join(parts)}</body></html>\n'
