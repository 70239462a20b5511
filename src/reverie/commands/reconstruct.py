"""`reverie reconstruct RUN FILES`: what a model keeps of items."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reverie.terminal import Terminal

from .arguments import Parser
from .readers import text

HELP = "encode and decode items: originals beside what came back, and the error"
SHOWN, MOST = 10, 1_000  # rows in a terminal, and in the JSON


def parser(words: Sequence[str]) -> Parser:
    made = Parser("reconstruct", f"{HELP[0].upper()}{HELP[1:]}.")
    made.add_argument(
        "run", metavar="RUN", help="a folder that `reverie fit` made, of a model that encodes and decodes"
    )
    made.add_argument("files", metavar="FILES", nargs="+", help="files, folders or named sets of the run's kind")
    made.value("--out", text("--out"), "a new folder for sheet and table (default RUN/reconstruct)", metavar="DIR")
    made.switch("--json", "print one JSON object, and nothing else, on standard output")
    return made


def run(args: Namespace, screen: Terminal) -> dict[str, Any]:
    from reverie.tasks.written import empty_folder
    from reverie.training.run import Run

    opened = Run.open(args.run)
    folder = empty_folder("--out", args.out) if args.out else opened.path / "reconstruct"
    made = opened.reconstruct(args.files)
    files = made.save(Path(folder))
    screen.tell(f"{opened.info['model']}: {made.count:,} items", *(f"mean {k}: {v:.4g}" for k, v in made.mean.items()))
    found = made.rows()
    screen.first(list(made.columns), found, SHOWN)
    screen.tell(*made.notes)
    screen.files(files)
    after = f"reverie traverse {shlex.quote(str(opened.path))}"
    screen.tell(f"next: {after}")
    said = {"items": made.count, "mean": made.mean, "table": found[:MOST]}
    return {**said, "notes": made.notes, "files": files, "next": after}
