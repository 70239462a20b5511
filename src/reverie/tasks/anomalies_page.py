"""The page beside the table of anomalies: how scores lie, and the worst items beside what was rebuilt of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from reverie.judging.pictures import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, png, short
from reverie.judging.report import document, item, section
from reverie.judging.rows import is_window
from reverie.judging.style import STYLE

BINS = 40  # of the histogram
WIDE = 2.0  # spans of the held-out scores beyond the largest of them, at which the histogram ends
MORE = """
.scores { max-width: 36rem; }
.odd { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem 1.5rem; }
.odd .three { display: grid; grid-template-columns: repeat(3, 1fr); gap: .25rem; }
.odd .three > div { min-width: 0; }
.odd img { width: 100%; display: block; }
.odd.lines { grid-template-columns: 1fr; }
.odd strong { color: var(--fault); }
.held { fill: var(--line); }
.new { fill: none; stroke: var(--mark); stroke-width: 1.5; }
.bound { stroke: var(--fault); stroke-dasharray: 4 3; }
.key { display: inline-block; width: 1.5rem; border-top: 3px solid var(--mark); vertical-align: middle; }
.key.old { border-color: var(--line); border-top-width: 9px; }
.key.end { border-top: 2px dashed var(--fault); }
"""


@dataclass(frozen=True)
class Shown:
    """An item of the page."""

    row: Mapping[str, Any]  # of the table
    raw: Any
    made: Any = None  # what was rebuilt of it; None: nothing can be
    heat: np.ndarray | None = None  # (H, W): each pixel's part in the score, of pictures


def page(
    title: str, said: Sequence[str], notes: Sequence[str], scores: Mapping[str, Any], shown: Sequence[Shown]
) -> str:
    """`scores`: of the items ("new"), of held-out ones ("held"), and the threshold ("bound", None: there is none)."""
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<ul class='findings'>{''.join(f'<li>{escape(line)}</li>' for line in said)}</ul>",
        "".join(f"<p class='note'>{escape(line)}</p>" for line in notes),
        section("Scores", histogram(scores["new"], scores["held"], scores["bound"])),
        section("The highest scores first", worst(shown)),
    ]
    return document(title, "anomalies", STYLE + MORE, parts)


def worst(shown: Sequence[Shown]) -> str:
    """Pictures beside what was rebuilt of them, and where the score comes from; all else as text."""
    if not shown:
        return ""
    drawn = isinstance(shown[0].raw, np.ndarray) and shown[0].raw.ndim == 3
    figures = "".join(figure(one, pictured(one) if drawn else written(one)) for one in shown)
    about = ""
    if shown[0].made is not None:
        about = "Left the item, then what the model rebuilds of it, then how far apart they are: dark is much."
        about = about if drawn else "Each item, and what the model rebuilds of it: below it, or in brackets."
    return f"<p class='note'>{about}</p><div class='odd{'' if drawn else ' lines'}'>{figures}</div>"


def figure(one: Shown, inner: str) -> str:
    row = one.row
    chance = "" if row.get("p") is None else f", p {row['p']:.2g}"
    named = f"<strong>{escape(str(row['item']))}</strong>" if row["flagged"] else escape(str(row["item"]))
    label = f" ({escape(str(row['label']))})" if row.get("label") else ""
    why = f"<br>{escape(str(row['because']))}" if row.get("because") else ""
    return f"<figure>{inner}<figcaption>{named}{label}: score {row['score']:.4g}{chance}{why}</figcaption></figure>"


def pictured(one: Shown) -> str:
    cells = [item(one.raw, "item")]
    if one.made is not None:
        cells.append(item(one.made, "rebuilt"))
    if one.heat is not None:
        share = one.heat / (one.heat.max() or 1.0)
        cells.append(f"<img alt='error' src='{png(np.rint(255 * (1 - share)).astype(np.uint8)[..., None])}'>")
    return f"<div class='three'>{''.join(f'<div>{cell}</div>' for cell in cells)}</div>"


def written(one: Shown) -> str:
    if one.made is None or isinstance(one.made, np.ndarray):
        return item(one.raw, "item")
    if isinstance(one.raw, dict) and not is_window(one.raw):
        return item({k: f"{v} ({one.made[k]})" if k in one.made else v for k, v in one.raw.items()}, "item")
    return item(one.raw, "item") + item(one.made, "rebuilt")


def histogram(new: np.ndarray, held: np.ndarray, bound: float | None) -> str:
    """Both sets as shares of their own items; what lies far beyond the held-out scores is in the last bin."""
    if not len(held) or not len(new):
        return ""
    low, far = float(min(held.min(), new.min())), float(held.max() + WIDE * (held.max() - held.min()))
    high = min(far, float(max(held.max(), new.max())))
    if not high > low:
        return ""
    edges = np.linspace(low, high, BINS + 1)
    shares = [np.histogram(np.clip(x, low, high), edges)[0] / len(x) for x in (held, new)]
    most = max(share.max() for share in shares)
    base, wide = HEIGHT - BOTTOM, (WIDTH - LEFT - RIGHT) / BINS

    def up(share: float) -> float:
        return float(base - (base - TOP) * share / most)

    bars = "".join(
        f'<rect class="held" x="{LEFT + k * wide:.1f}" y="{up(v):.1f}" width="{wide:.2f}" height="{base - up(v):.1f}"/>'
        for k, v in enumerate(shares[0].tolist())
    )
    steps = "".join(f"V{up(v):.1f}h{wide:.2f}" for v in shares[1].tolist())
    line = f'<path class="new" d="M{LEFT} {base}{steps}V{base}"/>'
    mark = ""
    if bound is not None:
        at = LEFT + (WIDTH - LEFT - RIGHT) * (bound - low) / (high - low)
        mark = f'<path class="bound" d="M{at:.1f} {TOP}V{base}"/>'
    ends = f'<text x="{LEFT}" y="{HEIGHT - 4}">{short(low)}</text>'
    over = " and above" if new.max() > high else ""
    ends += f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 4}" text-anchor="end">score {short(high)}{over}</text>'
    axis = f'<path class="axis" d="M{LEFT} {TOP}V{base}H{WIDTH - RIGHT}"/>'
    said = f"scores of {len(new)} items beside those of {len(held)} held-out ones"
    drawing = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{said}">{bars}{line}{mark}{axis}{ends}</svg>'
    key = f"<span class='key old'></span> {len(held):,} held-out items <span class='key'></span> {len(new):,} items"
    key += " <span class='key end'></span> threshold" if bound is not None else ""
    return f"<figure class='scores'><figcaption>{key}; shares of each</figcaption>{drawing}</figure>"
