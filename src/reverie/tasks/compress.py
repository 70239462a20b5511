"""Items as small files under a run's own probabilities: a file an item, or one for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from reverie.core import Batch, Compresses, Items, Tables
from reverie.errors import Problem
from reverie.kinds import COMPRESSED, Unseen
from reverie.kinds.find import located, module
from reverie.metrics.likeness import psnr
from reverie.training.files import write

from .codes import BLOCK, able, blocks
from .entropy import Writer
from .fresh import read
from .packed import SUFFIX, Packed, inside, run_id

if TYPE_CHECKING:
    from reverie.training.run import Run

NUMBERS = 1 << 20  # of a block, at most: their tables take some kilobytes each
Said = list[tuple[Tensor, Tables]]  # of each stage: numbers (B, n) and their tables


@dataclass(frozen=True)
class Compressed:
    """What was made."""

    files: list[Path]
    items: int
    bytes: int  # of all files
    pixels: int  # of all items; 0 where they have none
    psnr: float  # dB, the mean over items, of what comes back; inf where nothing is lost
    notes: list[str] = field(default_factory=list)

    @property
    def bits_per_pixel(self) -> float:
        return 8 * self.bytes / self.pixels if self.pixels else float("nan")


def compress(
    run: Run, files: Sequence[str], *, lossless: bool = False, together: bool = False, out: str | Path = ""
) -> Compressed:
    """Writes a file for each item, or with `together` one for all, to the folder or file `out` (default: the run's
    folder `compressed`). Items must have the run's own size and form. Overwrites nothing. Raises Problem."""
    able(run, "compress")
    found = as_they_are(run, files)
    single = {str(located(file)) for file in files}  # a file that was named itself has its own name, without folders
    names = inside([Path(name).name if name in single else name for name in found.names])
    places = targets(run, names, together, Path(out) if out else None)
    made, sizes, ratios = [], 0, list[float]()
    for k, (content, alike) in enumerate(packed(run, found.items, names, lossless, together)):
        write(places[k], lambda part, content=content: part.write_bytes(content))  # type: ignore[misc]
        made.append(places[k])
        sizes += len(content)
        ratios += alike
    count = len(found.items)
    mean = float(np.mean(ratios)) if ratios else float("nan")
    return Compressed(made, count, sizes, count * pixels(run), mean, list(found.notes))


def packed(
    run: Run, items: Items, names: Sequence[str], lossless: bool, together: bool
) -> Iterator[tuple[bytes, list[float]]]:
    """The content of each file, and the PSNR of each item in it."""
    model, mark = able(run, "compress"), run_id(run.path)
    writer, ratios, size = Writer(trim=False), list[float](), at_once(run)
    for number, (batch, kept) in enumerate(blocks(items, size)):
        said, back = coded(model, batch, kept, lossless)
        alike = likeness(run, items, back, number * size)
        if together:
            ratios += alike
            for symbols, tables in said:
                writer.write(symbols, tables)
            continue
        for i in range(kept):
            yield Packed(mark, lossless, alone(said, i)).to_bytes(), alike[i : i + 1]
    if together:
        facts = {"names": list(names), "run": run.path.name, "size": run.info["codec"].get("size")}
        facts |= {"block": size} if size != BLOCK else {}
        yield Packed(mark, lossless, writer.content(), facts).to_bytes(), ratios


@torch.inference_mode()
def coded(model: Compresses, batch: Batch, kept: int, lossless: bool) -> tuple[Said, dict[str, Tensor]]:
    """Every stage of the first `kept` items, and what comes back of them. Raises Problem where it can't be lossless."""
    device = next(model.parameters()).device  # type: ignore[attr-defined]
    try:
        numbers = [symbols[:kept].cpu() for symbols in model.symbols(batch.to(device), lossless)]
        stages, coding = Said(), model.coding(lossless)
        tables = next(coding)
        for symbols in numbers:
            stages.append((symbols, tables))
            tables = coding.send(symbols)
    except ValueError as error:
        raise Problem(f"{type(model).__name__.lower()}: {error}") from error
    except StopIteration as end:
        return stages, end.value
    raise AssertionError("the model has more stages than numbers")


def alone(said: Said, i: int) -> bytes:
    """The bytes of item i of a block."""
    writer = Writer()
    for symbols, tables in said:
        rows, low = (t if t.dim() == 1 else t[i : i + 1] for t in (tables.rows, tables.low))
        writer.write(symbols[i : i + 1], Tables(tables.frequencies, rows, low, tables.open))
    return writer.content()


def at_once(run: Run) -> int:
    """Items of a block: fewer of large ones, so that memory has a bound. A set says how many, as its stages take turns
    by blocks."""
    return max(1, min(BLOCK, NUMBERS // sum(field.size for field in run.spec.fields.values())))


def likeness(run: Run, items: Items, back: dict[str, Tensor], first: int) -> list[float]:
    """PSNR of each picture of the block from `first` on as it comes back, in dB; [] of items that are no pictures."""
    made = run.codec.decode(back)
    if not isinstance(made, np.ndarray):
        return []
    found: list[float] = psnr(made, np.asarray(items.raw(torch.arange(first, first + len(made))))).tolist()
    return found


# --------------------------------------------------------------------------------------------------------------- places


def as_they_are(run: Run, files: Sequence[str]) -> Unseen:
    """The items of files, none of them resized. Raises Problem where one is not of the run's size and form."""
    if not files:
        raise Problem("nothing to compress. Name files or folders after the run")
    if run.spec.kind not in COMPRESSED:
        raise Problem(f"{run.path}: {run.spec.kind} can't be compressed yet. Name a run of pictures")
    return read(run, files, module(run.spec.kind).unchanged)


def targets(run: Run, names: Sequence[str], together: bool, out: Path | None) -> list[Path]:
    """Where each file goes. Raises Problem where something is there already."""
    if together:
        place = out or run.path / "compressed" / f"set{SUFFIX}"
        places = [place / f"set{SUFFIX}" if place.is_dir() else place]
    elif out and len(names) == 1 and out.suffix == SUFFIX and not out.is_dir():
        places = [out]
    else:
        folder = out or run.path / "compressed"
        if folder.is_file():
            raise Problem(f"--out {folder}: a file of that name is there. Name a folder")
        places = [folder / f"{name}{SUFFIX}" for name in names]
    there = next((place for place in places if place.exists()), None)
    if there:
        raise Problem(f"{there}: there already, and nothing is overwritten. Name another place by --out")
    return places


def pixels(run: Run) -> int:
    """Of an item; 0 where it is no picture."""
    shapes = [one.shape for one in run.spec.fields.values()]
    return shapes[0][-1] * shapes[0][-2] if len(shapes) == 1 and len(shapes[0]) == 3 else 0
