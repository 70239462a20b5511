"""`reverie explain RUN FILES`: what a run's answers rest on."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reverie.terminal import Terminal

from .arguments import Parser
from .readers import one_of, text, whole

HELP = "say what answers rest on: which pixels, moments, columns or words"
METHODS = ("gradients", "saliency", "permutation", "occlusion")
BASELINES = ("black", "mean", "zero", "noise")
SHOWN = 20  # rows in a terminal
FILES = 6  # that are named there


def parser(words: Sequence[str]) -> Parser:
    made = Parser("explain", f"{HELP[0].upper()}{HELP[1:]}.")
    made.add_argument("run", metavar="RUN", help="a folder that `reverie fit --predict` made")
    files = "files or folders of the kind that it was trained on; of a table none: its held-out rows"
    made.add_argument("files", metavar="FILES", nargs="*", help=files)
    made.value("--method", one_of("--method", METHODS), "default: integrated gradients; of tables permutation")
    made.value("--of", text("--of"), "a class, label, number or channel (default: what is predicted)", metavar="NAME")
    made.value("--baseline", one_of("--baseline", BASELINES), "that gradients start from (default: by the items)")
    made.value("--steps", whole("--steps", 1), "of gradients, at most (default 64)")
    made.value("--repeats", whole("--repeats", 1), "permutations of each column (default 10)")
    made.value("--items", whole("--items", 1), "that are explained, the first ones (default 24)")
    made.value("--out", text("--out"), "a folder for tables and pictures (default RUN/explain)", metavar="FOLDER")
    made.switch("--json", "print one JSON object, and nothing else, on standard output")
    return made


def run(args: Namespace, screen: Terminal) -> dict[str, Any]:
    from reverie.tasks.explained import checked
    from reverie.training.run import Run

    opened = Run.open(args.run)
    folder = Path(args.out) if args.out else opened.path / "explain"
    checked(folder)  # what is in the way is said before the work
    asked = {name: getattr(args, name) for name in ("method", "of", "baseline", "steps", "repeats", "items")}
    made = opened.explain(args.files, **{name: value for name, value in asked.items() if value})
    files = made.save(folder)
    screen.tell(f"{opened.info['model']}: {made.method}")
    rows = made.rows()
    screen.first(list(made.columns), rows, SHOWN)
    screen.tell(*made.notes)
    screen.files(files[:FILES])
    if len(files) > FILES:
        screen.tell(f"and {len(files) - FILES:,} more in {folder}")
    after = f"reverie evaluate {shlex.quote(str(opened.path))}"
    screen.tell(f"next: {after}")
    return {"method": made.method, "explained": rows, "notes": made.notes, "files": files, "next": after}
