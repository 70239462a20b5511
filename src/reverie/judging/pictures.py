"""Pictures and curves that stand inside a page: no file beside it, no network."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from math import isfinite, log10
from typing import TypeVar

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 340, 150  # of a curve, in its own units
LEFT, BOTTOM, TOP, RIGHT = 46, 18, 8, 8
POINTS = 300  # of a curve, at most
Point = TypeVar("Point")


def png(picture: np.ndarray) -> str:
    """(H, W, C) uint8 or uint16 -> a data URI. 16 bits are shown as 8."""
    x = (picture // 257).astype(np.uint8) if picture.dtype == np.uint16 else picture
    shown = Image.fromarray(np.ascontiguousarray(x[..., 0] if x.shape[2] == 1 else x))
    buffer = io.BytesIO()
    shown.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def grid(pictures: np.ndarray, columns: int) -> np.ndarray:
    """(N, H, W, C) -> one picture, row by row; what is left of the last row is empty: transparent, or black."""
    n, h, w, c = pictures.shape
    rows = -(-n // columns)
    page = np.zeros((rows * columns, h, w, c), pictures.dtype)
    page[:n] = pictures
    return page.reshape(rows, columns, h, w, c).swapaxes(1, 2).reshape(rows * h, columns * w, c)


def curve(name: str, steps: Sequence[int], values: Sequence[float]) -> str:
    """A line over training as SVG. Values that are not finite are left out; '' where nothing is left to draw. The
    vertical axis is logarithmic where all values are positive and span more than two decades."""
    pairs = [(s, v) for s, v in zip(steps, values) if isfinite(v)]
    if len(pairs) < 2:
        return ""
    pairs = thinned(pairs)
    low, high = min(v for _, v in pairs), max(v for _, v in pairs)
    scaled = low > 0 and high > 100 * low
    first, last = pairs[0][0], pairs[-1][0]

    def up(v: float) -> float:
        a, b, x = (log10(low), log10(high), log10(v)) if scaled else (low, high, v)
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * ((x - a) / (b - a) if b > a else 0.5)

    def right(s: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (s - first) / max(1, last - first)

    line = " ".join(f"{right(s):.1f},{up(v):.1f}" for s, v in pairs)
    marks = [(LEFT - 4, up(high) + 4, "end", high), (LEFT - 4, up(low) + 4, "end", low)] if high > low else []
    labels = "".join(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{a}">{short(v)}</text>' for x, y, a, v in marks)
    base = HEIGHT - BOTTOM
    labels += f'<text x="{LEFT}" y="{HEIGHT - 4}">{first}</text>'
    labels += f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 4}" text-anchor="end">step {last}</text>'
    note = ", log scale" if scaled else ""
    said = f"{escape(name)}{note}: from {short(pairs[0][1])} to {short(pairs[-1][1])}"
    drawing = f'<path class="axis" d="M{LEFT} {TOP}V{base}H{WIDTH - RIGHT}"/><polyline points="{line}"/>{labels}'
    svg = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{said}">{drawing}</svg>'
    return f"<figure><figcaption>{escape(name)}<small>{note}</small></figcaption>{svg}</figure>"


def thinned(pairs: list[Point]) -> list[Point]:
    """At most POINTS, evenly spaced, both ends kept."""
    if len(pairs) <= POINTS:
        return pairs
    return [pairs[round(k * (len(pairs) - 1) / (POINTS - 1))] for k in range(POINTS)]


def short(x: float) -> str:
    return f"{x:.0f}" if 1000 <= abs(x) < 1e5 else f"{x:.3g}"
