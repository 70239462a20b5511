"""Coarse parts of one item with fine parts of another. Karras, Laine & Aila 2019, arXiv:1812.04948, figure 3: styles of
a generator's first layers set pose and shape, those of its last colours and texture."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from reverie.core import Latents
from reverie.errors import Problem
from reverie.training.files import write

from .explain import inputs
from .latent import among, items_of, points
from .project import projected
from .sheet import sheet, shown
from .vectors import raw_of

if TYPE_CHECKING:
    from reverie.training.run import Run

MOST = 2_500  # mixtures on a page
THIRDS = ("coarse", "middle", "fine")


@dataclass(frozen=True)
class Mixture:
    """`raw`: a picture for each row and column, row by row: the row's item, with one part of its code from the
    column's."""

    raw: Any
    rows: Any  # the items of the rows
    columns: Any
    words: str  # which part is taken
    names: tuple[list[str], list[str]]  # of rows and columns
    notes: list[str] = field(default_factory=list)

    def save(self, file: str | Path) -> Path:
        """The grid, PNG. Raises NoRoom."""
        place, wide = Path(file), len(self.columns)
        down, across, made = shown(self.rows), shown(self.columns), shown(self.raw)
        grid = [[None, *across], *([down[i], *made[i * wide : (i + 1) * wide]] for i in range(len(down)))]
        page = sheet(grid, ["", *self.names[0]], [self.words, *self.names[1]])
        write(place, lambda part: page.save(part, "PNG"))
        return place


def mix(
    run: Run, a: str = "", b: str = "", *, part: str = "coarse", rows: int | None = None, columns: int | None = None,
    seed: int | None = None, steps: int = 0,
) -> Mixture:  # fmt: skip
    """A grid: each row's item with `part` (coarse | middle | fine, or K:L of the code's parts from 0) of each column's.
    a is the item of the one row, b that of the one column, files of one picture each, which are projected first (in
    `steps` steps); without them samples of a seed (0), for 4 rows and 6 columns. Raises Problem."""
    for name, value in (("rows", rows), ("columns", columns), ("seed", seed)):
        if (a or b) and value is not None:
            raise Problem(f"--{name} {value}: A is named, and nothing is drawn. Leave one of the two out")
    if steps and not (a or b):
        raise Problem(f"--steps {steps}: of a search for A and B, and samples need none. Leave it out, or name both")
    rows, columns, seed = (4 if rows is None else rows), (6 if columns is None else columns), seed or 0
    space, parts = divided(run)
    first, last = cut(part, parts)
    if inputs(run.spec) != "pictures":
        raise Problem(f"{run.path}: makes {run.spec.kind}, and only pictures are mixed. Name a run of pictures")
    if bool(a) != bool(b):
        raise Problem(f"{a or b}: mixed with what? Name two files, or none, which mixes samples")
    if rows < 1 or columns < 1:
        raise Problem(f"--rows {rows} --columns {columns}: give 1 or more of each")
    if rows * columns > MOST:
        raise Problem(f"--rows {rows} --columns {columns}: more than {MOST:,} mixtures, and a page holds no more")
    notes = []
    if a:
        made = projected(run, [a, b], space, steps)
        codes, given, rows, columns = made.codes, made.given, 1, 1
        notes = [*made.notes, *(f"{one['item']}: {one['psnr_db']:.1f} dB" for one in made.rows())]
        names = ([Path(a).stem], [Path(b).stem])
    else:
        codes, given = points(run, range(rows + columns), seed, space)
        names = ([f"sample {i}" for i in range(rows)], [f"sample {rows + j}" for j in range(columns)])
    mixed, told = crossed(codes, given, rows, parts, (first, last))
    items = raw_of(run, items_of(run, codes, given, space))
    words = f"{part}: {first}:{last} of {parts}"
    raw = raw_of(run, items_of(run, mixed, told, space))
    return Mixture(raw, items[:rows], items[rows:], words, names, notes)


def divided(run: Run) -> tuple[str, int]:
    """The space whose codes have parts, and how many. Raises Problem where there is none."""
    spaces = run.model.spaces if isinstance(run.model, Latents) else {}
    for name, parts in reversed(list(spaces.items())):  # the last is nearest to items
        if parts > 1:
            return name, parts
    raise Problem(
        f"{run.path}: the codes of {run.family.name} have no parts, coarse to fine. Train one whose codes do: "
        "fit --model stylegan2, or biggan"
    )


def cut(part: str, parts: int) -> tuple[int, int]:
    """From which part of a code to which: the thirds by name, or K:L. Raises Problem."""
    if part in THIRDS:
        k = THIRDS.index(part)
        ends = [round(parts * j / 3) for j in range(4)]
        return ends[k], max(ends[k] + 1, ends[k + 1])
    first, colon, last = part.partition(":")
    if colon and first.isdecimal() and last.isdecimal() and int(first) < int(last) <= parts:
        return int(first), int(last)
    raise Problem(f"--part {part}: give coarse, middle or fine, or K:L with 0 <= K < L <= {parts}")


def crossed(
    codes: Tensor, given: dict[str, Tensor], rows: int, parts: int, taken: tuple[int, int]
) -> tuple[Tensor, dict[str, Tensor]]:
    """Every row's code with some parts of every column's: (rows * columns, latents). A class is the row's."""
    cells, first, last = codes.view(len(codes), parts, -1), *taken
    across = len(codes) - rows
    i = torch.arange(rows).repeat_interleave(across)
    j = rows + torch.arange(across).repeat(rows)
    mixed = cells[i].clone()
    mixed[:, first:last] = cells[j][:, first:last]
    return mixed.flatten(1), among(given, i)
