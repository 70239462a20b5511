"""What a run that translates between domains shows and measures of itself at intervals."""

from __future__ import annotations

from importlib import import_module
from math import sqrt
from statistics import fmean
from typing import TYPE_CHECKING

import torch

from reverie.core import Codec, Items, Model, Spec
from reverie.tasks.turned import Turned, directions, sets, turned

if TYPE_CHECKING:
    from .measure import Measure

FEWEST = 2  # items that have a distribution
COUNT = 100  # held-out items of each domain, at most: each is translated twice


def look(model: Model, spec: Spec, codec: Codec, held_out: Items) -> dict[tuple[str, str], Turned]:
    """Held-out items of each domain in the other, and back."""
    found, apart = {}, sets(held_out)
    for source, to in directions(spec.domains):
        count = min(COUNT, len(apart[source]))
        if count:
            index = torch.arange(count) * len(apart[source]) // count
            found[source, to] = turned(model, codec, apart[source], index, source, to)
    return found


def measures(found: dict[tuple[str, str], Turned], spec: Spec, held_out: Items, parts: int) -> list[Measure]:
    """The distance of what was translated from held-out items of its new domain, by the kind's `cheap`, the mean of all
    directions; and what the way there and back costs."""
    from .measure import Measure, groups

    judge, apart = import_module(f"reverie.metrics.{spec.kind}"), sets(held_out)
    values, left_out = [], []
    for (_, to), one in found.items():
        count = min(len(one.there), len(apart[to]))
        if count < FEWEST:
            continue
        real = apart[to].raw(torch.arange(count) * len(apart[to]) // count)
        name, value = judge.cheap(real, one.there[:count])
        values.append((name, value))
        left_out.append(judge.left_out(real, one.there[:count], groups(count, parts)) if parts else [])
    if not found:
        return [Measure("nothing", 0.0)]
    wrong = torch.cat([one.error for one in found.values()]).square()
    cycle = Measure("cycle_rmse", sqrt(float(wrong.mean())))
    if not values:
        return [cycle]
    means = tuple(map(fmean, zip(*left_out)))
    return [Measure(values[0][0], fmean(value for _, value in values), means), cycle]
