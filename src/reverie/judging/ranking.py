"""Which model is best, and how sure that is: pure functions of what judging found of each one's runs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import NamedTuple

from reverie.errors import listed
from reverie.metrics import Metric, student

from .counts import renamed
from .words import number


class Leading(NamedTuple):
    """A measure that models are ranked by."""

    prefix: str  # of its name; a sample size may follow
    words: str
    higher: bool  # is more better?


LEADING = (
    Leading("frechet", "Fréchet distance", False),
    Leading("fcd", "Fréchet ChemNet distance", False),
    Leading("bits_per_character", "bits a character", False),
    Leading("detection", "a classifier's area under the curve", False),
    Leading("autocorrelation", "difference of autocorrelations", False),
    Leading("bleu", "BLEU", True),
    Leading("accuracy", "accuracy", True),
    Leading("rmse", "root mean squared error", False),
    Leading("mse_standardised", "mean squared error of standardised values", False),
    Leading("nll_nats", "negative log-likelihood in nats", False),
)


class Span(NamedTuple):
    """A mean over runs with its 95 % interval, where one is known."""

    value: float
    low: float | None
    high: float | None
    runs: int

    def __str__(self) -> str:
        between = "" if self.low is None else f" ({number(self.low)} to {number(self.high)})"
        return f"{number(self.value)}{between}"


class Standing(NamedTuple):
    """A model's place. `worse` than the first: surely (True), not surely (False), or unknown for want of an interval
    (None); None too of the first itself."""

    rank: int
    model: str
    span: Span
    worse: bool | None


class Ranking(NamedTuple):
    measure: str  # the metric's whole name; "" where no model has one to be ranked by
    leading: Leading | None
    standings: list[Standing]  # best first


def mean(metrics: Sequence[Metric]) -> Span:
    """Over the runs of one model that differ by their training seed alone: the mean and Student's 95 % interval of it.
    Of one run the metric's own interval, which says nothing about other seeds."""
    values = [m.value for m in metrics]
    if len(values) == 1:
        return Span(values[0], metrics[0].low, metrics[0].high, 1)
    return Span(*student(values), len(values))


def means(runs: Sequence[Sequence[Metric]]) -> dict[str, Span]:
    """Of each measure that any of a model's runs has, in the order of the first that has it, whatever count of its own
    each run has in the measure's name."""
    found: dict[str, list[Metric]] = {}
    for metrics in renamed(runs):
        for metric in metrics:
            found.setdefault(metric.name, []).append(metric)
    return {name: mean(same) for name, same in found.items()}


def ranked(models: Mapping[str, Mapping[str, Span]]) -> Ranking:
    """Of each model's means. The measure is the one of `LEADING` that most models have, of equally many the first."""
    found = Counter[tuple[int, str]]()
    for spans in models.values():
        for name in spans:
            found.update((k, name) for k, one in enumerate(LEADING) if is_named(name, one))
    if not found:
        return Ranking("", None, [])
    place, measure = max(found, key=lambda one: (found[one], -one[0]))
    leading = LEADING[place]
    sign = -1 if leading.higher else 1
    have = {m: spans[measure] for m, spans in models.items() if measure in spans and isfinite(spans[measure].value)}
    order = sorted(have, key=lambda m: sign * have[m].value)  # stable: of equals the first that was named
    standings = [
        Standing(k + 1, m, have[m], surely_worse(have[m], have[order[0]], leading.higher) if k else None)
        for k, m in enumerate(order)
    ]
    return Ranking(measure, leading, standings)


def is_named(name: str, leading: Leading) -> bool:
    """`accuracy_1k`, but not a class's own `accuracy[cat]`."""
    return re.fullmatch(rf"{leading.prefix}(_\w+)?", name) is not None


def window(runs: Sequence[Sequence[Metric]], measure: str) -> str:
    """Of how many tokens the windows are in which a measure of a model's runs is taken; "" where there are none."""
    said = [re.search(r"windows of ([\d,]+) tokens", m.protocol) for one in runs for m in one if m.name == measure]
    return next((found[1] for found in said if found), "")


def surely_worse(one: Span, best: Span, higher: bool) -> bool | None:
    """Do the two intervals lie apart? None where one of them is not known."""
    if one.low is None or one.high is None or best.low is None or best.high is None:
        return None
    return one.high < best.low if higher else one.low > best.high


# ---------------------------------------------------------------------------------------------------------------- words


def verdict(
    ranking: Ranking,
    budget: str,
    troubles: Mapping[str, str],
    unranked: Sequence[str] = (),
    windows: Mapping[str, str] | None = None,
) -> list[str]:
    """The answer in a line, with its evidence; then what is missing for a surer one, and what went wrong. `budget`:
    "in 10 min"; `windows`: see `window`, by model."""
    said = [line if line.startswith(f"{model}: ") else f"{model}: {line}" for model, line in troubles.items()]
    return [answer(ranking, budget), *doubts(ranking, unranked, windows or {}), *said]


def answer(ranking: Ranking, budget: str) -> str:
    if not ranking.standings or ranking.leading is None:
        return "No model has a measure to be ranked by."
    first, *rest = ranking.standings
    evidence = f"{ranking.leading.words} {first.span}"
    if not rest:
        return f"{first.model} is the only model to rank {budget}: {evidence}."
    said = f"{first.model} is best for this data {budget}: {evidence}"
    groups = (
        (False, "is not surely worse", "are not surely worse"),
        (None, "is behind it", "are behind it"),
        (True, "is surely worse", "are surely worse"),
    )
    for worse, one, many in groups:
        names = [f"{s.model} with {s.span}" for s in rest if s.worse is worse]
        said += f"; {listed(names)} {one if len(names) == 1 else many}" if names else ""
    return f"{said}."


def doubts(ranking: Ranking, unranked: Sequence[str], windows: Mapping[str, str]) -> list[str]:
    """Why the order is less than sure."""
    out = []
    if any(s.worse is None for s in ranking.standings[1:]):
        out.append("Without an interval nobody knows whether such a difference is more than chance: pass --seeds 3.")
    elif len(ranking.standings) > 1 and min(s.span.runs for s in ranking.standings) == 1:
        out.append(
            "The intervals are of the measure, from one run a model, and say nothing about chance in training: pass "
            "--seeds 3."
        )
    own = {s.model: long for s in ranking.standings if (long := windows.get(s.model))}
    if len({*own.values()}) > 1:
        said = listed([f"{model}'s of {long} tokens" for model, long in own.items()])
        out.append(
            f"Text is scored in windows of different lengths ({said}): in a longer one more is known of what stood "
            "before, and a character costs less."
        )
    if unranked and ranking.measure:
        out.append(f"Without {ranking.measure}, and so without a rank: {', '.join(unranked)}.")
    return out
