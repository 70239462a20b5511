"""`reverie predict RUN FILES`: what a run says of new items."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reverie.errors import Problem
from reverie.terminal import Terminal

from .arguments import Parser
from .readers import real, several, text

if TYPE_CHECKING:
    from reverie.training.run import Run

HELP = "say what new items are, with probabilities or intervals"
SHOWN = 10  # rows in a terminal
MOST = 1_000  # rows in the JSON


def parser(words: Sequence[str]) -> Parser:
    made = Parser("predict", f"{HELP[0].upper()}{HELP[1:]}.")
    made.add_argument("run", metavar="RUN", help="a folder that `reverie fit --predict` made")
    made.add_argument("files", metavar="FILES", nargs="+", help="files or folders of the kind that it was trained on")
    made.value("--out", text("--out"), ".csv or .parquet (default RUN/predictions.csv)", metavar="FILE")
    made.value("--conformal", real("--conformal", 0), "sets or intervals that hold the truth so often", metavar="0.9")
    made.value("--with", several("--with", text("--with")), "more runs: the mean of all answers", metavar="RUN,RUN")
    made.switch("--json", "print one JSON object, and nothing else, on standard output")
    return made


def run(args: Namespace, screen: Terminal) -> dict[str, Any]:
    from reverie.training.run import Run

    opened = Run.open(args.run)
    file = place(args, opened, "predictions.csv")
    answers = opened.predict(args.files, conformal=args.conformal, others=getattr(args, "with") or ())
    answers.save(file)
    for note in answers.notes:
        screen.tell(note)
    rows = answers.rows()
    heads = [name for name in answers.columns if not name.startswith(("p[", "low[", "high["))]
    screen.first(heads, rows, SHOWN)
    screen.files([file])
    return {
        "predictions": rows[:MOST],
        "count": len(answers),
        "notes": answers.notes,
        "files": [file],
    }


def place(args: Namespace, run: Run, name: str) -> Path:
    """Where the table of that name goes: over no file that a person names, least of all what it is made from."""
    from reverie.tasks.written import free

    file = Path(args.out) if args.out else run.path / name
    if file.is_dir():
        raise Problem(f"--out {file}: a folder. Name a file, such as answers.csv")
    if file.suffix.lower() not in (".csv", ".parquet"):
        raise Problem(f"--out {file}: neither .csv nor .parquet. Name it so")
    inputs = [Path(one).expanduser() for one in (*args.files, run.info["source"]["where"])]
    if args.out and file.exists() and any(within(file, one) for one in inputs if one.exists()):
        raise Problem(f"--out {file}: there already, among the data. Name another")
    return free("--out", file) if args.out else file


def within(file: Path, place: Path) -> bool:
    """Is the file that place, or in that folder?"""
    return file.resolve().is_relative_to(place.resolve())
