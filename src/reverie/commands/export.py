"""`reverie export RUN`: the generator as a file for other programs, checked against the original."""

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

HELP = "write a run's model as a file for other programs"
FORMATS = ("onnx", "safetensors")


def parser(words: Sequence[str]) -> Parser:
    made = Parser("export", f"{HELP[0].upper()}{HELP[1:]}, checked against the original.")
    made.add_argument("run", metavar="RUN", help="a folder that `reverie fit` made")
    made.value("--format", one_of("--format", FORMATS), "of the file (default safetensors)", default="safetensors")
    made.value("--out", text("--out"), "the file (default: in RUN)", metavar="FILE")
    made.switch("--json", "print one JSON object, and nothing else, on standard output")
    return made


def run(args: Namespace, screen: Terminal) -> dict[str, Any]:
    from reverie.tasks.export import exported
    from reverie.training.run import Run

    opened = Run.open(args.run)
    if args.out and Path(args.out).is_dir():
        raise Problem(f"--out {args.out}: a folder. Name a file, like {args.out.rstrip('/')}/model.{args.format}")
    made = exported(opened, args.format, Path(args.out) if args.out else None)
    screen.tell(f"{opened.info['model']}: checked, its output differs from the run's by at most {made.difference:.1e}")
    screen.files(made.files)
    after = f"reverie evaluate {shlex.quote(str(opened.path))}"
    screen.tell(f"next: {after}")
    found = {"run": opened.path, "format": args.format, "files": made.files}
    return found | {"difference": made.difference, "next": after}
