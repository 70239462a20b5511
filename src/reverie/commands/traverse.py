"""`reverie traverse RUN`: what each number of a code does."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from reverie.terminal import Terminal

from .arguments import Parser
from .readers import real, text, whole

HELP = "move one number of the code at a time: what does it do?"


def parser(words: Sequence[str]) -> Parser:
    made = Parser("traverse", f"{HELP[0].upper()}{HELP[1:]}")
    made.add_argument("run", metavar="RUN", help="a folder that `reverie fit` made, of a model that has codes")
    made.value("--dims", whole("--dims", 1), "how many numbers, the most used first (default 8)", metavar="N")
    made.value("--reach", real("--reach"), "deviations to either side of a number's mean (default 3)", default=3.0)
    made.value("--steps", whole("--steps", 2), "values of each (default 9)", default=9)
    made.value(
        "--item", text("--item"), "a file whose item gives the other numbers (default: their mean)", metavar="FILE"
    )
    made.value("--space", text("--space"), "of a generator without an encoder: z, or stylegan2's w", metavar="S")
    made.value("--out", text("--out"), "the grid (default RUN/traversal and a suffix)", metavar="FILE")
    made.switch("--json", "print one JSON object, and nothing else, on standard output")
    return made


def run(args: Namespace, screen: Terminal) -> dict[str, Any]:
    from reverie.kinds.find import module
    from reverie.tasks.traverse import beside
    from reverie.tasks.written import file_place, free_beside
    from reverie.training.run import Run

    opened = Run.open(args.run)
    suffix = module(opened.spec.kind).SHEET
    page = opened.path / f"traversal{suffix}"
    if args.out:
        inputs = [one for one in (args.item, opened.info["source"]["where"]) if one]
        page = file_place("--out", args.out, (suffix,), inputs)
        free_beside(page, beside(page))
    asked = {"dims": args.dims or 0, "reach": args.reach, "steps": args.steps, "space": args.space or ""}
    made = opened.traverse(args.item or "", **asked)
    files = made.save(page)
    heads = list(made.columns)
    screen.table(heads, [[cell(row[head]) for head in heads] for row in made.rows()])
    screen.tell(*made.notes)
    screen.files(files)
    after = f"reverie interpolate {shlex.quote(str(opened.path))}"
    screen.tell(f"next: {after}")
    return {"latents": made.rows(), "shifts": made.shifts, "notes": made.notes, "files": files, "next": after}


def cell(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
