"""What each number of a code does: one is moved at a time, all others stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from reverie.core import Latents
from reverie.errors import Problem
from reverie.kinds.find import module
from reverie.metrics.embedding import FOLDS, carried
from reverie.training.files import write, write_text

from .codes import able, decoded, encoded, files
from .directions import DIMS, directions
from .explain import inputs
from .latent import space_of
from .sheet import sheet, shown
from .vectors import Known, Some, bare, evenly, known, raw_of
from .written import rows, save_table

if TYPE_CHECKING:
    from reverie.training.run import Run

MOST = 1_000  # values of a number
ITEMS = 2_000  # by whose codes the numbers are ordered and measured, at most


@dataclass(frozen=True)
class Traversal:
    """`raw`: items, those of the first moved number first, from its least to its largest value."""

    kind: str
    raw: Any
    latents: list[int]  # which numbers of the code are moved, the most used first
    shifts: list[float]  # of each row: deviations from the number's mean
    columns: dict[str, list[Any]]  # a row a moved number
    notes: list[str] = field(default_factory=list)

    def rows(self) -> list[dict[str, Any]]:
        return rows(self.columns)

    def save(self, file: str | Path) -> list[Path]:
        """The grid, and beside it the table of its rows: NAME-latents.csv. Raises NoRoom."""
        place = Path(file)
        if self.kind == "image":
            page = self.grid()
            write(place, lambda part: page.save(part, "PNG"))
        elif isinstance(self.raw[0], str):
            write_text(place, "\n\n".join(self.lines()) + "\n")
        else:
            module(self.kind).show(self.raw, place)
        return [place, save_table(beside(place), self.columns)]

    def grid(self) -> Any:
        many, wide = shown(self.raw), len(self.shifts)
        said = [f"tells {word}" for word in self.columns.get("told_best", ())] or [""] * len(self.latents)
        names = [f"{name} {word}".rstrip() for name, word in zip(self.columns["latent"], said)]
        grid = [list(many[i * wide : (i + 1) * wide]) for i in range(len(names))]
        return sheet(grid, names, [f"{t:+.1f}" for t in self.shifts])

    def lines(self) -> list[str]:
        """A block a moved number."""
        wide = len(self.shifts)
        return [
            "\n".join(
                [f"z{k}", *(f"{t:+.1f}  {said}" for t, said in zip(self.shifts, self.raw[i * wide : (i + 1) * wide]))]
            )
            for i, k in enumerate(self.latents)
        ]


def beside(page: Path) -> Path:
    """The table of a page's rows."""
    return page.with_name(f"{page.stem}-latents.csv")


