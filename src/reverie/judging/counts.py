"""One name for a measure whose name holds a count that hangs on the samples drawn: pitch_class_js_1187 is the measure
that other samples have as pitch_class_js_1200."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from reverie.metrics import Metric

COUNTED = re.compile(r"(.+)_(\d+)(k?)")  # what `size_name` ends a name with; a class's own name ends with ]


def renamed(runs: Sequence[Sequence[Metric]]) -> list[list[Metric]]:
    """The same measures by one name each, that of the first run which has it; where its counts differ, the protocol
    says between what."""
    names = alike([[metric.name for metric in metrics] for metrics in runs])
    counts: dict[str, set[int]] = {}
    for mine in names:
        for own, name in mine.items():
            counts.setdefault(name, set()).add(split(own)[1])

    def told(metric: Metric, name: str) -> Metric:
        if len(found := counts[name]) == 1:
            return metric
        how = f"{metric.protocol}; the count in its name is {min(found):,} to {max(found):,} over all"
        return replace(metric, name=name, protocol=how)

    return [[told(metric, mine[metric.name]) for metric in metrics] for mine, metrics in zip(names, runs)]


def alike(runs: Sequence[Sequence[str]]) -> list[dict[str, str]]:
    """By run, the common name of each of its names. A name is another's only where it alone has its beginning in its
    run, and the other in the runs before: `distinct_2` is not `distinct_3`."""
    known, out = dict[str, str](), list[dict[str, str]]()  # a common name and its beginning
    for names in runs:
        fresh = Counter(split(name)[0] for name in names if name not in known)
        gone = [name for name in known if name not in names]
        mine = {}
        for name in names:
            first, count = split(name)
            same = [one for one in gone if count and known[one] == first]
            alone = name not in known and fresh[first] == 1 and len(same) == 1
            mine[name] = same[0] if alone else name
        known |= {name: split(name)[0] for name in mine.values()}
        out.append(mine)
    return out


def split(name: str) -> tuple[str, int]:
    """A name's beginning and its count; 0 where it has none, and another beginning than all names that have one."""
    found = COUNTED.fullmatch(name)
    return (found[1], int(found[2]) * (1000 if found[3] else 1)) if found else (f"{name} ", 0)
