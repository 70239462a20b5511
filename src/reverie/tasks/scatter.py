"""Points in a plane, coloured by class or by a number: as SVG, in light and in dark, and as PNG."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from math import floor, log10
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from reverie.judging import chart
from reverie.training.files import ESCAPED

WIDE, HIGH, SIDE = 760, 560, 180  # of the whole, and of the legend beside the plot
LEFT, TOP, RIGHT, BOTTOM = 56, 40, 16, 48  # around the plot
MOST = 5_000  # points that are drawn
GROUPS = 24  # classes that the legend names
FINE = 3  # times that a PNG is drawn larger, then reduced: smooth edges
RAMP = ((46, 98, 190), (200, 200, 200), (202, 52, 58))  # of numbers, from the least to the largest
INK, SOFT, LINE, PAPER = "#1b1f24", "#5b6470", "#d8dde3", "#ffffff"
LIGHT, DARK = (*chart.LIGHT, "#6b7480", "#8fbc00"), (*chart.DARK, "#b8c0ca", "#d4f06a")  # ten classes are common
SHAPES = 3  # coprime to the colours: 30 styles before one comes again


@dataclass(frozen=True)
class Scatter:
    points: Tensor  # (N, 2)
    axes: tuple[str, ...]  # one or two
    values: Tensor | None = None  # (N,) classes, or numbers
    names: tuple[str, ...] = ()  # of classes; (): numbers
    of: str = ""  # what the values are
    title: str = ""

    def save(self, part: Path, suffix: str) -> None:
        if suffix.lower() == ".svg":
            part.write_text(self.svg(), encoding="utf-8", errors=ESCAPED)
        else:
            self.png().save(part, "PNG")

    @property
    def order(self) -> Tensor:
        """Which points are drawn, in an order of no meaning: of a sorted set the last class would hide the others."""
        return torch.randperm(len(self.points), generator=torch.Generator().manual_seed(0))[:MOST]

    @property
    def radius(self) -> float:
        """Pixels: the more points, the smaller."""
        return float(min(5.0, max(1.8, 90 / min(len(self.points), MOST) ** 0.5)))

    def frame(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Least and largest of each axis, with room around."""
        ends = []
        for low, high in zip(self.points.amin(0).tolist(), self.points.amax(0).tolist()):
            room = 0.04 * (high - low) or 1.0
            ends.append((low - room, high + room))
        return ends[0], ends[1]

    def placed(self) -> list[tuple[float, float, int]]:
        """x and y in pixels, and the group, of every point that is drawn."""
        (x0, x1), (y0, y1) = self.frame()
        points = self.points[self.order].double()
        x = LEFT + (points[:, 0] - x0) / (x1 - x0) * self.width
        y = TOP + (y1 - points[:, 1]) / (y1 - y0) * self.height
        return list(zip(x.tolist(), y.tolist(), self.group(self.order).tolist()))

    def group(self, index: Tensor) -> Tensor:
        """The class; of numbers how far up the ramp, 0 … 100."""
        if self.values is None:
            return torch.zeros(len(index), dtype=torch.long)
        mine = self.values[index]
        if self.names:
            return mine.long()
        low, high = float(self.values.min()), float(self.values.max())
        return ((mine.double() - low) / ((high - low) or 1.0) * 100).round().long()

    @property
    def width(self) -> int:
        return WIDE - LEFT - RIGHT - (SIDE if self.values is not None else 0)

    @property
    def height(self) -> int:
        return HIGH - TOP - BOTTOM

    def ticks(self) -> tuple[list[tuple[float, str]], list[tuple[float, str]]]:
        """Pixels and words of the marks on both axes. An axis without a name has no marks."""
        (x0, x1), (y0, y1) = self.frame()
        across = [(LEFT + (v - x0) / (x1 - x0) * self.width, f"{v:g}") for v in marks(x0, x1)]
        up = [(TOP + (y1 - v) / (y1 - y0) * self.height, f"{v:g}") for v in marks(y0, y1)]
        return across, up if len(self.axes) > 1 else []

    def legend(self) -> list[tuple[int, str]]:
        """Groups and what they are called."""
        if self.values is None:
            return []
        if not self.names:
            low, high = float(self.values.min()), float(self.values.max())
            return [(100 - 25 * k, f"{high + (low - high) * k / 4:.4g}") for k in range(5)]
        there = self.values.bincount().nonzero()[:, 0].tolist()
        rows = [(k, self.names[k]) for k in there[:GROUPS]]
        return rows + ([(-1, f"and {len(there) - GROUPS:,} more")] if len(there) > GROUPS else [])

    def said(self) -> str:
        count = len(self.points)
        drawn = f"{count:,} items" if count <= MOST else f"{MOST:,} of {count:,} items"
        return f"{self.title}: {drawn}" if self.title else drawn

    # ------------------------------------------------------------------------------------------------------------- SVG

    def svg(self) -> str:
        across, up = self.ticks()
        right, base = LEFT + self.width, TOP + self.height
        body = (
            f'<rect class="p" width="{WIDE}" height="{HIGH}"/><text class="i" x="{LEFT}" y="24">{escape(self.said())}'
        )
        body += f'</text><path class="l" d="M{LEFT} {TOP}V{base}H{right}V{TOP}Z"/>'
        body += "".join(f'<text x="{x:.1f}" y="{base + 16}" text-anchor="middle">{v}</text>' for x, v in across)
        body += "".join(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{v}</text>' for y, v in up)
        body += f'<text x="{(LEFT + right) / 2}" y="{HIGH - 12}" text-anchor="middle">{escape(self.axes[0])}</text>'
        if len(self.axes) > 1:
            middle = (TOP + base) / 2
            turned = f'transform="translate(14 {middle}) rotate(-90)" text-anchor="middle"'
            body += f"<text {turned}>{escape(self.axes[1])}</text>"
        radius = self.radius
        body += "".join(self.mark(x, y, g, radius) for x, y, g in self.placed())
        for k, (group, name) in enumerate(self.legend()):
            y = TOP + 34 + 18 * k
            body += self.mark(right + 24, y - 4, group, 5.0) if group >= 0 else ""
            body += f'<text class="i" x="{right + 36}" y="{y}">{escape(short(name))}</text>'
        if self.values is not None:
            body += f'<text x="{right + 18}" y="{TOP + 12}">{escape(short(self.of))}</text>'
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" role="img" '
            f'aria-label="{escape(self.said())}"><style>{style()}</style>{body}</svg>\n'
        )

    def mark(self, x: float, y: float, group: int, r: float) -> str:
        """A point, in its group's colour and shape."""
        if self.values is not None and not self.names:
            return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}" fill="rgb{ramp(group / 100)}" fill-opacity=".75"/>'
        colour, shape = f"c{group % len(LIGHT)}", group % SHAPES
        if shape == 0:
            return f'<circle class="{colour}" cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}"/>'
        corners = " ".join(f"{a:.1f},{b:.1f}" for a, b in outline(x, y, r, shape))
        return f'<polygon class="{colour}" points="{corners}"/>'

    # ------------------------------------------------------------------------------------------------------------- PNG

    def png(self) -> Image.Image:
        """Light. Drawn large and reduced."""
        page = Image.new("RGB", (WIDE * FINE, HIGH * FINE), PAPER)
        draw = ImageDraw.Draw(page, "RGBA")
        radius = self.radius
        for x, y, group in self.placed():
            self.dot(draw, x, y, group, radius)
        right, base = LEFT + self.width, TOP + self.height
        draw.rectangle([FINE * v for v in (LEFT, TOP, right, base)], None, LINE, FINE)
        for k, (group, _) in enumerate(self.legend()):
            if group >= 0:
                self.dot(draw, right + 24, TOP + 30 + 18 * k, group, 5.0, 255)
        self.words(draw)
        if len(self.axes) > 1:
            upwards(page, self.axes[1], 8 * FINE, (TOP + self.height / 2) * FINE)
        return page.resize((WIDE, HIGH), Image.Resampling.LANCZOS)

    def words(self, draw: ImageDraw.ImageDraw) -> None:
        (across, up), right, base = self.ticks(), LEFT + self.width, TOP + self.height

        def put(x: float, y: float, said: str, anchor: str, ink: str = SOFT, size: int = 12) -> None:
            draw.text((x * FINE, y * FINE), said, ink, ImageFont.load_default(size * FINE), anchor)

        put(LEFT, 24, self.said(), "ls", INK, 14)
        for x, said in across:
            put(x, base + 16, said, "ms")
        for y, said in up:
            put(LEFT - 6, y, said, "rm")
        put((LEFT + right) / 2, HIGH - 12, self.axes[0], "ms")
        for k, (_, name) in enumerate(self.legend()):
            put(right + 36, TOP + 34 + 18 * k, short(name), "ls", INK)
        if self.values is not None:
            put(right + 18, TOP + 12, short(self.of), "ls")

    def dot(self, draw: ImageDraw.ImageDraw, x: float, y: float, group: int, r: float, solid: int = 190) -> None:
        x, y, r = x * FINE, y * FINE, r * FINE
        if self.values is not None and not self.names:
            draw.ellipse((x - r, y - r, x + r, y + r), (*ramp(group / 100), solid))
            return
        code = LIGHT[group % len(LIGHT)]
        colour = (*(int(code[k : k + 2], 16) for k in (1, 3, 5)), solid)
        if group % SHAPES == 0:
            draw.ellipse((x - r, y - r, x + r, y + r), colour)
        else:
            draw.polygon(outline(x, y, r, group % SHAPES), colour)


