"""The page of a design: what was asked for, how the properties moved, and what the molecules look like."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from reverie.judging.chart import LINES, chart
from reverie.judging.pictures import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, grid, png, short
from reverie.judging.report import document, section
from reverie.judging.style import STYLE
from reverie.judging.words import number, percent

from .designed import Designed

BINS, SHOWN, ACROSS = 40, 24, 4  # of a histogram; structures on the page, in a row
TAILS = 0.002  # share of molecules at each end that a histogram leaves out
MORE = """
.old { fill: var(--line); }
.new { fill: none; stroke: var(--mark); stroke-width: 1.5; }
.range { fill: var(--fine); opacity: .12; }
.key { display: inline-block; width: 1.5rem; border-top: 3px solid var(--mark); vertical-align: middle; }
.key.was { border-color: var(--line); border-top-width: 9px; }
.key.asked { border-color: var(--fine); border-top-width: 9px; opacity: .4; }
.structures img { image-rendering: auto; width: 100%; background: #fff; }
"""


def page(title: str, said: Sequence[str], found: Designed, pictures: np.ndarray) -> str:
    """`pictures`: (N, H, W, 3), of the first that were designed."""
    key = "<p class='note'><span class='key was'></span> training molecules &nbsp; <span class='key'></span> designed"
    key += (
        " &nbsp; <span class='key asked'></span> asked for</p>"
        if any(w.how == "range" for w in found.wishes)
        else "</p>"
    )
    drawn = "".join(histogram(name, found) for name in found.told)
    alt = f"{len(pictures)} structures, not chosen: the first that were drawn"
    shown = f"<div class='structures'><img alt='{alt}' src='{png(grid(pictures, ACROSS))}'></div>"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<ul class='findings'>{''.join(f'<li>{escape(line)}</li>' for line in said)}</ul>",
        section("Properties", f"{key}<div class='curves'>{drawn}</div>{table(found)}"),
        section("The first that were drawn", shown),
        section("Learning", curves(found.course)),
    ]
    return document(title, "design", STYLE + LINES + MORE, parts)


def table(found: Designed) -> str:
    heads = "".join(f"<th scope='col'>{name}</th>" for name in ("property", "asked for", "training", "designed", "±"))
    lines = "".join(
        f"<tr><th scope='row'>{escape(row['property'])}</th><td data-name='asked for'>{escape(row['wish'])}</td>"
        f"<td data-name='training'>{number(row['training'])}</td>"
        f"<td data-name='designed'>{number(row['designed'])}</td><td data-name='±'>{number(row['deviation'])}</td></tr>"
        for row in found.shifts
    )
    about = "Means; ±: deviation of what was designed."
    whole = f"<table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>"
    return f"<div class='wide'>{whole}</div><p class='note'>{about}</p>"


def histogram(name: str, found: Designed) -> str:
    """Training molecules and designed ones, each as shares of their own number."""
    old, new = found.before[name], found.after[name]
    both = np.concatenate([old, new])
    low, high = np.quantile(both, [TAILS, 1 - TAILS])
    if not high > low:
        return ""
    edges = np.linspace(low, high, BINS + 1)
    shares = [np.histogram(x.clip(low, high), edges)[0] / max(1, len(x)) for x in (old, new)]
    most, base = max(float(s.max()) for s in shares), HEIGHT - BOTTOM

    def right(x: float) -> float:
        return float(LEFT + (WIDTH - LEFT - RIGHT) * (min(max(x, low), high) - low) / (high - low))

    def up(share: float) -> float:
        return float(base - (base - TOP) * share / most)

    def outline(share: np.ndarray) -> str:
        steps = "".join(f"V{up(s):.1f}H{right(b):.1f}" for s, b in zip(share, edges[1:]))
        return f"M{right(edges[0]):.1f} {base}{steps}V{base}"

    wish = next((one for one in found.wishes if one.name == name), None)
    drawn = ""
    if wish is not None and wish.how == "range":
        a, b = right(wish.low), right(wish.high)
        drawn += f'<rect class="range" x="{a:.1f}" y="{TOP}" width="{b - a:.1f}" height="{base - TOP}"/>'
    drawn += f'<path class="old" d="{outline(shares[0])}Z"/><path class="new" d="{outline(shares[1])}"/>'
    labels = f'<text x="{LEFT}" y="{HEIGHT - 4}">{short(low)}</text>'
    labels += f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 4}" text-anchor="end">{short(high)}</text>'
    said = f"{name}: mean {number(float(old.mean()))} in training, {number(float(new.mean()))} designed"
    axis = f'<path class="axis" d="M{LEFT} {TOP}V{base}H{WIDTH - RIGHT}"/>'
    svg = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(said)}">{drawn}{axis}{labels}</svg>'
    return f"<figure><figcaption>{escape(said)}</figcaption>{svg}</figure>"


def curves(course: Sequence[dict[str, Any]]) -> str:
    """What was drawn at each step, as it learnt."""
    names = ("score", "valid", "wanted")
    charts = [chart(name, "steps", {0: [[(line["step"], line[name]) for line in course]]}) for name in names if course]
    return f"<div class='curves'>{''.join(charts)}</div>" if any(charts) else ""


def words(found: Designed, filters: bool) -> list[str]:
    """What came of it, in sentences."""
    facts = found.facts
    left = ", ".join(f"{count:,} {why}" for why, count in found.left.items())
    said = [
        f"{len(found.names):,} different molecules as asked for, of {found.drawn:,} drawn"
        + (f" ({left})" if left else "")
    ]
    for row in found.shifts:
        if row["wish"]:
            usual = (
                f"; {percent(row['usual'])} of training molecules are in that range" if row["usual"] is not None else ""
            )
            ends = f"{number(row['training'])} in training, {number(row['designed'])} designed"
            said.append(f"{row['property']}: {ends} ({row['wish']}{usual})")
    drawn = "; ".join(
        f"{wish.name} {number(facts[f'{wish.name}_drawn'])}" for wish in found.wishes if f"{wish.name}_drawn" in facts
    )
    said.append(
        f"of the first {len(found.first):,} as they came {percent(facts['valid'])} are molecules and "
        f"{percent(facts['unique'])} of these different" + (f"; means: {drawn}" if drawn else "")
    )
    said.append(
        f"internal diversity {number(facts['intdiv1'])} (training molecules {number(facts['intdiv1_training'])}); "
        f"{percent(facts['new'])} are no training molecules"
    )
    asked = " (asked for)" if filters else ""
    said.append(
        f"{percent(facts['filters'])} pass MOSES's filters{asked}; of training molecules "
        f"{percent(facts['filters_training'])}"
    )
    return said
