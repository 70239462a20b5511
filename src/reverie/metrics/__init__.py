"""Measures: pure functions of raw items, or of their features. One package a kind that has measures, named as the kind:

    SAMPLES: int                               how many items are judged where nobody says
    prepare(sets: Sets, like=None) -> Any      what its measures share, such as features; computed when first read.
                                               `like`: what was prepared of the same sets but for the samples
    LEAST: int                                 items on either side below which sets can't be compared
    neighbours(prepared, count, k) -> Tensor   (count, k): which of `train` each of the first samples is most like
    suspects(prepared, count) -> [(i, j), …]   the samples nearest to a training item, and which that is in the bank
    cheap(real, fake) -> (name, value)         what a run watches while it trains; lower is better
    left_out(real, fake, groups) -> list[float] the same without each group of items: its noise comes of it
    spread(real, fake) -> float                how varied samples are beside data: 1 as data, 0 all alike
and, where they differ from what other kinds have,
    WHOLE: int                                 samples from which on all held-out items are judged by, not as many
    PLENTY: int                                training items among which copies are looked for, at most
    UNTRAINED: int                             samples of the untrained model, at most
    note() -> str                              what can't be measured here, and the cure; "": nothing

Each other module of the package that has `measure(prepared) -> list[Metric]` is found and called, in the order of their
names: adding a measure is adding a file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from importlib import import_module
from math import sqrt
from pkgutil import iter_modules
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from reverie.shown import shown

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

Z = 1.959964  # of a 95 % interval


@dataclass(frozen=True)
class Metric:
    """One number with all that moves it. `low` and `high` bound a 95 % interval, `floor` is what real data scores
    against real data, `reference` a baseline that the protocol names."""

    name: str  # with the unit or the sample size that its values depend on: kid_2k, nll_nats_is50
    value: float
    unit: str
    samples: int  # generated items, or held-out ones where the model is scored on them
    protocol: str
    low: float | None = None
    high: float | None = None
    floor: float | None = None
    reference: float | None = None
    p: float | None = None  # of the test that the protocol names

    def to_json(self) -> dict[str, Any]:
        """Without what does not apply."""
        return {k: v for k, v in asdict(self).items() if v is not None}


@runtime_checkable
class Rows(Protocol):
    """A set of raw items: pictures as an array (N, H, W, C), or what serves them in parts from where they are kept."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: np.ndarray) -> Any:
        """The items at index (B,), in the data's own form: (B, H, W, C), or a list of texts."""
        ...


@dataclass(frozen=True)
class Sets:
    """What samples are judged by."""

    fake: Rows  # generated items
    real: Rows  # held out from training, or other data that was named
    train: Rows  # training items, about as many: what they score in the samples' place is the floor
    beside: Mapping[str, Rows] = field(default_factory=dict)  # further held-out parts, each for a purpose of its own
    bank: Rows | None = None  # all training items: what could have been copied
    untrained: Rows | None = None  # samples of the model as it was before its first step
    labels: Any = None  # (N,) int64 numpy: the classes of `train`, where it has classes
    classes: tuple[str, ...] = ()  # their names; where it has none, those of the judge that is named
    seed: int = 0  # of the measures' own chance
    extractor: Any = None  # of features; None: the kind's default
    what: str = "held-out"  # what `real` is; "held-out": drawn as `train` is, or the data's own part
    classify: Callable[[Any], Any] | None = None  # raw items -> probabilities (N, classes): a judge of one's own
    judge: str = ""  # its name, for the protocol
    asked: Any = None  # (N,) the class that each sample was asked for, of a model that takes one


def share(made: Any, like: Any, names: Sequence[str]) -> None:
    """What `like` has computed already of those cached properties, `made` has too."""
    if like is not None:
        vars(made).update({name: vars(like)[name] for name in names if name in vars(like)})


def repeated(keys: Iterable[Hashable]) -> int:
    """How many items are another of them, by a key of each that is the same for such."""
    return sum(n for n in Counter(keys).values() if n > 1)


def without(
    cheap: Callable[[Any, Any], tuple[str, float]], real: Sequence[Any], fake: Sequence[Any], groups: Sequence[Tensor]
) -> list[float]:
    """A kind's `cheap` of items that are a list, without each of the groups, index sets into both, in turn."""
    found = []
    for group in groups:
        gone = set(group.tolist())
        kept = [[item for i, item in enumerate(items) if i not in gone] for items in (real, fake)]
        found.append(cheap(*kept)[1])
    return found


def evenly(count: int, most: int) -> np.ndarray:
    """The numbers of at most so many of `count` items, evenly spaced: sets are often sorted by class."""
    import numpy as np

    taken = min(count, most)
    return np.arange(taken) * count // max(1, taken)


BLOCK = 512  # raw items at a time: bounds memory


def blocks(rows: Rows | list[Any], size: int = BLOCK, what: str = "") -> Iterator[Any]:
    """Raw items in order, a block at a time. `what`: how the work on them is called where it takes long."""
    import numpy as np

    with shown(len(rows), what) if what else nullcontext() as advance:
        for begin in range(0, len(rows), size):
            end = min(begin + size, len(rows))
            yield rows[begin:end] if isinstance(rows, list) else rows[np.arange(begin, end)]
            if advance:
                advance(end - begin)


@lru_cache
def measures(kind: str) -> tuple[Callable[[Any], list[Metric]], ...]:
    """Every measure of a kind: the modules of its package that have one, in the order of their names."""
    package = import_module(f"reverie.metrics.{kind}")
    names = sorted(m.name for m in iter_modules(package.__path__))
    found = [import_module(f"reverie.metrics.{kind}.{name}") for name in names]
    return tuple(module.measure for module in found if "measure" in vars(module))


def judge(kind: str, prepared: Any) -> list[Metric]:
    """All that the kind's measures say of samples, from what its `prepare` made of their `Sets`."""
    return [metric for measure in measures(kind) for metric in measure(prepared)]


def size_name(count: int) -> str:
    """10000 -> 10k, 1234 -> 1234: sample sizes in names."""
    return f"{count // 1000}k" if count >= 1000 and count % 1000 == 0 else str(count)


def student(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean of two or more independent values, and the ends of its 95 % interval. Student 1908."""
    from scipy.stats import t

    middle = fmean(values)
    half = float(t.ppf(0.975, len(values) - 1)) * stdev(values) / sqrt(len(values))
    return middle, middle - half, middle + half


def wilson(hits: float, count: int) -> tuple[float, float]:
    """95 % interval of a share, from hits of count independent trials. Wilson 1927."""
    if count < 1:
        raise ValueError(f"{count} trials: an interval needs at least one")
    share = hits / count
    middle = (share + Z * Z / (2 * count)) / (1 + Z * Z / count)
    half = Z / (1 + Z * Z / count) * sqrt(share * (1 - share) / count + Z * Z / (4 * count * count))
    return (max(0.0, middle - half) if hits else 0.0), (min(1.0, middle + half) if hits < count else 1.0)
