"""`reverie decompress FILE`: what `reverie compress` made small, as files of its own kind."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from reverie.terminal import Terminal

from .arguments import Parser
from .readers import text

HELP = "bring back what `reverie compress` made small"
NAMED = 3  # files that are named in a terminal


def parser(words: Sequence[str]) -> Parser:
    made = Parser("decompress", f"{HELP[0].upper()}{HELP[1:]}, under its own names.")
    made.add_argument("file", metavar="FILE", help="a .rvz file, or a folder of them")
    made.value("--run", text("--run"), "that made them (default: looked for around them, and in runs/)", metavar="RUN")
    made.value("--out", text("--out"), "folder (default: beside FILE, of many FILE-decompressed)", metavar="DIR")
    made.switch("--json", "print one JSON object, and nothing else, on standard output")
    return made


def run(args: Namespace, screen: Terminal) -> dict[str, Any]:
    from reverie.tasks.decompress import decompress
    from reverie.training.run import Run

    opened = Run.open(args.run) if args.run else None
    made = decompress(args.file, run=opened, out=args.out or "")
    screen.tell(*made.notes)
    screen.files(made.files[:NAMED])
    if len(made.files) > NAMED:
        screen.tell(f"and {len(made.files) - NAMED:,} more in {made.files[0].parent}")
    return {"items": len(made.files), "files": made.files, "notes": made.notes}
