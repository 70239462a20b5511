"""Files of `reverie compress` -> items in files of their own kind."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os.path import isfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from reverie.errors import Problem
from reverie.kinds.find import module
from reverie.training.files import write

from .codes import able
from .entropy import Reader
from .packed import SUFFIX, Packed, inside, read, run_id

if TYPE_CHECKING:
    from reverie.training.run import Run


@dataclass(frozen=True)
class Restored:
    """What was made."""

    files: list[Path]
    notes: list[str]


def decompress(where: str | Path, *, run: Run | None = None, out: str | Path = "") -> Restored:
    """Every item of a file, or of all such files below a folder, into the folder `out` (default: beside them) under its
    own name. Without a run the one that made the first file is looked for around it and in runs/. Overwrites nothing.
    Raises Problem."""
    place = Path(where)
    files = found(place)
    parts = [read(file) for file in files]
    opened = run or maker(files[0], parts[0])
    able(opened, "compress")
    ours = run_id(opened.path)
    for file, part in zip(files, parts):
        if part.run != ours:
            others = f"made by another run ({part.run.hex()}{called(part)}), and {opened.path} is {ours.hex()}"
            raise Problem(f"{file}: {others}. Name its run by --run")
    folder = Path(out) if out else beside(place, parts)
    if folder.is_file():
        raise Problem(f"--out {folder}: a file of that name is there. Name a folder")
    names = [list(part.facts["names"]) if part.facts else [own(file, place)] for file, part in zip(files, parts)]
    return written(opened, parts, names, folder)


def written(run: Run, parts: Sequence[Packed], names: Sequence[list[str]], folder: Path) -> Restored:
    """Every item decoded and saved; what stands in the way is said before the first."""
    kind = module(run.spec.kind)
    safe = inside([name for some in names for name in some])
    targets = [folder / name for name in inside([kind.saved_as(name, run.codec) for name in safe])]
    there = next((file for file in targets if file.exists()), None)
    if there:
        raise Problem(f"{there}: there already, and nothing is overwritten. Name another folder by --out")
    made: list[Path] = []
    for part, some in zip(parts, names):
        for raw in unpacked(run, part, len(some)):
            for item in raw:
                target = targets[len(made)]
                content = kind.content(item, target.suffix)
                write(target, lambda path, content=content: path.write_bytes(content))  # type: ignore[misc]
                made.append(target)
    renamed = sum(target.suffix != Path(name).suffix for target, name in zip(targets, safe))
    note = f"{renamed:,} named .png: their own format loses pixels, or can't hold these" if renamed else ""
    return Restored(made, [note] if note else [])


@torch.inference_mode()
def unpacked(run: Run, part: Packed, count: int) -> Iterator[Any]:
    """Raw items, a block at a time. Raises Problem where the run can't be lossless."""
    model = able(run, "compress")
    reader, size = Reader(part.content), part.block
    for first in range(0, count, size):
        items = min(size, count - first)
        coding = model.coding(part.lossless)
        try:
            tables = next(coding)
            while True:
                tables = coding.send(reader.read(tables, items))
        except StopIteration as end:
            yield run.codec.decode(end.value)
        except ValueError as error:
            raise Problem(f"{run.path}: {error}") from error


# --------------------------------------------------------------------------------------------------------------- places


def found(place: Path) -> list[Path]:
    """The file, or all below the folder, by name."""
    if not place.is_dir():
        return [place]
    files = sorted(place.rglob(f"*{SUFFIX}"))
    if not files:
        raise Problem(f"{place}: no file that ends in {SUFFIX}. Name what `reverie compress` wrote")
    return files


def beside(place: Path, parts: Sequence[Packed]) -> Path:
    """Where items go: beside a file of one, else into a folder of their own beside what was named."""
    if place.is_dir():
        whole = place.resolve()
        return whole.with_name(f"{whole.name}-decompressed")
    return place.with_name(f"{place.stem}-decompressed") if parts[0].facts else place.parent


def own(file: Path, place: Path) -> str:
    """The name of the item of a file: its own, below the folder that was named, without the suffix."""
    name = file.relative_to(place).as_posix() if place.is_dir() else file.name
    return name.removesuffix(SUFFIX)


def called(part: Packed) -> str:
    """What a set says its run is called."""
    name = part.facts.get("run") if part.facts else None
    return f" {name}" if isinstance(name, str) else ""


def below(folder: Path) -> list[Path]:
    """What lies in a folder, by name; nothing of one that may not be read."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def maker(file: Path, part: Packed) -> Run:
    """The run that made a file: around the file, or in runs/. Raises Problem where none of them did."""
    from reverie.training.run import Run

    around = list(file.resolve().parents)
    for folder in (*around, *(run for place in (Path("runs"), *around[:3]) for run in below(place))):
        whole = isfile(folder / "run.json") and os.access(folder / "weights.safetensors", os.R_OK)
        if whole and run_id(folder) == part.run:
            return Run.open(folder)
    raise Problem(f"{file}: made by the run {part.run.hex()}{called(part)}, which is not here. Name it by --run")
