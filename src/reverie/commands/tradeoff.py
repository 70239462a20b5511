"""`reverie tradeoff DATA`: how much a code may say, and what that costs the reconstruction."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from reverie.catalog import find
from reverie.terminal import Terminal

from .arguments import Parser, add_data, data_options
from .fit import use_threads
from .readers import real, several, text, whole

HELP = "train a model with several weights of its code's rate, and draw rate against distortion"


def parser(words: Sequence[str]) -> Parser:
    made = Parser("tradeoff", f"{HELP[0].upper()}{HELP[1:]}.")
    made.add_argument("data", metavar="DATA", help="a file, a folder, or a named set such as demo-fashion")
    made.value("--model", text("--model"), "one whose rate a beta weighs (default vae)", default="vae", metavar="M")
    weights = "weights of the rate, a run each (default 0.25,1,4,16)"
    made.value("--betas", several("--betas", real("--betas", 0)), weights, metavar="B,B")
    made.value("--steps", whole("--steps", 1), "training steps of each run (default: as many as the set says)")
    made.value("--time", text("--time"), "instead of --steps: 90s, 10m or 1.5h, of each run", metavar="10m")
    made.value("--out", text("--out"), "the folder (default runs/tradeoff-DATA)", metavar="FOLDER")
    made.value("--samples", whole("--samples", 1), "held-out items to measure by (default 1,000)")
    made.value("--set", text("--set"), "a named set of the model's values (default: as `fit` chooses)", metavar="NAME")
    made.value("--threads", whole("--threads", 1), "processor cores to use (default: all)")
    made.switch("--json", "print one JSON object, and nothing else, on standard output")
    add_data(made)
    return made


def run(args: Namespace, screen: Terminal) -> dict[str, Any]:
    find(args.model)  # before torch is imported
    use_threads(args.threads, screen)
    from reverie.judging.tradeoff import BETAS, WEIGHT, tradeoff

    made = tradeoff(
        args.data,
        args.model,
        args.betas or BETAS,
        out=args.out or "",
        steps=args.steps or 0,
        time=args.time or "",
        samples=args.samples or 0,
        set=args.set or "",
        options=data_options(args),
        reporter=screen,
    )
    screen.tell(made.headline)
    heads = (WEIGHT, "steps", *made.names)
    screen.table(heads, made.rows, right=heads)
    files = [made.json, made.html]
    screen.files(files)
    screen.tell(f"next: reverie evaluate {shlex.quote(str(made.folder / made.points[-1][1]))}")
    return {**made.to_json(), "files": files}
