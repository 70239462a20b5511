"""`reverie compare DATA`: which of several models is best for some data."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reverie.catalog import find
from reverie.terminal import Terminal, duration

from .arguments import Parser, add_data, data_options
from .fit import use_threads
from .readers import several, text, whole

if TYPE_CHECKING:
    from reverie.judging.comparison import Comparison

HELP = "train several models alike, judge them alike, and say which is best"


def parser(words: Sequence[str]) -> Parser:
    made = Parser("compare", "Trains several models alike on some data, judges them alike, and says which is best.")
    made.add_argument("data", metavar="DATA", help="a file, a folder, or a named set such as demo-fashion")
    made.value("--models", several("--models", text("--models")), "see `reverie models`", metavar="A,B")
    made.value("--time", text("--time"), "of each run: 90s, 10m or 1.5h (default 10m)", metavar="10m")
    made.value("--steps", whole("--steps", 1), "instead of --time: training steps of each run")
    made.value("--seeds", whole("--seeds", 1), "runs a model, with training seeds from 0 on (default 1)")
    made.value("--out", text("--out"), "the folder (default runs/compare-DATA)", metavar="FOLDER")
    made.value("--samples", whole("--samples", 1), "items to judge by (default: as many as the kind's measures say)")
    sets = "a named set of values, for all models that have it (default: as `fit` chooses)"
    made.value("--set", text("--set"), sets, metavar="NAME")
    made.value("--threads", whole("--threads", 1), "processor cores to use (default: all)")
    made.switch("--resume", "go on where the folder was, as the same command does; it must be there")
    made.switch("--json", "print one JSON object, and nothing else, on standard output")
    add_data(made)
    return made


def run(args: Namespace, screen: Terminal) -> dict[str, Any]:
    models = args.models or ()
    for model in models:
        find(model, "--models")  # before torch is imported
    use_threads(args.threads, screen)
    from reverie.judging.compare import compare

    found = compare(
        args.data,
        models,
        time=args.time or "",
        steps=args.steps or 0,
        out=args.out or "",
        reporter=screen,
        seeds=args.seeds or 0,
        samples=args.samples or 0,
        set=args.set or "",
        resume=args.resume,
        options=data_options(args),
    )
    return tell(found, screen)


def tell(found: Comparison, screen: Terminal) -> dict[str, Any]:
    """The answer, the places, the files and what to do next."""
    from reverie.judging.compare_page import WORSE
    from reverie.judging.report import between
    from reverie.judging.words import number

    screen.tell(*found.verdict)
    ranking, runs = found.ranking, {row.model: row.runs for row in found.rows}
    rows = []
    for one in ranking.standings:
        own = runs[one.model]
        against = "first" if one.rank == 1 else WORSE[one.worse]
        steps = f"{sum(run.steps for run in own) / len(own):,.0f}"
        time = duration(sum(run.seconds for run in own) / len(own))
        span = between(one.span.low, one.span.high)
        rows.append((str(one.rank), one.model, number(one.span.value), span, against, steps, time))
    if rows:
        columns = ("place", "model", ranking.measure, "95 %", "against the first", "steps", "training")
        screen.table(columns, rows, right=(ranking.measure, "steps"))
    files = [found.json, found.html]
    screen.files(files)
    best = found.best or next(row.model for row in found.rows if row.runs)
    folder, able = shlex.quote(str(found.folder / runs[best][0].run)), find(best).abilities
    after = [f"reverie sample {folder} -n 64"] if "sample" in able else []
    after += [f"reverie predict {folder} FILES"] if "predict" in able else []
    screen.tell("next: " + " or ".join(after or [f"reverie evaluate {folder}"]))
    return {**found.to_json(), "files": files}
