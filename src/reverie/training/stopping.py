"""When a run has stopped improving: `--stop auto`. A pure function of what its looks saw.

A look's value is a statistic of some hundred items, and would be another on others. How much of a difference between
two looks that can be is estimated from the looks themselves, by the grouped jackknife (Quenouille 1956, "Notes on Bias
in Estimation", Biometrika 43; Tukey 1958, "Bias and Confidence in Not-quite Large Samples", Annals of Mathematical
Statistics 29): the items are dealt into k groups, and each look keeps its value with each group left out in turn. All
looks judge the same items and draw samples from the same noise, so that the jackknife is taken of the *difference* of
two looks, in which all that both share cancels. It costs no further sample and no further pass through the model, and
holds for any smooth statistic, be it a mean, its root or a Fréchet distance.

The rule has a mark: the last look that was better than the mark before it by more than the noise. So many small steps
that add up to more than the noise count as one. The run ends when PATIENCE looks in a row have not moved the mark.

Looks are not evenly spaced, as a long plan would then look too seldom, or a short run all the time: each comes a
sixteenth of the steps done after the last. So PATIENCE looks are always 1.6 times the steps that the mark took, at step
1,000 as at 100,000: power laws of learning improve by factors of the steps, and so the patience is one (as in Bengio
2012, "Practical Recommendations for Gradient-Based Training of Deep Architectures", arXiv:1206.5533, section 3.1, where
it grows with the step of the best). A look then costs its time per sixteenth of all training, however long it is.
"""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

GROUPS = 20  # of items that are left out in turn: the noise itself is known to 1 / √(2 · 19), a sixth
PATIENCE = 8  # looks in a row without an improvement
APART = 50  # steps between looks, at least
SHARE = 16  # looks are a 16th of the steps done apart
SURE = 0.95  # two-sided: a difference of that interval is noise
HIGH = 2.0  # a learning rate that many times its planned last one is still high,
LOW = 0.1  # above that share of its full value


class Look(NamedTuple):
    """What a checkpoint keeps of a look."""

    step: int
    value: float  # lower is better
    left_out: tuple[float, ...] = ()  # the value with each group of items left out


class Verdict(NamedTuple):
    """Why a run ends."""

    step: int
    mark: int  # the step of the last improvement
    noise: float  # what an improvement on it had to exceed, at the last look


def noise(one: Look, two: Look) -> float:
    """Half of the 95 % interval of the difference of two looks: Student's quantile with k - 1 degrees of freedom times
    the jackknife's standard error, √((k - 1)/k Σ (d_i - d̄)²). 0 where there are no groups: every improvement counts."""
    if len(one.left_out) != len(two.left_out) or len(one.left_out) < 2:
        return 0.0
    from scipy.special import stdtrit

    differences = [a - b for a, b in zip(one.left_out, two.left_out)]
    count = len(differences)
    mean = sum(differences) / count
    scatter = sum((d - mean) ** 2 for d in differences)
    return float(stdtrit(count - 1, (1 + SURE) / 2)) * sqrt((count - 1) / count * scatter)


def marked(looks: Sequence[Look]) -> Look:
    """The last look that improved on the mark before it by more than the noise; the first one is a mark."""
    mark = looks[0]
    for look in looks[1:]:
        if mark.value - look.value > noise(mark, look):
            mark = look
    return mark


def verdict(looks: Sequence[Look], since: int = 0) -> Verdict | None:
    """Why the run should end at its last look; None where it should not. Looks up to step `since`, where a person had
    the run go on, tire no patience."""
    if not looks:
        return None
    mark = marked(looks)
    if sum(look.step > max(mark.step, since) for look in looks) < PATIENCE:
        return None
    return Verdict(looks[-1].step, mark.step, noise(mark, looks[-1]))


def said(found: Verdict, planned: int, name: str) -> str:
    """The verdict in one line, with its evidence."""
    width = f"{found.noise:,.0f}" if found.noise >= 10 else f"{found.noise:.2g}"
    return (
        f"stopped at step {found.step:,} of {planned:,}: {name} has not improved by more than its noise (±{width}) "
        f"since step {found.mark:,}"
    )


def look_steps(until: int) -> set[int]:
    """Steps at which a run looks at itself: a function of the step alone, so that a run that was cut, or made longer,
    looks at the same steps. The last is `until`."""
    steps, step = {until}, APART
    while step < until:
        steps.add(step)
        step += max(APART, step // SHARE)
    return steps


def rate_note(pairs: Sequence[tuple[float, float]], step: int) -> str:
    """Of each update the factor on its learning rate (now, at the planned end): what to do where one is still high. ""
    where none is."""
    high = [(now, end) for now, end in pairs if now > max(LOW, HIGH * end)]
    if not high:
        return ""
    now, end = max(high)
    return (
        f"note: the learning rate was still at {now:.0%} of its full value and was planned to fall to {end:.0%}, which "
        f"often improves a model once more: a new run with --steps {step} goes all the way in as many steps"
    )
