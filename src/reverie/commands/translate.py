"""`reverie translate RUN FILES`: pictures of one domain as another has them."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reverie.errors import Problem
from reverie.terminal import Terminal

from .arguments import Parser
from .readers import one_of, text

HELP = "write pictures of one domain as the other has them: same names, format and size"
FILES = 6  # that are named in a terminal


def parser(words: Sequence[str]) -> Parser:
    made = Parser("translate", f"{HELP[0].upper()}{HELP[1:]}.")
    made.add_argument("run", metavar="RUN", help="a folder that `reverie fit A B` made")
    made.add_argument("files", metavar="FILES", nargs="+", help="pictures, or folders with all that is below them")
    to = "the domain that they are to become (default: by the name of the folder they lie in, the other one)"
    made.value("--to", text("--to"), to, metavar="DOMAIN")
    scale = "pictures of another size: scaled to the run's size and back, or pixel by pixel (default run)"
    made.value("--scale", one_of("--scale", ("run", "own")), scale, default="run")
    made.value("--out", text("--out"), "a new folder for the copies (default RUN/as-DOMAIN)", metavar="DIR")
    made.value(
        "--sheet", text("--sheet"), "a .png that shows the first ones: original, translated, back", metavar="FILE"
    )
    made.switch("--json", "print one JSON object, and nothing else, on standard output")
    return made


def run(args: Namespace, screen: Terminal) -> dict[str, Any]:
    from reverie.tasks.written import file_place
    from reverie.training.files import write
    from reverie.training.run import Run

    opened = Run.open(args.run)
    page = file_place("--sheet", args.sheet, (".png",), args.files) if args.sheet else None
    place = Path(args.out) if args.out else None
    if page and place and page.resolve().is_relative_to(place.resolve()):
        raise Problem(f"--sheet {page}: inside {place}, which is for the copies alone. Name another place")
    made = opened.translate(args.files, to=args.to or "", out=place or "", scale=args.scale)
    if page:
        write(page, lambda part: made.sheet.save(part, "PNG"))
    screen.tell(f"{opened.info['model']}: {len(made.files):,} pictures of {made.source} as {made.to}", *made.notes)
    files = [*([page] if page else []), *made.files]
    screen.files(files[:FILES])
    if len(files) > FILES:
        screen.tell(f"and {len(files) - FILES:,} more in {made.folder}")
    after = f"reverie evaluate {shlex.quote(str(opened.path))}"
    screen.tell(f"next: {after}")
    pictures = {"pictures": len(made.files), "source": made.source, "to": made.to, "out": made.folder}
    return {**pictures, "notes": made.notes, "files": files, "next": after}
