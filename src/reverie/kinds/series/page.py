"""Windows of a series as files: a CSV each, or many as lines on one page."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from reverie.errors import Problem
from reverie.kinds.writing import write

WIDE, HIGH, GAP = 260, 110, 8  # pixels of a plot, and around it
ITEMS, CHANNELS = 12, 8  # on a page, at most
TEXT = 14  # pixels of a line of words
GREY, COLOUR, INK, PAPER = "#8a8a8a", "#d1495b", "#222222", "#ffffff"

Raw = Sequence[Mapping[str, Any]]  # as `Windows.raw` gives them


def save(raw: Raw, folder: Path, first: int = 0) -> list[Path]:
    """Windows as sample-000000.csv and on: rows up to step 0 are the past, those from 1 the future, or what was made.
    Raises NoRoom."""
    files = [Path(folder) / f"sample-{first + i:06d}.csv" for i in range(len(raw))]
    for file, window in zip(files, raw):
        write(file, lambda part, window=window: _csv(window, part))  # type: ignore[misc]
    return files


def _csv(window: Mapping[str, Any], part: Path) -> None:
    past, future = _two(window)
    with open(part, "w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["step", *_names(window)])
        writer.writerows([k + 1 - len(past), *row] for k, row in enumerate(np.concatenate([past, future]).tolist()))


def show(raw: Raw, file: Path) -> None:
    """A page, PNG: a row of plots for each window, a plot for each channel in its own scale, the past grey, the future
    or what was made coloured. Of many windows or channels the first. Raises NoRoom."""
    page = sheet(raw)
    write(Path(file), lambda part: page.save(part, "PNG"))


def sheet(raw: Raw) -> Image.Image:
    """That page."""
    if not len(raw):
        raise Problem("0 windows: nothing to show. Ask for at least 1.")
    shown = raw[:ITEMS]
    names = _names(shown[0])[:CHANNELS]
    page = Image.new("RGB", (len(names) * (WIDE + GAP) + GAP, len(shown) * (HIGH + TEXT + GAP) + TEXT + 2 * GAP), PAPER)
    draw = ImageDraw.Draw(page)
    for column, name in enumerate(names):
        left = GAP + column * (WIDE + GAP)
        draw.text((left, GAP // 2), name, INK)
        for row, window in enumerate(shown):
            past, future = (part[:, column] for part in _two(window))
            _plot(draw, (left, TEXT + GAP + row * (HIGH + TEXT + GAP)), past, future)
    return page


def _plot(draw: ImageDraw.ImageDraw, corner: tuple[int, int], past: np.ndarray, future: np.ndarray) -> None:
    """The past and the future of one channel, its least and largest value written below."""
    left, top = corner
    draw.rectangle((left, top, left + WIDE, top + HIGH), outline="#dddddd")
    whole = np.concatenate([past, future])
    low, high = float(whole.min()), float(whole.max())
    x = left + 2 + (WIDE - 4) * np.arange(len(whole)) / max(1, len(whole) - 1)
    y = top + HIGH - 3 - (HIGH - 6) * ((whole - low) / (high - low) if high > low else np.full(len(whole), 0.5))
    points = list(zip(x.tolist(), y.tolist()))
    for some, colour in ((points[: len(past)], GREY), (points[max(0, len(past) - 1) :], COLOUR)):
        if len(some) > 1:
            draw.line(some, colour, 1)
    draw.text((left, top + HIGH + 1), f"{low:.4g} to {high:.4g}", GREY)


def _two(window: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """(L, C) and (H, C); a part that is not there has no rows. What was made is all future."""
    if "window" in window:
        made = np.asarray(window["window"])
        return made[:0], made
    there = [np.asarray(window[name]) for name in ("past", "future") if name in window]
    none = np.zeros((0, there[0].shape[1]))
    return (np.asarray(window.get("past", none)), np.asarray(window.get("future", none)))


def _names(window: Mapping[str, Any]) -> list[str]:
    past, future = _two(window)
    return list(window.get("channels") or (f"c{k + 1}" for k in range((past if len(past) else future).shape[1])))
