"""What the numbers say, in plain words. Every sentence is a function of the metrics, and holds its evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reverie.metrics import Metric

TOLD = 0.05  # calibration error by chance alone, above which that of a model that is within it tells nothing
BLURRED = 0.75  # of real items' fine detail: below it, samples are blurred


def headline(metrics: Sequence[Metric], judged: bool = False) -> list[str]:
    """A sentence for each measure that a verdict can rest on, the most telling first. `judged`: a verdict that stands
    above them has said how far the samples are from the data."""
    found = {metric.name.split("_")[0].split("[")[0]: metric for metric in reversed(metrics)}
    named = {metric.name: metric for metric in metrics}
    parts = [] if judged else [distance(found)]
    parts += [
        told(found),
        fidelity(found),
        variety(found),
        sharp(found),
        coded(named),
        text(named),
        parsed(named),
        correct(found),
    ]
    parts += [every(found), sure(metrics), near(found), onward(found), covered(found), spoken(found)]
    parts += [translated(found), molecules(named), structures(named), filtered(found), framed(metrics), led(found)]
    said = [part for part in parts if part]
    if said or judged:
        return said
    return [
        "Nothing here is said in words: see the numbers."
        if metrics
        else "No measure applies to this model and this data."
    ]


def distance(found: Mapping[str, Metric]) -> str:
    """How far from the untrained model to real data."""
    m = found.get("frechet")
    if m is None:
        return ""
    score = f"Fréchet distance {number(m.value)}"
    if m.reference is None or m.floor is None or m.reference <= m.floor:
        return f"{score}; real training items score {number(m.floor)}." if m.floor is not None else f"{score}."
    evidence = f"({score}; untrained {number(m.reference)}, real against real {number(m.floor)})"
    if m.value >= m.reference:
        return f"The samples are no closer to the data than an untrained model's {evidence}."
    if m.value <= 1.5 * m.floor:
        return f"By distance, the samples are nearly as close to the data as real items are {evidence}."
    way = (m.reference - m.value) / (m.reference - m.floor)
    if way < 0.5:
        return f"Training has brought the samples less than half of the way to the data {evidence}."
    return f"Training has brought the samples {percent(way)} of the way to the data {evidence}."


def told(found: Mapping[str, Metric]) -> str:
    """How well a classifier tells rows that were made from real ones."""
    m = found.get("detection")
    if m is None or m.low is None:
        return ""
    usual = "" if m.floor is None else f"; training rows {number(m.floor)}"
    evidence = f"(area under the curve {number(m.value)}; 0.5: by chance{usual})"
    if m.low <= max(0.5, m.floor or 0.0):
        return f"A classifier can't surely tell the samples from held-out rows {evidence}."
    return f"A classifier tells the samples from held-out rows {evidence}."


def fidelity(found: Mapping[str, Metric]) -> str:
    m = found.get("precision")
    if m is None:
        return ""
    return f"{percent(m.value)} of the samples look like real items to the judge{beside(m)}."


def variety(found: Mapping[str, Metric]) -> str:
    m = found.get("recall")
    if m is None:
        return ""
    said = f"The samples span {percent(m.value)} of the variety of the data{beside(m)}"
    missing = m.floor is not None and m.value < m.floor / 2
    return f"{said}: much of it is missing." if missing else f"{said}."


def sharp(found: Mapping[str, Metric]) -> str:
    """Whether samples are blurred: said where they are."""
    m = found.get("sharpness")
    if m is None or m.floor is None or m.value > BLURRED * m.floor:
        return ""
    return f"The samples are blurred: their fine detail is {percent(m.value)} as strong as real items'."


def parsed(named: Mapping[str, Metric]) -> str:
    """How much of code is code."""
    m = named.get("parses")
    return f"{percent(m.value)} of the samples are Python that parses{beside(m)}." if m is not None else ""


def coded(named: Mapping[str, Metric]) -> str:
    """Rate and distortion."""
    rate, units, error = (named.get(name) for name in ("rate_bits", "active_units", "reconstruction_rmse"))
    if rate is None or units is None:
        return ""
    said = f"A code holds {number(rate.value)} bits of its item, in {units.value:.0f} {units.unit}"
    if error is None:
        return f"{said}."
    off = percent(error.value) if error.unit == "of the range" else number(error.value)
    fine = named.get("reconstruction_sharpness")
    left = f" and keep {percent(fine.value)} of the fine detail" if fine and fine.value < 1 else ""
    return f"{said}; items decoded from it are off by {off} {error.unit}{left}."


def text(named: Mapping[str, Metric]) -> str:
    m = named.get("bits_per_character")
    if m is None:
        return ""
    said = f"Held-out text costs {number(m.value)} bits a character"
    if m.reference is None:
        return f"{said}."
    if m.value >= m.reference:
        return f"{said}, no better than a plain bigram model ({number(m.reference)})."
    return f"{said}, {percent(1 - m.value / m.reference)} less than a plain bigram model ({number(m.reference)})."


def correct(found: Mapping[str, Metric]) -> str:
    m = found.get("accuracy")
    if m is None or m.low is None or m.high is None or m.reference is None:
        return ""
    said = f"Right on {percent(m.value)} of {m.samples} held-out items (95 %: {percent(m.low)} to {percent(m.high)})"
    if m.low <= m.reference:
        return f"{said}: not surely better than always guessing one class ({percent(m.reference)})."
    return f"{said}; always guessing one class would be right on {percent(m.reference)}."


def every(found: Mapping[str, Metric]) -> str:
    """Of several labels: how often all are right."""
    m = found.get("exact")
    if m is None or m.low is None or m.high is None or m.reference is None:
        return ""
    said = f"All labels right on {percent(m.value)} of {m.samples} items (95 %: {percent(m.low)} to {percent(m.high)})"
    if m.low <= m.reference:
        return f"{said}: not surely better than always naming one combination ({percent(m.reference)})."
    return f"{said}; always naming one combination would be right on {percent(m.reference)}."


def sure(metrics: Sequence[Metric]) -> str:
    """Whether a probability means what it says."""
    m = next((m for m in metrics if m.name.startswith("ece_") and "uncalibrated" not in m.name), None)
    if m is None or m.floor is None:
        return ""
    evidence = f"(calibration error {percent(m.value)}; by chance alone up to {percent(m.floor)})"
    if m.value <= m.floor and m.floor > TOLD:
        return f"Too few items to tell whether its probabilities can be taken at their word {evidence}."
    if m.value <= m.floor:
        return f"Its probabilities can be taken at their word {evidence}."
    return f"Its probabilities are off by {percent(m.value)} on average {evidence}."


def near(found: Mapping[str, Metric]) -> str:
    """How close a predicted number comes."""
    m, r2 = found.get("rmse"), found.get("r2")
    if m is None or m.reference is None or m.low is None or m.high is None:
        return ""
    said = (
        f"Off by {number(m.value)} (root mean square; 95 %: {number(m.low)} to {number(m.high)}) on {m.samples} items"
    )
    if m.high >= m.reference:
        return f"{said}: not surely better than always saying the mean ({number(m.reference)})."
    share = f"; {percent(r2.value)} of the variance is explained" if r2 else ""
    return f"{said}; always saying the mean would be off by {number(m.reference)}{share}."


def onward(found: Mapping[str, Metric]) -> str:
    """How well a series is foretold."""
    m = found.get("mse")
    if m is None or m.reference is None:
        return ""
    said = f"Mean squared error {number(m.value)} of standardised values over {m.samples} windows"
    if m.value >= m.reference:
        return f"{said}: no better than repeating the last row ({number(m.reference)})."
    return f"{said}; repeating the last row would miss by {number(m.reference)}."


def covered(found: Mapping[str, Metric]) -> str:
    """Whether intervals keep their promise."""
    m, width = found.get("coverage"), found.get("width")
    if m is None or m.reference is None or "recall" in found:  # of samples, the word means another thing
        return ""
    short = ", which is surely less" if m.high is not None and m.high < m.reference else ""
    said = f"Of its intervals that promise {percent(m.reference)}, {percent(m.value)} hold the truth{short}"
    return f"{said}; they are {number(width.value)} wide." if width else f"{said}."


def spoken(found: Mapping[str, Metric]) -> str:
    m = found.get("nll")
    if m is None or m.unit != "nats an item":
        return ""
    below = ": it is a density, which may be above 1" if m.value < 0 else ""
    return f"A held-out item costs {number(m.value)} nats{below}."


def translated(found: Mapping[str, Metric]) -> str:
    """How near what is written comes to what people wrote."""
    m, exact = found.get("bleu"), found.get("exact")
    if m is None or exact is None or m.low is None or m.high is None:
        return ""
    same = f"{percent(exact.value)} are word for word the reference"
    said = f"BLEU {m.value:.1f} of 100 (cased; 95 %: {m.low:.1f} to {m.high:.1f}) on {m.samples} held-out items; {same}"
    if m.reference is not None and m.low <= m.reference:
        return f"{said}: not surely better than leaving the source as it is ({m.reference:.1f})."
    return f"{said}."


def molecules(named: Mapping[str, Metric]) -> str:
    """How many samples are molecules, differ and are new."""
    valid, unique, new = (first(named, start) for start in ("validity", "unique", "novelty"))
    if valid is None:
        return ""
    said = f"{percent(valid.value)} of {valid.samples:,} samples are molecules"
    said += f"; of the first {unique.samples:,} of these {percent(unique.value)} are different" if unique else ""
    return f"{said}; {percent(new.value)} are no training molecules." if new else f"{said}."


def structures(named: Mapping[str, Metric]) -> str:
    """How like the data's the molecules are."""
    fcd, snn, scaf = (first(named, start) for start in ("fcd", "snn", "scaf"))
    said = [
        f"{what} {number(m.value)} (training molecules {number(m.floor)})"
        for what, m in (("Fréchet ChemNet distance", fcd), ("likeness to the nearest held-out molecule", snn),
                        ("likeness of scaffolds", scaf))
        if m is not None and m.floor is not None
    ]  # fmt: skip
    return f"{'; '.join(said)}." if said else ""


