"""What is wrong with a run, if anything, in a word each: from its numbers and its course alone, with the evidence and
what to try next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from reverie.metrics import Metric
from reverie.metrics.image.diversity import MISSING

from .course import Course
from .words import BLURRED, number, percent

SURE = 1e-4  # p below which a test accuses
SHORT = 0.1  # of the usual steps: below it, a model has hardly begun
USUAL = 0.5  # of the usual steps: below it, a model that is not there yet may need no more than time
FAR = 0.75  # of the way from the untrained model to the data: below it, samples are far from it
COPIED, ECHOED, SAID = 0.005, 0.15, 0.05  # shares above the floor that count: of pictures, text, sentences copied
LEANS = 0.6  # share of samples nearer to what was trained on; chance is a half
SILENT = 0.1  # nats an item: below it, a code says nothing
ALIKE = 0.5  # of the variety of real data: below it, samples are all alike
REPEATED = 0.1  # share of samples above the floor that repeat another
HALF = 0.5  # of that way: below it, precision and classes tell nothing
NARROW = 0.1  # of real data's recall: below it, samples that look real span next to nothing
THIN = 0.25  # of real data's recall: below it, samples may be near and real, and yet most of the data is missing
NAMED = 20  # classes that a line names, at most
AGAIN = 0.9  # share of different molecules among the first: below it, samples repeat each other
DULL = 0.5  # of the held-out text's share of different words
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
COPIES = {  # measures of what stands in the training data: what counts above the floor, whose it is, what the floor is
    "copies_exact": (COPIED, "samples are copies from", "held-out data"),
    "copies": (COPIED, "samples are copies from", "held-out data"),
    "copied": (ECHOED, "samples' text stands word for word in", "held-out data"),
    "copied_chords": (ECHOED, "samples' runs of chords stand in", "held-out data"),
    "copied_sentences": (SAID, "samples' sentences stand word for word in", "real ones"),
}
LONGER = "Train longer: the same command with a larger --steps or --time goes on from here"


class Verdict(NamedTuple):
    name: str  # undertrained | memorising | ignored | collapsed | overfitted | worsened | good | narrow | unclear
    evidence: str
    advice: str

    @property
    def line(self) -> str:
        return f"{self.title}: {self.evidence}." + (f" {self.advice}." if self.advice else "")

    @property
    def title(self) -> str:
        return TITLES[self.name]

    def to_json(self) -> dict[str, str]:
        return self._asdict()


TITLES = {
    "undertrained": "Undertrained",
    "collapsed": "Collapsed",
    "ignored": "Posterior collapse",
    "memorising": "Memorising",
    "overfitted": "Overfitted",
    "worsened": "Past its best",
    "good": "Good",
    "narrow": "Good, but narrow",
    "unclear": "Not good yet",
}


class Numbers:
    """Metrics by the first part of their names."""

    def __init__(self, metrics: Sequence[Metric]):
        self.all = list(metrics)

    def find(self, start: str) -> Metric | None:
        """frechet -> frechet_2k; not nearer_training_pixels_2k for nearer_training."""
        return next((m for m in self.all if m.name == start or stem(m.name) == start), None)

    def each(self, start: str) -> dict[str, Metric]:
        """share -> {class: share[class]}."""
        return {m.name[len(start) + 1 : -1]: m for m in self.all if m.name.startswith(f"{start}[")}


def stem(name: str) -> str:
    """Without the sample size at its end."""
    head, _, tail = name.rpartition("_")
    return head if tail[:1].isdigit() else name


def verdicts(metrics: Sequence[Metric], course: Course) -> list[Verdict]:
    """Faults, the most telling first; `good` where there is none and the numbers bear it out, `unclear` where they show
    a distance that no fault explains; nothing where no measure says how good the model is."""
    numbers = Numbers(metrics)
    early = hardly_begun(numbers, course)
    if early:
        return [early]
    same = ignored(numbers) or collapsed(numbers, course)  # samples of a code that says nothing are all alike, too
    faults = [fault for fault in (memorising(numbers), same) if fault]
    if not faults and (worse := worsened(course)):
        faults = [worse]
    return faults or rest(numbers, course)


# --------------------------------------------------------------------------------------------------------------- faults


def hardly_begun(m: Numbers, course: Course) -> Verdict | None:
    """Far from the data, after too little training to say more: samples of such a model are all alike, too."""
    away = distance(m)
    if away is None or away[0] >= FAR or (course.share >= SHORT and course.passes >= 1) or (course.flat and alike(m)):
        return None
    begun = f"{course.step:,} steps are {percent(course.share)} of the usual {course.usual:,}"
    if course.share >= SHORT:
        begun = f"the model has seen {percent(course.passes)} of the data once"
    return Verdict("undertrained", f"{away[1]}, and {begun}", LONGER)


def distance(m: Numbers) -> tuple[float, str] | None:
    """How much of the way from an untrained model to the data, and in words."""
    f = m.find("frechet")
    if f is not None and f.floor is not None and f.reference is not None and f.reference > f.floor:
        way = (f.reference - f.value) / (f.reference - f.floor)
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


def memorising(m: Numbers) -> Verdict | None:
    """Samples are training items once more, or lean to what was trained on rather than to its like."""
    said = []
    for name, (least, what, real) in COPIES.items():
        c = m.find(name)
        if c is not None and c.p is not None and c.p < SURE and c.value - (c.floor or 0.0) > least:
            said.append(f"{percent(c.value)} of the {what} the training data ({real}: {percent(c.floor or 0.0)})")
            break
    for name in ("nearer_training", "nearer_training_pixels"):
        c = m.find(name)
        if c is not None and c.p is not None and c.p < SURE and c.value > LEANS:
            said.append(f"{percent(c.value)} of the samples lie nearer to training items than to as many held-out ones")
            break
    if not said:
        return None
    advice = "Give it more data, stop earlier (--stop auto), or take a smaller --set"
    return Verdict("memorising", "; ".join(said), advice)


def ignored(m: Numbers) -> Verdict | None:
    """Posterior collapse: every item gets the same code, which the decoder has learnt to do without (Bowman et al.
    2016)."""
    units, rate = m.find("active_units"), m.find("rate_nats")
    if units is None or rate is None or units.value or rate.value >= SILENT:
        return None
    said = f"the code says nothing of its item (none of {units.reference:.0f} units is in use, the rate is "
    advice = "Start anew with --warm-up 0.2, --free-bits 0.1 or a smaller --beta"
    return Verdict("ignored", f"{said}{number(rate.value)} nats), so the decoder does without it", advice)


def alike(m: Numbers) -> list[str]:
    """Samples are all alike, or repeat each other."""
    said = []
    spread = m.find("spread")
    if spread is not None and spread.value < ALIKE * (spread.floor or 1.0):
        said.append(f"samples vary {percent(spread.value)} as much as real data")
    repeats = m.find("repeats")
    if repeats is not None and repeats.value - (repeats.floor or 0.0) > REPEATED:
        usual = percent(repeats.floor or 0.0)
        said.append(f"{percent(repeats.value)} of the samples repeat another (real data: {usual})")
    different = m.find("unique")
    if different is not None and different.value < AGAIN * (different.floor or 1.0):
        said.append(f"of {different.samples:,} molecules {percent(different.value)} are different ones")
    inner = m.find("intdiv1")
    if inner is not None and inner.floor and inner.value < ALIKE * inner.floor:
        said.append(f"molecules' internal diversity is {number(inner.value)} (real data: {number(inner.floor)})")
    return said


def collapsed(m: Numbers, course: Course) -> Verdict | None:
    """Samples are alike, or whole classes are missing: of samples that are far from the data, votes tell no class."""
    said, modes, away = alike(m), m.find("modes"), distance(m)
    near = away is None or away[0] >= HALF
    if near and modes is not None and modes.reference and modes.value < modes.reference:
        rare = [name for name, c in m.each("share").items() if c.floor and c.value < MISSING * c.floor]
        missing = ", ".join([*rare[:NAMED], f"{len(rare) - NAMED} more"] if len(rare) > NAMED else rare)
        said.append(f"{modes.reference - modes.value:.0f} of {modes.reference:.0f} classes are missing ({missing})")
    words = m.find("distinct_2")
    if words is not None and words.floor is not None and words.value < DULL * words.floor:
        usual = percent(words.floor)
        said.append(f"{percent(words.value)} of the pairs of words are different ones (held-out text: {usual})")
    if course.share >= USUAL and (span := spanned(m, NARROW)):  # variety comes late
        said.append(f"samples look real but {span}")
    if not said:
        return None
    advice = "Try another --seed, a lower --learning-rate, a larger --batch, or a family that does not collapse"
    return Verdict("collapsed", "; ".join(said), advice)


def spanned(m: Numbers, least: float) -> str:
    """How little of the variety samples span that look real; nothing from `least` of real data's recall on. Far from
    the data, precision means nothing: outliers of the data have balls so wide that noise lies in them (Naeem et al.
    2020, figure 1)."""
    recall, precision, away = m.find("recall"), m.find("precision"), distance(m)
    if recall is None or precision is None or not recall.floor or not precision.floor or away is None:
        return ""
    if away[0] < HALF or recall.value >= least * recall.floor or precision.value <= ALIKE * precision.floor:
        return ""
    fine = m.find("sharpness")  # no real item lies near blurred ones, however much of the data they span
    if fine is not None and fine.floor is not None and fine.value < BLURRED * fine.floor:
        return ""
    return f"span {percent(recall.value)} of the variety of the data (real data: {percent(recall.floor)})"


def worsened(course: Course) -> Verdict | None:
    """What is watched on held-out data has got worse since its best: held-out items have become less likely, or samples
    have gone astray."""
    lost = course.worsened
    if not lost or course.keeps_best:
        return None
    step, value = course.best
    last = number(course.looks[-1][1])
    said = f"{course.measure} was best at step {step:,} ({number(value)}) and is {last} at the end"
    name = "overfitted" if course.measure.startswith("held_out") else "worsened"
    return Verdict(name, said, f"Train {step:,} steps, or let --stop auto end it there")


def rest(m: Numbers, course: Course) -> list[Verdict]:
    away = distance(m)
    return [] if away is None else reached(away, course, spanned(m, THIN))


def reached(away: tuple[float, str], course: Course, span: str = "") -> list[Verdict]:
    """What a way to the data says of a run without faults: how much of it was gone, and in words. `span`: that what
    came near spans little of the data."""
    if away[0] >= FAR and span:
        advice = "Train longer or with a larger --batch: variety comes late. A sample's --truncation costs variety, too"
        return [Verdict("narrow", f"{away[1]}, and look real, but {span}", advice)]
    if away[0] >= FAR:
        return [Verdict("good", f"{away[1]}; no fault was found", "")]
    if course.improving:
        still = f"{course.measure} still fell in the last third of training"
        return [Verdict("undertrained", f"{away[1]}, and {still}", LONGER)]
    if course.share < USUAL:
        begun = f"{course.step:,} steps are {percent(course.share)} of the usual {course.usual:,}"
        return [Verdict("undertrained", f"{away[1]}, and {begun}", LONGER)]
    advice = "Take a larger --set, or see which family suits the data: reverie compare"
    return [Verdict("unclear", f"{away[1]}, and training has stopped improving", advice)]
