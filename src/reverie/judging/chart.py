"""Several lines in one chart, told apart by colour and by dash, in light and in dark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import chain
from math import isfinite, log10

from .pictures import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, short, thinned

LIGHT = ("#1f6feb", "#b35900", "#1a7f37", "#8250df", "#cf222e", "#0f7b83", "#7a6a00", "#bf3989")
DARK = ("#6ea8fe", "#f0a35e", "#56d364", "#bc8cff", "#ff7b72", "#39c5cf", "#d9c24a", "#ff8ac4")
DASHES = ("none", "7 3", "2 2", "9 3 2 3", "4 4 1 4")  # coprime to the colours: forty styles before one comes again
DECADES = 100  # a span above which an axis is logarithmic


def colours(names: Sequence[str]) -> str:
    return " ".join(f"--l{k}: {colour};" for k, colour in enumerate(names))


LINES = (
    f":root {{ {colours(LIGHT)} }}\n"
    f"@media (prefers-color-scheme: dark) {{ :root {{ {colours(DARK)} }} }}\n"
    + "".join(f".l{k} {{ stroke: var(--l{k}); fill: none; }} circle.l{k} {{ fill: var(--l{k}); }}\n" for k in range(8))
    + "".join(f".d{k} {{ stroke-dasharray: {dash}; }}\n" for k, dash in enumerate(DASHES))
    + ".legend { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: 0; }\n"
    ".legend li { display: flex; align-items: center; gap: .5rem; }\n"
    ".legend svg { width: 2.25rem; flex: none; }\n"
)
"""What a page with charts adds to its style."""

Points = Sequence[tuple[float, float]]


def style(place: int) -> str:
    """The classes of the line of the model in that place."""
    return f"l{place % len(LIGHT)} d{place % len(DASHES)}"


def legend(names: Sequence[str]) -> str:
    """Which line is whose."""
    items = "".join(
        f"<li><svg viewBox='0 0 36 8' aria-hidden='true'><path class='{style(k)}' stroke-width='2' d='M1 4H35'/></svg>"
        f"{escape(name)}</li>"
        for k, name in enumerate(names)
    )
    return f"<ul class='legend'>{items}</ul>"


def chart(name: str, under: str, lines: Mapping[int, Sequence[Points]]) -> str:
    """A measure as SVG: of the model in each place, a line for each of its runs, over what `under` names. Points that
    are not finite are left out; '' where no line has two. The vertical axis is logarithmic where all values are
    positive and span more than two decades."""
    clean = {k: [good for run in runs if (good := finite(run))] for k, runs in lines.items()}
    every = list(chain.from_iterable(chain.from_iterable(clean.values())))
    if not any(len(run) > 1 for runs in clean.values() for run in runs):
        return ""
    low, high, last = min(y for _, y in every), max(y for _, y in every), max(x for x, _ in every)
    scaled = low > 0 and high > DECADES * low
    base = HEIGHT - BOTTOM

    def up(y: float) -> float:
        a, b, at = (log10(low), log10(high), log10(y)) if scaled else (low, high, y)
        return base - (base - TOP) * ((at - a) / (b - a) if b > a else 0.5)

    def right(x: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * x / (last or 1.0)

    drawn = ""
    for place, runs in sorted(clean.items()):
        for run in runs:
            points = [(right(x), up(y)) for x, y in thinned(run)]
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            x, y = points[-1]
            drawn += f'<polyline class="{style(place)}" points="{path}"/>'
            drawn += f'<circle class="l{place % len(LIGHT)}" cx="{x:.1f}" cy="{y:.1f}" r="2"/>'
    marks = [high, low] if high > low else [low]
    labels = "".join(f'<text x="{LEFT - 4}" y="{up(v) + 4:.1f}" text-anchor="end">{short(v)}</text>' for v in marks)
    labels += f'<text x="{LEFT}" y="{HEIGHT - 4}">0</text>'
    labels += f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 4}" text-anchor="end">{short(last)} {escape(under)}</text>'
    title = f"{escape(name)} against {escape(under)}{', log scale' if scaled else ''}"
    axis = f'<path class="axis" d="M{LEFT} {TOP}V{base}H{WIDTH - RIGHT}"/>'
    svg = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">{axis}{drawn}{labels}</svg>'
    return f"<figure><figcaption>{title}</figcaption>{svg}</figure>"


def finite(points: Points) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points if isfinite(x) and isfinite(y)]