def filtered(found: Mapping[str, Metric]) -> str:
    m = found.get("filters")
    if m is None or m.floor is None:
        return ""
    return f"{percent(m.value)} of the molecules pass MOSES's filters (training molecules: {percent(m.floor)})."


def first(named: Mapping[str, Metric], start: str) -> Metric | None:
    """fcd -> fcd_3k, not fcd_scaffolds_3k; of several sample sizes the last, which is the largest."""
    found = [m for name, m in named.items() if name.rpartition("_")[0] == start]
    return found[-1] if found else None


def framed(metrics: Sequence[Metric]) -> str:
    """How well held-out music is foretold."""
    m = next((m for m in metrics if m.name.startswith("nats_per_frame_") and "endless" not in m.name), None)
    if m is None:
        return ""
    return f"A step of held-out music costs {number(m.value)} nats, the ends of pieces among them."


def led(found: Mapping[str, Metric]) -> str:
    """How often fifths or octaves are led in parallel."""
    m = found.get("parallels")
    if m is None or m.low is None or m.high is None or m.floor is None:
        return ""
    said = f"Fifths or octaves go in parallel in {percent(m.value)} of the changes of chord"
    evidence = f"(95 %: {percent(m.low)} to {percent(m.high)}; held-out pieces: {percent(m.floor)})"
    return f"{said} {evidence}: surely more." if m.low > m.floor else f"{said} {evidence}."


def beside(m: Metric) -> str:
    return f" (real against real: {percent(m.floor)})" if m.floor is not None else ""


def percent(share: float) -> str:
    return f"{100 * share:.0f} %" if 0.1 <= share <= 0.9 or share in (0, 1) else f"{100 * share:.1f} %"


def number(x: float | None) -> str:
    """Three digits that mean something."""
    if x is None:
        return "–"
    return f"{x:.0f}" if abs(x) >= 1000 else f"{x:.3g}"
