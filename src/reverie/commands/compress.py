"""`reverie compress RUN FILES`: items as small files under the run's own probabilities."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from math import isfinite
from typing import Any

from reverie.terminal import Terminal

from .arguments import Parser
from .readers import text

HELP = "make items small under a run's own probabilities, or exactly with --lossless"
NAMED = 3  # files that are named in a terminal


def parser(words: Sequence[str]) -> Parser:
    made = Parser("compress", f"{HELP[0].upper()}{HELP[1:]}. Only the run can read them again.")
    made.add_argument("run", metavar="RUN", help="a folder that `reverie fit --model compressive` made")
    made.add_argument("files", metavar="FILES", nargs="+", help="files or folders of the run's own size and form")
    made.value("--out", text("--out"), "folder for a file an item, or the file of a set (default RUN/compressed)")
    made.switch("--lossless", "every pixel comes back; for runs with --residual logistic")
    made.switch("--together", "one file for all, which shares head, names and the coder's end")
    made.switch("--json", "print one JSON object, and nothing else, on standard output")
    return made


def run(args: Namespace, screen: Terminal) -> dict[str, Any]:
    from reverie.training.run import Run

    opened = Run.open(args.run)
    options = {"lossless": args.lossless, "together": args.together, "out": args.out or ""}
    made = opened.compress(args.files, **options)
    screen.tell(*made.notes)
    loss = f", PSNR {made.psnr:.2f} dB" if isfinite(made.psnr) else ", nothing is lost" if args.lossless else ""
    rate = f", {made.bits_per_pixel:.3f} bits a pixel" if made.pixels else ""
    screen.tell(f"{made.items:,} items in {made.bytes:,} bytes{rate}{loss}")
    screen.files(made.files[:NAMED])
    if len(made.files) > NAMED:
        screen.tell(f"and {len(made.files) - NAMED:,} more in {made.files[0].parent}")
    place = made.files[0] if len(made.files) == 1 else args.out or opened.path / "compressed"
    after = f"reverie decompress {shlex.quote(str(place))} --run {shlex.quote(str(opened.path))}"
    screen.tell(f"next: {after}")
    numbers = {"items": made.items, "bytes": made.bytes, "bits_per_pixel": made.bits_per_pixel, "psnr_db": made.psnr}
    return {**numbers, "files": made.files, "notes": made.notes, "next": after}
