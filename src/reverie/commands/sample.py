"""`reverie sample RUN`: files of the data's own kind, and a sheet that shows many at once."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from reverie.errors import Problem
from reverie.terminal import Terminal

from .arguments import Parser, add_drawing, drawing, given_fields, played
from .readers import assigned, text, whole

HELP = "make items with a run's model"
AT_ONCE = 128  # items in memory: two of the blocks that a network makes, and what the sheet shows
SHOWN = 100  # items on the sheet, at most


def parser(words: Sequence[str]) -> Parser:
    """The sampling options of the run's model are flags too."""
    made, family = drawing(
        "sample", f"{HELP[0].upper()}{HELP[1:]}. Item i is a function of (seed, i), whatever -n.", words
    )
    made.add_argument("run", metavar="RUN", help="a folder that `reverie fit` made")
    made.value("-n", whole("-n", 1), "how many (default 64)", default=64)
    made.value("--seed", whole("--seed", 0), "of all chance (default 0)", default=0)
    told = "attributes, of a model that was told some; what is not asked for is as in some training item"
    made.value("--attribute", assigned("--attribute"), told)
    made.value(
        "--out",
        text("--out"),
        "folder for the files (default RUN/samples/seed-S, and what is asked for)",
        metavar="DIR",
    )
    made.value("--grid", text("--grid"), "file that shows them on one page (default: beside DIR)", metavar="FILE")
    made.switch("--wav", "of music: also as sound, a .wav beside each .mid")
    add_drawing(made, family)
    return made


def run(args: Namespace, screen: Terminal) -> dict[str, Any]:
    from reverie.core import Says
    from reverie.kinds.find import module
    from reverie.training.run import Run

    opened = Run.open(args.run)
    kind = module(opened.spec.kind)
    if args.wav:
        played(opened.spec.kind)
    folder, grid = places(args, opened.path, kind.SHEET)
    screen.tell(f"{opened.info['model']}, {opened.info['source']['where']}: {args.n:,} samples, seed {args.seed}")
    if isinstance(opened.model, Says):
        screen.tell(f"note: {opened.model.said()}")
    files = written(args, opened, kind, folder, grid)
    screen.tell(f"wrote {files[0]} … {files[-1].name}" if len(files) > 1 else f"wrote {files[0]}")
    screen.files([grid])
    after = f"reverie evaluate {shlex.quote(str(opened.path))}"
    screen.tell(f"next: {after}")
    return {"files": files, "grid": grid, "samples": args.n, "seed": args.seed, "next": after}


def places(args: Namespace, run: Path, suffix: str) -> tuple[Path, Path]:
    """Folder of the files, and the sheet. A folder that holds other things is left alone, and a file that is there."""
    from reverie.tasks.written import beside, free, free_beside

    if args.out:
        folder = Path(args.out)
        if folder.exists() and not folder.is_dir():
            raise Problem(f"--out {folder}: a file of that name is there. Name a folder")
        if folder.is_dir() and any(folder.iterdir()):
            raise Problem(f"--out {folder}: not empty, and samples overwrite nothing. Name another folder")
    else:
        told = ",".join(f"{name}={value:g}" for name, value in (args.attribute or {}).items())
        how = ",".join(f"{name}={value}" for name, value in given_fields(args).items())
        asked = ["".join(c if c.isalnum() else "-" for c in word or "") for word in (args.label, told, how)]
        parts = [f"seed-{args.seed}", *asked]
        folder = run / "samples" / "-".join(filter(None, parts))
    grid = Path(args.grid) if args.grid else beside(folder, f"-grid{suffix}")
    if grid.is_dir():
        raise Problem(f"--grid {grid}: a folder of that name is there. Name a file")
    if args.grid:
        return folder, free("--grid", grid)
    return folder, free_beside(folder, grid) if args.out else grid


def written(args: Namespace, opened: Any, kind: ModuleType, folder: Path, grid: Path) -> list[Path]:
    """Block by block: memory holds one block and what the sheet shows."""
    from reverie.tasks.sample import draw

    how, files, old = given_fields(args), list[Path](), not args.out and folder.is_dir()
    for first in range(0, args.n, AT_ONCE):
        count = min(AT_ONCE, args.n - first)
        raw = draw(
            opened, count, seed=args.seed, label=args.label or "", attributes=args.attribute, how=how, first=first
        )
        if not first:
            for stale in folder.glob("*-*") if old else []:  # of an earlier, larger -n in the run's own folder
                stale.unlink()
            kind.show(raw[:SHOWN], grid)
        files += (made := kind.save(raw, folder, first))
        files += kind.play(raw, made) if args.wav else []
    return files
