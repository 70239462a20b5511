"""`reverie interpolate RUN A B`: what lies between two items."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from reverie.errors import Problem
from reverie.terminal import Terminal

from .arguments import Parser
from .readers import text, whole

HELP = "go from one item to another through the codes between them"
TEXTS = 20  # items that are printed, where they are words


def parser(words: Sequence[str]) -> Parser:
    made = Parser("interpolate", f"{HELP[0].upper()}{HELP[1:]}.")
    made.add_argument("run", metavar="RUN", help="a folder that `reverie fit` made, of a model that has codes")
    made.add_argument("a", metavar="A", nargs="?", default="", help="a file of one item, or a sentence")
    made.add_argument("b", metavar="B", nargs="?", default="", help="another; without both: samples 0 and 1 of --seed")
    made.value("--steps", whole("--steps", 2), "items on the path, both ends with it (default 10)", default=10)
    made.switch("--spherical", "along an arc instead of a line")
    made.switch("--even", "at places where each step changes the item as much as the others")
    made.value("--space", text("--space"), "of a generator without an encoder: z, or stylegan2's w", metavar="S")
    made.value("--seed", whole("--seed", 0), "of the two samples, where A and B are left out (default 0)")
    made.value("--out", text("--out"), "the path on one page (default RUN/interpolation and a suffix)", metavar="FILE")
    made.value("--gif", text("--gif"), "an animation, there and back", metavar="FILE")
    made.switch("--json", "print one JSON object, and nothing else, on standard output")
    return made


def run(args: Namespace, screen: Terminal) -> dict[str, Any]:
    from reverie.kinds.find import module
    from reverie.tasks.interpolate import sentence
    from reverie.tasks.written import file_place
    from reverie.training.run import Run

    if args.a and args.seed is not None:
        raise Problem(f"--seed {args.seed}: A is named, and nothing is drawn. Leave one of the two out")
    opened = Run.open(args.run)
    suffix, inputs = module(opened.spec.kind).SHEET, [args.a, args.b, opened.info["source"]["where"]]
    inputs = [one for one in inputs if one]
    page = opened.path / f"interpolation{suffix}"
    if args.out:
        page = file_place("--out", args.out, (suffix,), inputs)
    gif = file_place("--gif", args.gif, (".gif",), inputs) if args.gif else None
    if gif and opened.spec.kind != "image":
        raise Problem(f"--gif {gif}: only pictures move, and this run makes {opened.spec.kind}. Leave it out")
    asked = {
        "steps": args.steps,
        "spherical": args.spherical,
        "even": args.even,
        "seed": args.seed or 0,
        "space": args.space or "",
    }
    made = opened.interpolate(args.a, args.b, **asked)
    files = [made.save(page), *([made.animate(gif)] if gif else [])]
    screen.tell(f"{opened.info['model']}: {made.steps} items from {made.words[0]} to {made.words[1]}")
    if isinstance(made.raw[0], str):
        screen.tell(*made.raw[:TEXTS])
    screen.tell(*sentence(made))
    screen.files(files)
    after = f"reverie traverse {shlex.quote(str(opened.path))}"
    screen.tell(f"next: {after}")
    said = {"steps": made.steps, "ends": made.words, "largest_over_mean_step": made.uneven, "space": made.space}
    return {**said, "notes": made.notes, "files": files, "next": after}
