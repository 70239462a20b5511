"""`reverie project RUN FILES`: real pictures in the space that samples come from."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reverie.terminal import Terminal

from .arguments import Parser
from .readers import text, whole

HELP = "find the codes of real pictures, of a generator that has no encoder"
SHOWN, MOST = 10, 1_000  # rows in a terminal, and in the JSON


def parser(words: Sequence[str]) -> Parser:
    made = Parser("project", f"{HELP[0].upper()}{HELP[1:]}.")
    made.add_argument("run", metavar="RUN", help="a folder that `reverie fit` made, of a model that samples from codes")
    made.add_argument("files", metavar="FILES", nargs="+", help="pictures, folders of them or named sets")
    made.value("--space", text("--space"), "of the codes (default: the model's last)", metavar="S")
    made.value("--steps", whole("--steps", 1), "of the search, for each picture (default 1000)")
    made.value("--label", text("--label"), "the class they are made with (default: the nearest sample's)", metavar="L")
    made.value("--out", text("--out"), "a new folder for sheet, table and codes (default RUN/project)", metavar="DIR")
    made.switch("--json", "print one JSON object, and nothing else, on standard output")
    return made


def run(args: Namespace, screen: Terminal) -> dict[str, Any]:
    from reverie.tasks.written import empty_folder
    from reverie.training.run import Run

    opened = Run.open(args.run)
    folder = empty_folder("--out", args.out) if args.out else opened.path / "project"
    made = opened.project(args.files, space=args.space or "", steps=args.steps or 0, label=args.label or "")
    files = made.save(Path(folder))
    means = (f"mean {name}: {value:.4g}" for name, value in made.mean.items())
    screen.tell(f"{opened.info['model']}: {len(made.codes):,} pictures", *means)
    found = made.rows()
    screen.first(list(made.found.columns), found, SHOWN)
    screen.tell(*made.notes)
    screen.files(files)
    after = f"reverie interpolate {shlex.quote(str(opened.path))} A B"
    screen.tell(f"next: {after}")
    said = {"items": len(made.codes), "space": made.space, "mean": made.mean, "table": found[:MOST]}
    return {**said, "notes": made.notes, "files": files, "next": after}
