"""What is left of items after a model has encoded and decoded them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from reverie.core import Items
from reverie.kinds.find import module
from reverie.kinds.table.codec import Codec
from reverie.metrics import likeness
from reverie.training.files import write, write_text

from . import heat
from .codes import able, blocks, decoded, encoded, files
from .explain import inputs
from .sheet import sheet, shown, stacked
from .vectors import raw_of
from .written import rows, save_table

if TYPE_CHECKING:
    from reverie.training.run import Run

COLUMNS, BANDS = 8, 3  # of the sheet: so many items side by side, and so many times
TEXTS = 200  # sentences on the sheet
VALUES = 1 << 20  # of pictures that are measured at a time: in float64, a few times over


@dataclass(frozen=True)
class Reconstruction:
    """`columns`: a row an item, or, of rows and series, a row a column. `mean`: of each number over all rows."""

    columns: dict[str, list[Any]]
    mean: dict[str, float]
    draw: Callable[[Path], object]  # writes the sheet
    sheet: str  # its file's name
    count: int  # items
    notes: list[str] = field(default_factory=list)

    def rows(self) -> list[dict[str, Any]]:
        return rows(self.columns)

    def save(self, folder: str | Path) -> list[Path]:
        """reconstruct.csv and the sheet. Raises NoRoom."""
        place = Path(folder)
        page = place / self.sheet
        self.draw(page)
        return [page, save_table(place / "reconstruct.csv", self.columns)]


def reconstruct(run: Run, places: Sequence[str]) -> Reconstruction:
    """Decode the code of every item of files, folders or named sets, and measure what changed: of pictures PSNR and
    SSIM, of rows and series the error of each column, of sentences the share of words that came back. Raises
    Problem."""
    able(run, "encode", "decode")
    unseen = files(run, places)
    found = of_items(run, unseen.items, unseen.names)
    found.notes[:0] = unseen.notes
    return found


def of_items(run: Run, items: Items, names: Sequence[str]) -> Reconstruction:
    """The same of items that are read already."""
    fields = decoded(run, encoded(run, items))
    what = inputs(run.spec)
    if what == "pictures":
        return pictures(items.raw(torch.arange(len(items))), run.codec.decode(fields), names)
    if what == "tokens":
        return sentences(run, items, fields, names)
    return numbers(run, items, fields)


# ------------------------------------------------------------------------------------------------------------- pictures


def pictures(true: np.ndarray, made: np.ndarray, names: Sequence[str]) -> Reconstruction:
    """A row a picture: PSNR, and SSIM where pictures are as large as its window."""
    columns: dict[str, list[Any]] = {"item": list(names)}
    notes = [
        f"PSNR and SSIM of {made.shape[1]}×{made.shape[2]}×{made.shape[3]} pictures as the run has them, all channels"
    ]
    psnr, ssim = (torch.cat(parts) for parts in zip(*(measured(true[k], made[k]) for k in cut(true))))
    columns["psnr_db"] = psnr.tolist()
    if ssim.isnan().all():
        notes.append(f"no SSIM: its window of {likeness.WINDOW} pixels is larger than the pictures")
    else:
        columns["ssim"] = ssim.tolist()
    mean = {name: fmean(values) for name, values in columns.items() if name != "item"}
    few = min(len(true), COLUMNS * BANDS)
    page = beside(true[:few], made[:few], columns["psnr_db"][:few])

    def draw(file: Path) -> None:
        write(file, lambda part: page.save(part, "PNG"))

    return Reconstruction(columns, mean, draw, "reconstruct.png", len(true), notes)


def measured(true: np.ndarray, made: np.ndarray) -> tuple[Tensor, Tensor]:
    ssim = likeness.ssim(made, true)
    return likeness.psnr(made, true), torch.full((len(true),), torch.nan) if ssim is None else ssim


def cut(pictures: np.ndarray) -> list[slice]:
    """Parts that bound memory."""
    size = max(1, VALUES // pictures[0].size)
    return [slice(first, first + size) for first in range(0, len(pictures), size)]


def beside(true: np.ndarray, made: np.ndarray, psnr: Sequence[float]) -> Any:
    """A page: original, reconstruction and error, COLUMNS items in a band. The deepest red is the largest error of the
    page."""
    wrong = np.abs(made.astype(np.float64) - true.astype(np.float64)).mean(3) / np.iinfo(true.dtype).max
    most = float(wrong.max())
    error = shown(heat.coloured(wrong / (most or 1.0)))
    names = ("original", "reconstruction", f"error, red: {most:.2f}")
    one, two = shown(true), shown(made)
    bands = []
    for first in range(0, len(true), COLUMNS):
        band = [list(each[first : first + COLUMNS]) for each in (one, two, error)]
        bands.append(sheet(band, names, [f"{p:.1f} dB" for p in psnr[first : first + COLUMNS]]))
    return stacked(bands)


# ------------------------------------------------------------------------------------------------------ rows and series


def numbers(run: Run, items: Items, fields: Mapping[str, Tensor]) -> Reconstruction:
    """A row a column: of numbers the root mean squared error in the data's unit, beside their deviation, which is the
    error of saying their mean; of categories the share that came back, beside that of the most frequent one."""
    found: list[tuple[str, str, float, float]] = []
    true, there = gathered(items, list(run.spec.fields))
    for name, one in run.spec.fields.items():
        if one.categories and not one.shape:
            often = float(true[name].bincount().max()) / len(true[name])
            right = float((true[name] == fields[name]).double().mean())
            found.append((name, "share right", right, often))
        elif not one.categories:
            unit = per_unit(run, name, one.shape)
            found += of_numbers(name, one.names, true[name] * unit, fields[name] * unit, there.get(name))
    heads = ("column", "measure", "value", "reference")
    columns = {head: list(values) for head, values in zip(heads, zip(*found))}
    few = raw_of(run, {name: value[:TEXTS] for name, value in fields.items()})

    def draw(file: Path) -> None:
        module(run.spec.kind).show(few, file)

    suffix = module(run.spec.kind).SHEET
    said = (
        "reference: of numbers their deviation (the error of saying the mean), of categories the most frequent's share"
    )
    return Reconstruction(columns, {}, draw, f"reconstruct-items{suffix}", len(items), [said])


def per_unit(run: Run, name: str, shape: tuple[int, ...]) -> Tensor:
    """The data's own units in one unit of what the model sees, of a field's last axis: () or (C,). Dates are counted in
    days; what can't be turned back, such as a molecule's numbers, stays as it is."""
    if isinstance(run.codec, Codec):
        return torch.tensor(run.codec.unit(name))
    ends = [run.codec.decode({name: torch.full((1, *shape), value)})[0] for value in (0.0, 1.0)]
    one, two = ([end[name] if isinstance(end, Mapping) else end] for end in ends)
    gap = torch.as_tensor(np.array(two, dtype=float) - np.array(one, dtype=float))[0]
    return gap[0] if gap.dim() == 2 else gap  # of a series: the same at every row


def of_numbers(
    name: str, channels: Sequence[str], true: Tensor, back: Tensor, there: Tensor | None
) -> list[tuple[str, str, float, float]]:
    wide = true.shape[-1] if true.dim() > 1 else 1
    a, b = (x.double().reshape(-1, wide) for x in (true, back))
    known = torch.ones_like(a, dtype=torch.bool) if there is None else there.reshape(-1, wide)
    named = channels if len(channels) == wide else [name] if wide == 1 else [f"{name} {k + 1}" for k in range(wide)]
    out = []
    for k, one in enumerate(named):
        x, y = a[known[:, k], k], b[known[:, k], k]
        if len(x):
            wrong = float((x - y).square().mean().sqrt())
            out.append((one, "rmse", wrong, float(x.std(correction=0))))
    return out


def gathered(items: Items, names: Sequence[str]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Encoded fields of all items, and which of their numbers are there."""
    found = [(batch, kept) for batch, kept in blocks(items)]
    values = {name: torch.cat([batch[name][:kept] for batch, kept in found]) for name in names}
    masks = {name: torch.cat([batch.masks[name][:kept] for batch, kept in found]) for name in found[0][0].masks}
    return values, masks


