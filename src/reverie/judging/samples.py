"""Judging what a run makes: its samples beside held-out items, or beside other data that a person names."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from math import inf
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from reverie.errors import Problem, listed
from reverie.kinds.find import module, open_source
from reverie.metrics import Metric, Sets, judge, student
from reverie.metrics.image.distribution import against
from reverie.metrics.image.seen import Seen
from reverie.training.written import read_options

from . import items, judges
from .counts import renamed

if TYPE_CHECKING:
    from reverie.training.run import Run

SHOWN, COMPARED, NEAREST = 64, 8, 3  # samples on the page; of which beside their neighbours; how many of those
SHARES = ("share", "share right", "area", "area under the ROC curve", "a change")  # units of what lies in [0, 1]
CHOOSING = ("test", "test_where", "order", "group")  # options that hold out items that are not drawn as training's are
CHOSEN = "chosen held-out"  # what such a part is called: tests that exchange both would accuse an honest model
PLENTY = 100_000  # training items among which copies are looked for, at most: more are thinned evenly, and it is said


@dataclass(frozen=True)
class Asked:
    """How samples are to be judged."""

    samples: int = 0  # 0: as many as the kind's measures say
    seed: int = 0
    seeds: int = 1  # sampling seeds: seed, seed + 1 …
    against: str = ""  # other data of the kind, in place of the held-out part
    extractor: Any = None  # a name, or an Extractor; None: the kind's default
    classifier: str = ""  # the folder of a run that predicts the same labels
    statistics: str = ""  # a file to keep the real side's statistics in, for others to judge by
    how: Mapping[str, Any] = field(default_factory=dict)  # fields of the model's Sampling, other than it has them


@dataclass(frozen=True)
class Beside:
    """A sample and the training items that it is most like."""

    sample: Any
    near: Sequence[Any]


@dataclass(frozen=True)
class Judged:
    metrics: list[Metric]
    shown: Any  # samples, the first of the seed: not chosen
    compared: list[Beside]  # the first of them
    nearest: list[Beside]  # of all samples that were judged, those that come nearest to a training item
    notes: list[str]


def judged(run: Run, asked: Asked) -> Judged:
    """Every measure of the kind, over as many sampling seeds as are asked for. Raises Problem."""
    kind = run.spec.kind
    measures = import_module(f"reverie.metrics.{kind}")
    own = vars(measures)  # what differs from one kind to another
    train, notes = run.prepared.train, []
    file = statistics_in(run, asked)
    real, other = (items.Parts([run.prepared.held_out]), "") if file else beside(run, asked)
    count = asked.samples or min(measures.SAMPLES, max(len(real), SHOWN))
    bank = items.Served(train, items.spread(len(train), own.get("PLENTY", PLENTY)))
    notes += [said] if "note" in own and (said := own["note"]()) else []
    if len(bank) < len(train):
        notes.append(f"copies were looked for among {len(bank):,} of the {len(train):,} training items, evenly spaced")
    sets = sets_of(run, asked, real, bank, count, own)
    choice = "" if other else chosen(run)
    sets = replace(sets, what=other or (CHOSEN if choice else "held-out"))
    if choice:
        said = f"{choice} chose what is held out, which is not drawn as training items are"
        notes.append(f"{said}: whether samples lie nearer to training items is not measured")
    if not file:  # statistics say nothing of it
        sets = replace(sets, untrained=items.drawn_untrained(run, min(count, own.get("UNTRAINED", count)), asked.seed))
    prepared = measures.prepare(sets)

    def measured(seen: Any) -> list[Metric]:
        return [against(seen, file)] if file else judge(kind, seen)

    found = measured(prepared)
    if asked.statistics:
        keep(prepared, asked.statistics, asked.against or run.info["source"]["where"])
    if asked.seeds > 1:
        rest = [
            measured(measures.prepare(replace(sets, **drawn(run, asked, count, seed)), prepared))
            for seed in range(asked.seed + 1, asked.seed + asked.seeds)
        ]
        each = [found, *rest]
        found = over_seeds(each)
        notes += left_out(each, found)
    if sets.asked is not None:
        found = [replace(one, protocol=f"{one.protocol}; classes as often as in training") for one in found]
    if asked.how:
        found = [replace(one, protocol=f"{one.protocol}; samples {told(asked.how)}") for one in found]
    if len(real) < measures.LEAST:
        notes.append(
            f"{len(real)} held-out items: too few to say how like the data samples are; it takes {measures.LEAST}. "
            "Keep more by --held-out"
        )
    elif count < measures.LEAST:
        notes.append(f"{count} samples: too few to judge by; it takes {measures.LEAST}. Ask for more by --samples")
    if len(train) < count:
        notes.append(
            f"the floor is of {len(train):,} training items, fewer than the {count:,} samples, and few items lie "
            "further from held-out ones by chance alone: samples may look to have come more of the way to the data "
            f"than they have. For as many on both sides: --samples {len(train)}"
        )
    shown, compared, nearest = pages(sets, prepared, kind)
    return Judged(found, shown, compared, nearest, notes)


def sets_of(run: Run, asked: Asked, real: items.Parts, bank: items.Served, count: int, own: Mapping[str, Any]) -> Sets:
    """So many samples, and what they are judged by: as many real items, or all where the kind says so."""
    train, judge_of = run.prepared.train, judges.classifier(run, asked.classifier)
    some = items.Served(train, items.spread(len(train), count))
    by = count if count < own.get("WHOLE", inf) else sys.maxsize
    return Sets(
        **drawn(run, asked, count, asked.seed),
        real=items.Served(real, items.spread(len(real), by)),
        beside=items.further(run.prepared.held_out, by),
        train=some,
        bank=bank,
        labels=some.labels(),
        classes=classes(run) or (judge_of.classes if judge_of else ()),
        extractor=judges.extractor(run, asked.extractor),
        classify=judge_of.classify if judge_of else None,
        judge=judge_of.name if judge_of else "",
    )


def pages(sets: Sets, prepared: Any, kind: str) -> tuple[Any, list[Beside], list[Beside]]:
    """Samples as a page shows them, the first of them beside training items, and those that come nearest to one."""
    measures, look = import_module(f"reverie.metrics.{kind}"), vars(module(kind)).get("pictured")
    some, bank = sets.train, sets.bank
    shown = sets.fake[np.arange(min(SHOWN, len(sets.fake)))]
    near = measures.neighbours(prepared, COMPARED, NEAREST)
    compared = [Beside(one, some[index.numpy()]) for one, index in zip(shown, near)]
    pairs = [(np.array([i]), np.array([j])) for i, j in measures.suspects(prepared, COMPARED)]
    nearest = [Beside(sets.fake[i][0], bank[j]) for i, j in pairs] if bank is not None else []
    if look is None:
        return shown, compared, nearest
    drawn_pairs = [[Beside(look([one.sample])[0], look(one.near)) for one in part] for part in (compared, nearest)]
    return look(shown), drawn_pairs[0], drawn_pairs[1]


def told(how: Mapping[str, Any]) -> str:
    """What is said of sampling options that were asked for."""
    return "drawn with " + listed([f"--{name.replace('_', '-')} {value}" for name, value in how.items()])


def drawn(run: Run, asked: Asked, count: int, seed: int) -> dict[str, Any]:
    """What hangs on the sampling seed, as fields of `Sets`."""
    return {
        "fake": items.drawn(run, count, seed, asked.how),
        "asked": items.conditions_of(run, count, seed),
        "seed": seed,
    }


def statistics_in(run: Run, asked: Asked) -> Path | None:
    """The file of statistics that --against names, where it names one. Raises Problem for what has none."""
    if not asked.against.endswith(".npz") or not is_statistics(Path(asked.against)):
        return None
    if run.spec.kind != "image":
        raise Problem(f"--against {asked.against}: statistics of pictures, and {run.path} makes {run.spec.kind}")
    return Path(asked.against)


def is_statistics(file: Path) -> bool:
    """An .npz may also hold pictures; an .npy is one array."""
    try:
        with np.load(file, allow_pickle=False) as found:
            return "scatter" in found
    except (OSError, ValueError, TypeError, EOFError, BadZipFile):
        return False


def keep(seen: Any, where: str, source: str) -> None:
    """The real side's statistics, for other programs and machines. Raises Problem for what has none, NoRoom."""
    if not isinstance(seen, Seen):
        raise Problem(f"--statistics {where}: only pictures have feature statistics. Leave it out")
    replace(seen.all_real.statistics, source=Path(source).name).save(Path(where))


