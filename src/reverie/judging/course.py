"""How a run's training went, from its folder: how long, through how much data, and whether its measure still fell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import median
from typing import TYPE_CHECKING

from reverie.training.log import read

if TYPE_CHECKING:
    from reverie.training.run import Run

LEADING = (  # what looks measure first
    "held_out_nats", "held_out_rmse", "held_out_error", "frechet_cheap", "bigram_js", "rows_cheap", "windows_cheap",
    "progression_js",
)  # fmt: skip
FEW = 5  # looks below which a curve says nothing
GAIN, LOSS = 0.05, 0.1  # of the whole fall: what the last third must add to count, and what a rise must undo
SURE = 3  # times the noise between looks that a rise must exceed


@dataclass(frozen=True)
class Course:
    """`looks`: (step, value) of the measure that falls as the model learns."""

    step: int  # steps done
    usual: int  # steps that the model's set of values is usually trained
    passes: float  # through the training items
    measure: str = ""
    looks: Sequence[tuple[int, float]] = ()
    keeps_best: bool = False  # does the run end with the weights of its best look?

    @property
    def share(self) -> float:
        """Of the usual training."""
        return self.step / max(1, self.usual)

    @property
    def best(self) -> tuple[int, float]:
        return min(self.looks, key=lambda look: look[1])

    @property
    def noise(self) -> float:
        """Of a look in the second half: a deviation, by the median of second differences, which neither a steady trend
        nor one leap moves."""
        values = [value for _, value in self.looks[len(self.looks) // 2 :]]
        bends = [abs(a - 2 * b + c) for a, b, c in zip(values, values[1:], values[2:])]
        return median(bends) / (0.6745 * sqrt(6)) if bends else 0.0  # of normal values, whose second differences have 6

    @property
    def improving(self) -> bool:
        """Did the last third of the looks go on falling, by more than noise and a twentieth of all that was gained?"""
        values = [value for _, value in self.looks]
        if len(values) < FEW:
            return False
        cut = len(values) - len(values) // 3
        before, after = min(values[:cut]), min(values[cut:])
        return before - after > max(self.noise, GAIN * (max(values) - after))

    @property
    def flat(self) -> bool:
        """Were there looks enough to tell, and did they not fall any more?"""
        return len(self.looks) >= FEW and not self.improving

    @property
    def worsened(self) -> float:
        """How much of what was gained is lost again, where both last looks are surely above the best; else 0. The best
        of many looks is low by chance: the medians of three in a row are compared."""
        values = [value for _, value in self.looks]
        if len(values) < FEW:
            return 0.0
        smooth = [median(values[max(0, k - 1) : k + 2]) for k in range(len(values))]
        best, gained = min(smooth), values[0] - min(smooth)
        rise = min(*values[-2:], median(values[-3:])) - best
        lost = rise / gained if gained > 0 else float("inf")
        return lost if rise > SURE * self.noise and lost > LOSS else 0.0


def course(run: Run) -> Course:
    lines = read(run.path / "log.jsonl")
    info = run.info
    step = lines[-1]["step"] if lines else 0
    items = step * info["plan"]["batch"]
    names = [name for line in lines for name in line]
    measure = next((name for lead in LEADING for name in names if name.startswith(lead)), "")
    looks = [(line["step"], float(line[measure])) for line in lines if isinstance(line.get(measure), int | float)]
    return Course(
        step,
        info.get("default_steps", step),
        items / max(1, info["source"]["items"]),
        measure,
        looks,
        info["plan"].get("keep") == "best",
    )
