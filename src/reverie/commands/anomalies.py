"""`reverie anomalies RUN DATA`: which items are unlike those that a run has learnt."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from reverie.terminal import Terminal

from .arguments import Parser
from .predict import place
from .readers import one_of, real, text, whole

HELP = "say which items are unlike those that a run has learnt, with a promised rate of false alarms"
BY = ("best", "nearest", "return", "latent", "reconstruction", "likelihood")
SHOWN = 10  # rows in a terminal
TOLD = ("item", "score", "p", "flagged", "label", "because")  # columns that are shown there; the file has the parts too
MOST = 1_000  # rows in the JSON


def parser(words: Sequence[str]) -> Parser:
    made = Parser("anomalies", f"{HELP[0].upper()}{HELP[1:]}.")
    made.add_argument("run", metavar="RUN", help="a folder that `reverie fit` made of normal items")
    made.add_argument("files", metavar="DATA", nargs="+", help="files or folders of the kind that it was trained on")
    rate = "share of normal items that may be flagged (default 0.01)"
    made.value("--flag", real("--flag", 0), rate, metavar="0.01")
    made.value("--by", one_of("--by", BY), "what an item is scored by (default best: the parts that suit the data)")
    which = "where the data says what items are: labels of normal ones, or COLUMN=VALUE,VALUE (default: the run's own)"
    made.value("--normal", text("--normal"), which, metavar="NAME,NAME")
    made.value("--worst", whole("--worst", 0), "items that the page shows (default 40)")
    where = ".csv or .parquet (default RUN/anomalies.csv); the page lies beside"
    made.value("--out", text("--out"), where, metavar="FILE")
    made.switch("--json", "print one JSON object, and nothing else, on standard output")
    return made


def run(args: Namespace, screen: Terminal) -> dict[str, Any]:
    from reverie.tasks.written import free
    from reverie.training.run import Run

    opened = Run.open(args.run)
    file = place(args, opened, "anomalies.csv")
    if args.out:
        free("--out", file.with_suffix(".html"))  # the page
    asked = {name: getattr(args, name) for name in ("flag", "by", "normal", "worst")}
    found = opened.anomalies(args.files, **{name: value for name, value in asked.items() if value is not None})
    files = found.save(file)
    rows = found.ranked()
    screen.tell(*found.headline)
    heads = [name for name in TOLD if name in found.columns]
    screen.first(heads, rows, SHOWN)
    screen.tell(*found.notes)
    screen.files(files)
    after = f"reverie evaluate {shlex.quote(str(opened.path))}"
    screen.tell(f"next: {after}")
    return {**found.to_json(), "anomalies": rows[:MOST], "count": len(rows), "files": files, "next": after}
