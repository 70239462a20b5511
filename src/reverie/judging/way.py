"""How far samples have come from an untrained model to the data, by the measures that can tell, and in words."""

from __future__ import annotations

from reverie.metrics import Metric

from .numbers import Numbers, stem
from .words import number, percent

GAIN = 0.2  # of a bigram model's bits a character: what a model that has learnt words saves, at least
TELLING = 2.0  # times the floor: nearer than that, an untrained model's distance tells no way
WAYS = {  # measures by which samples of rows and windows have a way to go, and what has come how far
    "marginals": "columns by themselves have come",
    "pairs": "pairs of columns have come",
    "autocorrelation": "autocorrelations have come",
    "spectrum": "spectra have come",
    "channels": "correlations of channels have come",
    "logp_w1": "values of logp have come",
    "sa_w1": "values of sa have come",
    "qed_w1": "values of qed have come",
    "weight_w1": "weights have come",
    "pitch_class_js": "pitch classes have come",
    "interval_js": "melodic steps have come",
    "length_js": "lengths of notes have come",
    "chord_js": "chords have come",
    "progression_js": "pairs of chords have come",
}
ONE_VALUE = "_w1"  # at the end of the measures whose reference is one value said of all, and no untrained model


def distance(m: Numbers) -> tuple[float, str] | None:
    """How much of the way from an untrained model to the data, and in words."""
    f = m.find("frechet")
    if f is not None and f.floor is not None and f.reference is not None and f.reference > f.floor:
        way = min(1.0, (f.reference - f.value) / (f.reference - f.floor))
        said = f"samples have come {percent(max(0.0, way))} of the way to the data"
        ends = f"untrained {number(f.reference)}, real data {number(f.floor)}"
        return way, f"{said} (Fréchet distance {number(f.value)}; {ends})"
    found = [part for name, what in WAYS.items() if (part := halfway(m.find(name), what))]
    found += [part for part in (readable(m), together(m)) if part]
    if found:
        return min(found)  # the part in which it is furthest from the data
    b = m.find("bits_per_character")
    if b is not None and b.reference is not None:
        way = (1 - b.value / b.reference) / GAIN
        return way, f"a character costs {number(b.value)} bits, a plain bigram model pays {number(b.reference)}"
    return None


def halfway(m: Metric | None, what: str) -> tuple[float, str] | None:
    """The same by one measure; nothing where the untrained model is as near as real data, so that it can't tell."""
    if m is None or m.floor is None or m.reference is None or m.reference < TELLING * m.floor:
        return None
    way = min(1.0, (m.reference - m.value) / (m.reference - m.floor))
    first = "one value for all" if stem(m.name).endswith(ONE_VALUE) else "untrained"
    ends = f"{first} {number(m.reference)}, real data {number(m.floor)}"
    return way, f"{what} {percent(max(0.0, way))} of the way to the data ({number(m.value)}; {ends})"


def readable(m: Numbers) -> tuple[float, str] | None:
    """How many samples are molecules at all."""
    v = m.find("validity")
    if v is None:
        return None
    usual = v.floor or 1.0
    return v.value / usual, f"{percent(v.value)} of the samples are molecules (training molecules: {percent(usual)})"


def together(m: Numbers) -> tuple[float, str] | None:
    """How alike the molecules' fragments are: 0 would be that nothing is common."""
    f = m.find("frag")
    if f is None or not f.floor:
        return None
    return f.value / f.floor, f"counts of fragments agree to {number(f.value)} (real data: {number(f.floor)})"
