"""`reverie design RUN --maximise qed`: molecules toward a goal."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from reverie.errors import Problem
from reverie.terminal import Terminal

from .arguments import Parser
from .readers import real, text, whole

HELP = "let a model of molecules learn to write what has wished properties"


def parser(words: Sequence[str]) -> Parser:
    made = Parser("design", f"{HELP[0].upper()}{HELP[1:]}: a run of its own, with a table, a page and drawings.")
    made.add_argument("run", metavar="RUN", help="a folder that `reverie fit` made, of molecules")
    many = "a property that is to be {}, such as qed; may come more than once"
    for flag, what in (("--maximise", "large"), ("--minimise", "small")):
        made.add_argument(flag, action="append", default=[], type=text(flag), metavar="NAME", help=many.format(what))
    made.add_argument(
        "--range", action="append", default=[], nargs=3, metavar=("NAME", "LOW", "HIGH"), dest="ranges",
        help="a property that is to lie between two numbers; may come more than once",
    )  # fmt: skip
    made.switch("--filters", "only molecules that pass MOSES's filters (PAINS and the like)")
    made.value("--steps", whole("--steps", 1), "of learning, 64 molecules each (default 300)", default=300)
    made.value("-n", whole("-n", 1), "molecules to write (default 1000)", default=1_000)
    made.value("--sigma", real("--sigma", 0), "nats that a score of 1 is worth (default 120)", default=120.0)
    made.value("--rate", real("--rate", 0), "of Adam (default 0.001)", default=1e-3)
    made.value("--seed", whole("--seed", 0), "of all chance (default 0)", default=0)
    made.value("--out", text("--out"), "the new run's folder (default RUN-designed)", metavar="DIR")
    made.switch("--json", "print one JSON object, and nothing else, on standard output")
    return made


def run(args: Namespace, screen: Terminal) -> dict[str, Any]:
    ranges = [(name, number(name, low), number(name, high)) for name, low, high in args.ranges]
    from reverie.tasks.design import BATCH, Goal
    from reverie.tasks.design_files import design
    from reverie.tasks.wishes import wishes
    from reverie.training.run import Run

    opened = Run.open(args.run)
    asked = tuple(wishes(args.maximise, args.minimise, ranges))
    goal = Goal(asked, args.filters, args.steps, args.sigma, args.rate, args.seed)
    screen.start(args.steps, 0)
    try:
        made = design(
            opened, goal, args.out or "", args.n,
            lambda step, logs, speed: screen.step(step, logs, speed, (args.steps - step) * BATCH / speed),
        )  # fmt: skip
    finally:
        screen.close()
    screen.tell(*made.lines)
    screen.tell(f"wrote {made.folder}: a run, with")
    screen.files(made.files)
    after = f"reverie sample {shlex.quote(str(made.folder))}"
    screen.tell(f"next: {after}")
    found = {"shifts": made.found.shifts, **made.found.facts}
    return {"run": made.folder, "files": made.files, **found, "left": made.found.left, "next": after}


def number(name: str, word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = float("nan")
    if value != value:
        raise Problem(f"--range {name} {word}: not a number. Write two, like --range {name} 1 3")
    return value
