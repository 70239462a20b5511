"""`reverie embed RUN DATA`: each item's code, as a table and as points in a plane."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reverie.errors import Problem
from reverie.terminal import Terminal

from .arguments import Parser
from .readers import one_of, text, whole

HELP = "turn items into codes: few numbers each, to plot, group or learn from"
WAYS = ("pca", "tsne", "umap")


def parser(words: Sequence[str]) -> Parser:
    made = Parser("embed", f"{HELP[0].upper()}{HELP[1:]}.")
    made.add_argument("run", metavar="RUN", help="a folder that `reverie fit` made, of a model that encodes")
    made.add_argument("data", metavar="DATA", nargs="+", help="files, folders or named sets of the run's kind")
    made.value("--to", whole("--to", 1), "reduce the codes to so many numbers", metavar="2")
    made.value("--by", one_of("--by", WAYS), "how they are reduced (default pca; umap needs umap-learn)")
    made.value("--clusters", whole("--clusters", 2), "group the codes by k-means", metavar="K")
    made.value("--out", text("--out"), ".parquet, .csv, .json or .npy (default RUN/codes.parquet)", metavar="FILE")
    made.value("--plot", text("--plot"), "a coloured scatter, .png or .svg", metavar="FILE")
    made.switch("--json", "print one JSON object, and nothing else, on standard output")
    return made


def run(args: Namespace, screen: Terminal) -> dict[str, Any]:
    from reverie.tasks.written import file_place
    from reverie.training.run import Run

    if args.by and not args.to:
        raise Problem(f"--by {args.by}: to how many numbers? Pass --to 2")
    opened = Run.open(args.run)
    inputs = [*args.data, opened.info["source"]["where"]]
    codes = opened.path / "codes.parquet"
    if args.out:
        codes = file_place("--out", args.out, (".parquet", ".csv", ".json", ".npy"), inputs)
    plot = file_place("--plot", args.plot, (".png", ".svg"), inputs) if args.plot else None
    made = opened.embed(args.data, to=args.to or 0, by=args.by or "pca", clusters=args.clusters or 0)
    files = [made.save(codes)]
    if plot:
        title = f"{opened.info['model']}, {Path(opened.info['source']['where']).name}"
        files.append(made.plot(plot, title))
    screen.tell(f"{opened.info['model']}: {len(made):,} items, {len(made.axes)} numbers each")
    shown = [[m.name, f"{m.value:.3f}", f"{m.reference:.3f}", m.protocol] for m in made.measures]
    if shown:
        screen.table(["measure", "codes", "reference", "how"], shown, right=["codes", "reference"])
    if codes.suffix == ".npy":
        made.notes.append("a .npy holds the numbers alone; names, labels and clusters are in .parquet")
    screen.tell(*made.notes)
    screen.files(files)
    after = f"reverie traverse {shlex.quote(str(opened.path))}"
    screen.tell(f"next: {after}")
    said = {"items": len(made), "axes": made.axes, "measures": [m.to_json() for m in made.measures]}
    return {**said, "notes": made.notes, "files": files, "next": after}
