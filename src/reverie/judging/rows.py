"""Rows of a table and windows of a series on a page."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from reverie.kinds.series.page import sheet

SHOWN, COLUMNS, CHARACTERS = 12, 20, 40  # rows of a table, its columns, and what of a cell, at most


def is_window(raw: Mapping[str, Any]) -> bool:
    return any(name in raw for name in ("window", "past")) and "channels" in raw


def table(shown: Sequence[Mapping[str, Any]]) -> str:
    """The first rows, with a head."""
    names = list(shown[0])[:COLUMNS]
    heads = "".join(f"<th scope='col'>{escape(name)}</th>" for name in names)
    lines = "".join(
        "<tr>" + "".join(f"<td data-name='{escape(n)}'>{escape(cell(row.get(n)))}</td>" for n in names) + "</tr>"
        for row in shown[:SHOWN]
    )
    more = len(shown[0]) - len(names)
    said = f"The first {len(shown[:SHOWN])} of this seed, not chosen" + (f"; {more} more columns" if more else "")
    whole = f"<table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>"
    return f"<p class='note'>{said}.</p><div class='wide'>{whole}</div>"


def cell(value: Any) -> str:
    """As a file has it, in short."""
    said = "" if value is None else str(value)
    return said if len(said) <= CHARACTERS else said[:CHARACTERS] + " …"


def windows(shown: Sequence[Mapping[str, Any]]) -> str:
    """A plot for each channel of the first windows, as one picture."""
    buffer = io.BytesIO()
    sheet(shown).save(buffer, "PNG")
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f"<img class='grid' alt='plots of windows' src='data:image/png;base64,{data}'>"