def beside(run: Run, asked: Asked) -> tuple[items.Parts, str]:
    """What samples are judged by; and what that is, where it is other data than the run's own."""
    if not asked.against:
        return items.Parts([run.prepared.held_out]), ""
    options = read_options(run.info["source"]["options"])
    plain = replace(options, attributes=(), test="", test_where="", fold="", group="", order="")  # all that is there
    source = open_source(asked.against, plain)
    if source.kind != run.spec.kind:
        raise Problem(f"--against {asked.against}: {source.kind}, and {run.path} makes {run.spec.kind}. Name such data")
    prepared = source.prepare(tuple(run.info["source"]["size"]))
    ours, theirs = run.spec, prepared.codec.spec
    if [*ours.fields] != [*theirs.fields] or (ours.kind == "image" and ours.only[1].shape != theirs.only[1].shape):
        raise Problem(f"--against {asked.against}: items of another form than {run.path} makes. Name such as it learnt")
    whole = items.Parts([prepared.train, prepared.held_out])  # how other data would be split does not matter
    return whole, f"given ({Path(asked.against).name})"


def chosen(run: Run) -> str:
    """The options by which a person chose the held-out part; "" where it was drawn, or is the data's own."""
    options = run.info["source"]["options"]
    return listed([f"--{name.replace('_', '-')}" for name in CHOOSING if options.get(name)])


def classes(run: Run) -> tuple[str, ...]:
    label = run.spec.condition.get("label")
    return judges.named(label) if label else ()


def over_seeds(found: Sequence[Sequence[Metric]]) -> list[Metric]:
    """Of each measure that every seed has, the mean and Student's 95 % interval over seeds, within [0, 1] of a share;
    p is twice the median of theirs, which holds however the seeds' tests hang together (Rüschendorf 1982, "Random
    Variables with Maximum Sums")."""
    named = [{metric.name: metric for metric in one} for one in renamed(found)]
    out = []
    for name, first in named[0].items():
        if not all(name in one for one in named):
            continue
        middle, low, high = student([one[name].value for one in named])
        how = f"{first.protocol}; mean of {len(named)} sampling seeds, 95 % Student interval over them"
        if first.unit in SHARES:
            low, high = max(0.0, low), min(1.0, high)
        tests = [one[name].p for one in named]
        known = [p for p in tests if p is not None]
        p = min(1.0, 2 * median(known)) if len(known) == len(tests) else None
        how += "; p: twice the median of theirs" if p is not None else ""
        out.append(replace(first, value=middle, low=low, high=high, p=p, protocol=how))
    return out


def left_out(found: Sequence[Sequence[Metric]], kept: Sequence[Metric]) -> list[str]:
    """A note on the measures that some seeds have and some lack."""
    there = {metric.name for metric in kept}
    gone = dict.fromkeys(m.name for one in renamed(found) for m in one if m.name not in there)
    return [f"left out, as not each of the {len(found)} sampling seeds has it: {listed([*gone])}"] if gone else []
