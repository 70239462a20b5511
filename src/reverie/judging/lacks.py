"""What samples lack that are near to the data as a whole: a distance falls long before they are sharp, real and as
varied as the data."""

from __future__ import annotations

from typing import NamedTuple

from .numbers import Numbers
from .way import distance
from .words import BLURRED, number, percent

NEAR = 0.5  # of the way to the data: below it, precision and classes tell nothing
NARROW = 0.1  # of real data's recall: below it, samples that look real span next to nothing
THIN = 0.25  # of real data's recall: below it, most of the data is missing
REAL = 0.5  # of real data's precision: below it, few samples look real
TOLD, HONEST = 0.9, 0.6  # area under a classifier's curve: above it rows are told apart; above it, real rows are, too


class Lack(NamedTuple):
    name: str  # blurred | unreal | narrow | told
    evidence: str
    advice: str


def lacks(m: Numbers) -> list[Lack]:
    """The most telling first."""
    found = [blurred(m) or unreal(m), narrow(m), told(m)]
    return [lack for lack in found if lack]


def blurred(m: Numbers) -> Lack | None:
    fine = m.find("sharpness")
    if fine is None or fine.floor is None or fine.value >= BLURRED * fine.floor:
        return None
    advice = (
        "An adversarial family draws sharper (reverie compare shows which suits the data); of a vae, a smaller --beta"
    )
    return Lack("blurred", f"their fine detail is {percent(fine.value)} as strong as real items'", advice)


def unreal(m: Numbers) -> Lack | None:
    p = m.find("precision")
    if p is None or not p.floor or p.value >= REAL * p.floor:
        return None
    said = f"only {percent(p.value)} of them look real to the judge (real data: {percent(p.floor)})"
    return Lack(
        "unreal", said, "Train longer, take a larger --set, or see which family suits the data: reverie compare"
    )


def narrow(m: Numbers) -> Lack | None:
    span = spanned(m, THIN)
    advice = "Train longer or with a larger --batch: variety comes late. A sample's --truncation costs variety, too"
    return Lack("narrow", f"they {span}", advice) if span else None


def spanned(m: Numbers, least: float) -> str:
    """How little of the variety samples span that look real; nothing from `least` of real data's recall on. Far from
    the data, precision means nothing: outliers of the data have balls so wide that noise lies in them (Naeem et al.
    2020, figure 1)."""
    recall, precision, away = m.find("recall"), m.find("precision"), distance(m)
    if recall is None or precision is None or not recall.floor or not precision.floor or away is None:
        return ""
    if away[0] < NEAR or recall.value >= least * recall.floor or precision.value <= REAL * precision.floor:
        return ""
    if blurred(m):  # no real item lies near blurred ones, however much of the data they span
        return ""
    return f"span {percent(recall.value)} of the variety of the data (real data: {percent(recall.floor)})"


def told(m: Numbers) -> Lack | None:
    """Of rows."""
    d = m.find("detection")
    if d is None or d.low is None or d.low <= TOLD or (d.floor is not None and d.floor >= HONEST):
        return None
    said = f"a classifier tells them from held-out rows (area under the curve {number(d.value)}; 0.5: by chance)"
    advice = "Train longer or take a larger --set; marginals and pairs name the columns that differ most"
    return Lack("told", said, advice)
