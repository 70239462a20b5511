"""`reverie denoise RUN FILES`: clean copies of pictures."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reverie.errors import Problem
from reverie.terminal import Terminal

from .arguments import Parser
from .readers import text

HELP = "write clean copies of pictures: same names, format and size"
FILES = 6  # that are named in a terminal


def parser(words: Sequence[str]) -> Parser:
    made = Parser("denoise", f"{HELP[0].upper()}{HELP[1:]}.")
    made.add_argument("run", metavar="RUN", help="a folder that `reverie fit` made, best of a model that denoises")
    made.add_argument("files", metavar="FILES", nargs="+", help="pictures, or folders with all that is below them")
    made.value("--out", text("--out"), "a new folder for the copies (default RUN/denoised)", metavar="DIR")
    made.value("--sheet", text("--sheet"), "a .png that shows the first ones, before and after", metavar="FILE")
    made.switch("--json", "print one JSON object, and nothing else, on standard output")
    return made


def run(args: Namespace, screen: Terminal) -> dict[str, Any]:
    from reverie.tasks.written import file_place
    from reverie.training.files import write
    from reverie.training.run import Run

    opened = Run.open(args.run)
    folder = Path(args.out) if args.out else opened.path / "denoised"
    page = file_place("--sheet", args.sheet, (".png",), args.files) if args.sheet else None
    if page and page.resolve().is_relative_to(folder.resolve()):
        raise Problem(f"--sheet {page}: inside {folder}, which is for the copies alone. Name another place")
    made = opened.denoise(args.files, folder)
    if page:
        write(page, lambda part: made.sheet.save(part, "PNG"))
    screen.tell(f"{opened.info['model']}: {len(made.files):,} pictures cleaned", *made.notes)
    files = [*([page] if page else []), *made.files]
    screen.files(files[:FILES])
    if len(files) > FILES:
        screen.tell(f"and {len(files) - FILES:,} more in {folder}")
    after = f"reverie reconstruct {shlex.quote(str(opened.path))} {shlex.quote(args.files[0])}"
    screen.tell(f"next: {after}")
    return {"pictures": len(made.files), "out": folder, "notes": made.notes, "files": files, "next": after}
