"""What is wrong with a run, if anything, in a word each: from its numbers and its course alone, with the evidence and
what to try next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from reverie.metrics import Metric
from reverie.metrics.image.diversity import MISSING

from .course import Course
from .lacks import NARROW, NEAR, lacks, spanned
from .numbers import Numbers
from .way import distance
from .words import number, percent

SURE = 1e-4  # p below which a test accuses
SHORT = 0.1  # of the usual steps: below it, a model has hardly begun
USUAL = 0.5  # of the usual steps: below it, a model that is not there yet may need no more than time
FAR = 0.75  # of the way from the untrained model to the data: below it, samples are far from it
COPIED, ECHOED, SAID = 0.005, 0.15, 0.05  # shares above the floor that count: of pictures, text, sentences copied
LEANS = 0.6  # share of samples nearer to what was trained on; chance is a half
SILENT = 0.1  # nats an item: below it, a code says nothing
ALIKE = 0.5  # of the variety of real data: below it, samples are all alike
REPEATED = 0.1  # share of samples above the floor that repeat another
NAMED = 20  # classes that a line names, at most
AGAIN = 0.9  # share of different molecules among the first: below it, samples repeat each other
DULL = 0.5  # of the held-out text's share of different words
COPIES = {  # measures of what stands in the training data: what counts above the floor, whose it is, what the floor is
    "copies_exact": (COPIED, "samples are copies from", "held-out data"),
    "copies": (COPIED, "samples are copies from", "held-out data"),
    "copied": (ECHOED, "samples' text stands word for word in", "held-out data"),
    "copied_chords": (ECHOED, "samples' runs of chords stand in", "held-out data"),
    "copied_sentences": (SAID, "samples' sentences stand word for word in", "real ones"),
}
LONGER = "Train longer: the same command with a larger --steps or --time goes on from here"


class Verdict(NamedTuple):
    name: str  # undertrained | memorising | ignored | collapsed | overfitted | worsened | good | unclear, or of a Lack
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
    "blurred": "Near, but blurred",
    "unreal": "Near, but few look real",
    "narrow": "Near, but narrow",
    "told": "Near, but told apart",
    "unclear": "Not good yet",
}


def verdicts(metrics: Sequence[Metric], course: Course) -> list[Verdict]:
    """Faults, the most telling first; `good` where there is none and the numbers bear it out; what samples lack
    that are near as a whole; `unclear` where they show a distance that no fault explains; nothing where no measure says
    how good the model is."""
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
    near = away is None or away[0] >= NEAR
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
    if away is None:
        return []
    if away[0] >= FAR and (less := lacks(m)):
        evidence = "; ".join(lack.evidence for lack in less)
        return [Verdict(less[0].name, f"{away[1]}, but {evidence}", less[0].advice)]
    return reached(away, course)


def reached(away: tuple[float, str], course: Course) -> list[Verdict]:
    """What a way to the data says of a run without faults: how much of it was gone, and in words."""
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