def upwards(page: Image.Image, said: str, left: float, middle: float) -> None:
    """Words that run upwards, about a height."""
    font = ImageFont.load_default(12 * FINE)
    size = (round(font.getlength(said)) + 2 * FINE, 18 * FINE)
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).text((size[0] / 2, size[1] / 2), said, 255, font, "mm")
    turned = mask.rotate(90, expand=True)
    page.paste(SOFT, (round(left), round(middle - turned.height / 2)), turned)


def outline(x: float, y: float, r: float, shape: int) -> list[tuple[float, float]]:
    """Corners of a square, or of a triangle, about as large as a circle of radius r."""
    if shape == 1:
        a = 0.89 * r
        return [(x - a, y - a), (x + a, y - a), (x + a, y + a), (x - a, y + a)]
    a = 1.35 * r
    return [(x, y - a), (x + 0.87 * a, y + a / 2), (x - 0.87 * a, y + a / 2)]


def marks(low: float, high: float) -> list[float]:
    """Four to six round numbers between two."""
    rough = (high - low) / 6
    power = 10.0 ** floor(log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough)
    first = floor(low / step) + 1
    return [float(f"{k * step:.6g}") for k in range(first, first + 12) if low <= k * step <= high]


def ramp(share: float) -> tuple[int, int, int]:
    """Blue, grey, red."""
    at = min(1.0, max(0.0, share)) * 2
    one, two = (RAMP[0], RAMP[1]) if at <= 1 else (RAMP[1], RAMP[2])
    t = at if at <= 1 else at - 1
    r, g, b = (round(a + (c - a) * t) for a, c in zip(one, two))
    return r, g, b


def short(name: str) -> str:
    """Of a legend."""
    return name if len(name) <= 20 else name[:19] + "…"


def style() -> str:
    def colours(names: tuple[str, ...]) -> str:
        return "".join(f".c{k}{{fill:{colour}}}" for k, colour in enumerate(names))

    dark = f".p{{fill:#14171b}}.l{{stroke:#333a43}}text{{fill:#9aa4b0}}.i{{fill:#e6e9ed}}{colours(DARK)}"
    return (
        f"text{{font:12px system-ui,sans-serif;fill:{SOFT}}}.i{{fill:{INK}}}.p{{fill:{PAPER}}}"
        f".l{{fill:none;stroke:{LINE}}}circle,polygon{{fill-opacity:.75}}{colours(LIGHT)}"
        f"@media(prefers-color-scheme:dark){{{dark}}}"
    )
