"""`reverie mix RUN A B`: coarse parts of one item with fine parts of another."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from reverie.terminal import Terminal

from .arguments import Parser
from .readers import text, whole

HELP = "mix coarse parts of one item with fine parts of another"


def parser(words: Sequence[str]) -> Parser:
    made = Parser("mix", f"{HELP[0].upper()}{HELP[1:]}: a grid.")
    made.add_argument("run", metavar="RUN", help="a folder that `reverie fit` made, of stylegan2 or biggan")
    made.add_argument("a", metavar="A", nargs="?", default="", help="a picture; without A and B samples are mixed")
    made.add_argument("b", metavar="B", nargs="?", default="", help="a picture, of which one part is taken")
    thirds = "what is taken of B, or of each column: coarse, middle, fine, or parts K:L of the code (default coarse)"
    made.value("--part", text("--part"), thirds, default="coarse", metavar="P")
    made.value("--rows", whole("--rows", 1), "samples down the side (default 4)")
    made.value("--columns", whole("--columns", 1), "samples along the top (default 6)")
    made.value("--seed", whole("--seed", 0), "of the samples (default 0)")
    made.value("--steps", whole("--steps", 1), "of the search for the codes of A and B (default 1000)")
    made.value("--out", text("--out"), "the grid (default RUN/mix-PART.png)", metavar="FILE")
    made.switch("--json", "print one JSON object, and nothing else, on standard output")
    return made


def run(args: Namespace, screen: Terminal) -> dict[str, Any]:
    from reverie.tasks.written import file_place
    from reverie.training.run import Run

    opened = Run.open(args.run)
    page = opened.path / f"mix-{args.part.replace(':', '-')}.png"
    if args.out:
        read = [one for one in (args.a, args.b, opened.info["source"]["where"]) if one]
        page = file_place("--out", args.out, (".png",), read)
    asked = {"rows": args.rows, "columns": args.columns, "seed": args.seed, "steps": args.steps or 0}
    made = opened.mix(args.a, args.b, part=args.part, **asked)
    files = [made.save(page)]
    screen.tell(f"{opened.info['model']}: {len(made.raw):,} mixtures, {made.words} from the columns", *made.notes)
    screen.files(files)
    after = f"reverie interpolate {shlex.quote(str(opened.path))}"
    screen.tell(f"next: {after}")
    return {"mixtures": len(made.raw), "part": made.words, "notes": made.notes, "files": files, "next": after}