def traverse(
    run: Run, item: str = "", *, dims: int = 0, reach: float = 3.0, steps: int = 9, space: str = ""
) -> Traversal:
    """Of the `dims` numbers of a code that vary most over the run's held-out items, each from `reach` deviations below
    its mean to `reach` above it, in `steps` values; all others are those of the item, else the mean of all codes. Where
    items have classes, what each number says of them. Of a model that has no encoder but whose samples come from codes,
    the same in such a `space` (`directions`). Raises Problem."""
    if steps < 2:
        raise Problem(f"--steps {steps}: too few to see a change. Give 2 or more")
    if steps > MOST:
        raise Problem(f"--steps {steps}: more items than a row of a page holds. Give {MOST:,} or fewer")
    if not reach > 0:
        raise Problem(f"--reach {reach:g}: not above 0. Give some, like --reach 3")
    if space or (isinstance(run.model, Latents) and "encode" not in run.family.abilities):
        return in_space(run, space_of(run, space), item, dims, torch.linspace(-reach, reach, steps))
    able(run, "encode", "decode")
    items = run.prepared.held_out if len(run.prepared.held_out) > 1 else run.prepared.train
    chosen = Some(items, evenly(len(items), ITEMS))
    whole = encoded(run, chosen)
    own = bare(run, whole)
    if dims > own.shape[1]:
        raise Problem(f"--dims {dims}: a code of {run.path} has {own.shape[1]} numbers. Give {own.shape[1]} or fewer")
    base, about, read = start(run, item, whole, own)
    deviation, mean = own.std(0), own.mean(0)
    latents = deviation.argsort(descending=True, stable=True)[: dims or min(DIMS, own.shape[1])].tolist()
    shifts = torch.linspace(-reach, reach, steps)
    codes = base.repeat(len(latents) * steps, 1)
    for i, k in enumerate(latents):
        codes[i * steps : (i + 1) * steps, k] = mean[k] + shifts * deviation[k]
    columns, notes = table(latents, own, known(run, chosen))
    where = "held-out" if items is run.prepared.held_out else "training"
    notes = [f"{about}; numbers are ordered by their deviation over {len(chosen):,} {where} items", *read, *notes]
    raw = raw_of(run, decoded(run, codes))
    if inputs(run.spec) == "columns":
        raw = [
            {"latent": f"z{latents[i // steps]}", "deviations": float(shifts[i % steps]), **row}
            for i, row in enumerate(raw)
        ]
    return Traversal(run.spec.kind, raw, latents, [round(t, 6) for t in shifts.tolist()], columns, notes)


def in_space(run: Run, space: str, item: str, dims: int, shifts: Tensor) -> Traversal:
    """Along directions of a space that samples come from."""
    found = directions(run, space, dims, item)
    columns = {"latent": found.names, "deviation": found.deviation.tolist(), "effect": found.effect.tolist()}
    raw = raw_of(run, found.moved(run, shifts))
    latents = list(range(len(found.names)))
    return Traversal(run.spec.kind, raw, latents, [round(t, 6) for t in shifts.tolist()], columns, found.notes)


def start(run: Run, item: str, whole: Tensor, own: Tensor) -> tuple[Tensor, str, Sequence[str]]:
    """The code that stays, what to say of it, and of how it was read."""
    if not item:
        base = whole.mean(0)
        base[own.shape[1] :] = whole[0, own.shape[1] :]  # a label that the code carries: no mixture of classes
        return base, "all other numbers stay at their mean", ()
    unseen = files(run, [item])
    if len(unseen.items) != 1:
        raise Problem(f"--item {item}: {len(unseen.items):,} items. Name a file of one")
    about = f"all other numbers stay as those of {unseen.names[0]}"
    return encoded(run, unseen.items)[0], about, unseen.notes


def table(latents: list[int], codes: Tensor, labels: Known | None) -> tuple[dict[str, list[Any]], list[str]]:
    """A row a moved number: its spread and, where items have classes, what it says of them."""
    columns: dict[str, list[Any]] = {
        "latent": [f"z{k}" for k in latents],
        "mean": [float(codes[:, k].mean()) for k in latents],
        "deviation": [float(codes[:, k].std()) for k in latents],
    }
    if labels is None or not labels.names:
        return columns, []
    counts = labels.values.bincount()
    there = (counts >= FOLDS).nonzero()[:, 0]
    kept = torch.isin(labels.values, there)
    if len(there) < 2:
        return columns, [f"no probe of {labels.name}: fewer than two classes have {FOLDS} items"]
    found = [carried(codes[kept, k].float(), labels.values[kept]) for k in latents]
    columns |= {
        "bits": [one.bits for one in found],
        "accuracy": [one.accuracy for one in found],
        "told_best": [labels.names[one.told] for one in found],
        "auc": [one.auc for one in found],
    }
    most = float(counts.max()) / int(counts.sum())
    note = (
        f"bits: mutual information with {labels.name}; accuracy: of a linear classifier that sees this number alone, "
        f"by {FOLDS} folds (always the most frequent: {most:.3f}); told_best: the class it tells best, by the area "
        "under the curve"
    )
    return columns, [note]
