"""What data looks like and how a model is trained, as plain values. Imports no torch, so that `--help`, `models` and
argument errors answer at once; `core` passes everything here on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from math import ceil, prod
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

PRECISIONS = ("float32", "bf16", "auto")
STOPS = ("never", "auto")  # when a run ends before its planned end; auto: when it no longer improves
SMALLEST = 16  # items of a batch that is made smaller


@dataclass(frozen=True)
class Field:
    """One named tensor of an item: numbers in [low, high], or one of `categories` integers."""

    shape: tuple[int, ...]  # of one item: (C, H, W) of a picture, (T,) of tokens, () of a label
    low: float = -1.0
    high: float = (
        1.0  # of numbers without bounds, low and high are 0, and the codec has given them mean 0 and deviation 1
    )
    levels: int = 0  # the numbers lie on a grid of that many values (256: 8 bits); 0: continuous
    categories: int = 0  # > 0: integers in [0, categories), and low, high, levels mean nothing
    names: tuple[str, ...] = ()  # of the categories, or of the last axis of numbers, where they have names
    length: bool = False  # the first axis is ragged, at most shape[0]; `Batch.lengths` says how long each item is
    start: int | None = None  # of tokens that are written: the one before the first; where `length`, 0 ends and fills
    missing: bool = False  # some values are not there: `Batch.masks` says which are
    rate: int = 0  # of a sound: samples a second
    drawn: tuple[tuple[float, ...], ...] = ()  # of a condition of numbers: what training items have, for samples

    @property
    def size(self) -> int:
        """How many numbers one item has."""
        return prod(self.shape)

    def to_unit(self, x: Tensor) -> Tensor:
        """[low, high] -> [0, 1]."""
        return (x - self.low) / (self.high - self.low)

    def from_unit(self, x: Tensor) -> Tensor:
        """[0, 1] -> [low, high]."""
        return x * (self.high - self.low) + self.low


@dataclass(frozen=True)
class Spec:
    """What one encoded item looks like. Names are unique over fields, condition and target."""

    kind: str  # "image", "text", …
    fields: Mapping[str, Field]
    condition: Mapping[str, Field] = field(default_factory=dict)  # what a model may be told: {"label": …, …}
    target: Mapping[str, Field] = field(default_factory=dict)  # what a predictor predicts
    domains: tuple[str, ...] = ()  # unpaired sets with the same fields: ("photo", "painting")

    @property
    def only(self) -> tuple[str, Field]:
        """Name and field of an item that has one field."""
        if len(self.fields) != 1:
            raise ValueError(f"an item has the fields {list(self.fields)}: this model takes exactly one")
        return next(iter(self.fields.items()))

    @property
    def predicted(self) -> tuple[str, Field]:
        """Name and field of what a predictor says: the target, else the label."""
        found = dict(self.target) or {k: v for k, v in self.condition.items() if k == "label"}
        if len(found) != 1:
            raise ValueError("no classes, and nothing else to predict. Put each class in a folder, or pass --predict")
        return next(iter(found.items()))

    @property
    def classes(self) -> int:
        """How many classes the label has; 0 without labels."""
        label = self.condition.get("label") or self.target.get("label")
        return label.categories if label else 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Spec:
        def one(values: Mapping[str, Any]) -> Field:
            drawn = tuple(map(tuple, values.get("drawn", ())))
            return Field(**{**values, "shape": tuple(values["shape"]), "names": tuple(values["names"]), "drawn": drawn})

        def read(fields: Mapping[str, Any]) -> dict[str, Field]:
            return {k: one(v) for k, v in fields.items()}

        groups = {k: read(data[k]) for k in ("fields", "condition", "target")}
        return Spec(data["kind"], **groups, domains=tuple(data["domains"]))


@dataclass(frozen=True)
class At:
    """Where training stands: what a schedule is a function of."""

    step: int  # steps done before this one
    items: int  # items seen before this step, by each update
    steps: int  # steps that the schedule was planned for; an extended run goes beyond it
    shard: int = 0  # whose loss is asked for: the row of state that belongs to a shard

    @property
    def progress(self) -> float:
        """0 at the first step, 1 at the planned end and beyond it."""
        return min(1.0, self.step / max(1, self.steps))


@dataclass(frozen=True)
class Training:
    """How a Config's named set is trained, where the person says nothing else."""

    batch: int = 64  # items an update, over all shards
    steps: int = 5000
    passes: int = 0  # through the items: as many steps as these take, at most `steps`; 0: `steps`, however few they are
    row_passes: int = 0  # in place of `passes` for rows of a table, which a network soon knows by heart; 0: `passes`
    pass_steps: int = 0  # that a pass takes, at least: of few items a batch is smaller; 0: always `batch`
    clip: float = 0.0  # largest norm of an update's gradient; 0: as it is
    ema_items: float = 0.0  # half-life of the averaged weights, in items; 0: no averaging
    precision: str = "float32"  # of matrix products; auto: bf16 where the device is made for it
    keep: str = "last"  # last | best: whose weights a run ends with, by its measure on data kept from training
    size: tuple[int, ...] = ()  # of an item: (H, W) of pictures, (tokens,) of text; (): the data's own
    spec: Spec | None = None  # the paper's, for counting parameters without data

    def of(self, items: int, kind: str = "") -> Training:
        """The same for so many items of a kind, with the batch and the steps that `passes` and `pass_steps` make of
        them. A batch keeps at least `SMALLEST` items: below that a step costs as much and says less."""
        batch, steps = self.batch, self.steps
        passes = (self.row_passes if kind == "table" else 0) or self.passes
        if self.pass_steps:
            batch = min(batch, max(SMALLEST, items // self.pass_steps))
        if passes:
            steps = max(1, min(steps, ceil(passes * items / batch)))
        return replace(self, batch=batch, steps=steps, passes=passes)


class Named(NamedTuple):
    """What a named set of a Config is: `Config.paper()` and the like return it."""

    config: Any
    training: Training