# ------------------------------------------------------------------------------------------------------------ sentences


def sentences(run: Run, items: Items, fields: Mapping[str, Tensor], names: Sequence[str]) -> Reconstruction:
    """A row a sentence: as the codec has it, what came back, and the share of its words that came back in place."""
    name, _ = run.spec.only
    batches = [batch.values[name][:kept] for batch, kept in blocks(items)]
    true = [text for tokens in batches for text in run.codec.decode({name: tokens})]
    made = [text if isinstance(text, str) else text[name] for text in run.codec.decode(dict(fields))]
    right = [in_place(a.split(), b.split()) for a, b in zip(true, made)]
    columns: dict[str, list[Any]] = {
        "item": list(names),
        "original": true,
        "reconstruction": made,
        "words_right": right,
    }
    pairs = [f"{a}\n{b}" for a, b in zip(true[:TEXTS], made[:TEXTS])]

    def draw(file: Path) -> None:
        write_text(file, "\n\n".join(pairs) + "\n")

    mean = {"words_right": fmean(right)}
    return Reconstruction(columns, mean, draw, "reconstruct.txt", len(true), ["of each pair the second line came back"])


def in_place(true: Sequence[str], made: Sequence[str]) -> float:
    """Share of places that hold the same word, over the longer of the two."""
    longest = max(len(true), len(made))
    return sum(a == b for a, b in zip(true, made)) / longest if longest else 1.0
