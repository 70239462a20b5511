"""Curves as a picture of its own, for pages that are read where styles are not."""

from collections.abc import Mapping
from pathlib import Path

from reverie.judging.chart import Points, chart
from reverie.judging.pictures import LEFT, WIDTH

DRAWN = Path(__file__).parents[1] / "docs" / "pictures"
STYLE = """<style>svg { background: #fff } text { font: 10px system-ui, sans-serif; fill: #57606a }
.axis { stroke: #d0d7de; fill: none } polyline { fill: none; stroke-width: 1.5; stroke-linejoin: round }
.l0 { stroke: #1f6feb } .l1 { stroke: #b35900 } .l2 { stroke: #1a7f37 } .l3 { stroke: #8250df }
circle { stroke: none } circle.l0 { fill: #1f6feb } circle.l1 { fill: #b35900 } circle.l2 { fill: #1a7f37 }
.d1 { stroke-dasharray: 7 3 } .d2 { stroke-dasharray: 2 2 } .d3 { stroke-dasharray: 9 3 2 3 }</style>"""


def drawn(name: str, measure: str, under: str, lines: Mapping[str, Points], falling: bool = False) -> Path:
    """docs/pictures/NAME.svg: a line each, of a measure over what `under` names; their names where curves that rise, or
    fall, leave room."""
    left = WIDTH - 140 if falling else LEFT + 8
    page = chart(measure, under, {place: [points] for place, points in enumerate(lines.values())})
    svg = page[page.index("<svg") : page.index("</svg>")]
    legend = "".join(
        f'<path class="l{k} d{k}" stroke-width="2" fill="none" d="M{left} {14 + 12 * k}H{left + 24}"/>'
        f'<text x="{left + 28}" y="{17 + 12 * k}">{line}</text>'
        for k, line in enumerate(lines)
    )
    svg = svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" width="680" height="300" ', 1)
    file = DRAWN / f"{name}.svg"
    file.write_text(f"{svg}{legend}{STYLE}</svg>\n", encoding="utf-8")
    return file
