"""`reverie sample RUN`: files of the data's own kind, and a sheet that shows many at once."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from reverie.terminal import Terminal

from .arguments import Parser, add_drawing, drawing, given_fields, played
from .places import Places, places
from .readers import assigned, text, whole

HELP = "make items with a run's model"
AT_ONCE = 128  # items in memory: two of the blocks that a network makes, and what the sheet shows
SHOWN = 100  # items on the sheet, at most


def parser(words: Sequence[str]) -> Parser:
    """The sampling options of the run's model are flags too."""
    made, family = drawing(
        "sample", f"{HELP[0].upper()}{HELP[1:]}. Item i is a function of (seed, i), whatever -n.", words
    )
    made.add_argument("run", metavar="RUN", help="a folder that `reverie fit` made")
    made.value("-n", whole("-n", 1), "how many (default 64)", default=64)
    made.value("--seed", whole("--seed", 0), "of all chance (default 0)", default=0)
    told = "attributes, of a model that was told some; what is not asked for is as in some training item"
    made.value("--attribute", assigned("--attribute"), told)
    made.value(
        "--out",
        text("--out"),
        "folder for the files (default RUN/samples/seed-S, and what is asked for)",
        metavar="DIR",
    )
    made.value("--grid", text("--grid"), "file that shows them on one page (default: beside DIR)", metavar="FILE")
    made.switch("--wav", "of music: also as sound, a .wav beside each .mid")
    add_drawing(made, family)
    return made


def run(args: Namespace, screen: Terminal) -> dict[str, Any]:
    from reverie.core import Says
    from reverie.kinds.find import module
    from reverie.training.run import Run

    opened = Run.open(args.run)
    kind = module(opened.spec.kind)
    if args.wav:
        played(opened.spec.kind)
    place = places(args, opened.path, f"-grid{kind.SHEET}")
    screen.tell(f"{opened.info['model']}, {opened.info['source']['where']}: {args.n:,} samples, seed {args.seed}")
    if isinstance(opened.model, Says):
        screen.tell(f"note: {opened.model.said()}")
    files = written(args, opened, kind, place)
    screen.tell(f"wrote {files[0]} … {files[-1].name}" if len(files) > 1 else f"wrote {files[0]}")
    screen.files([place.page])
    after = f"reverie evaluate {shlex.quote(str(opened.path))}"
    screen.tell(f"next: {after}")
    return {"files": files, "grid": place.page, "samples": args.n, "seed": args.seed, "next": after}


def written(args: Namespace, opened: Any, kind: ModuleType, place: Places) -> list[Path]:
    """Block by block: memory holds one block and what the sheet shows."""
    from reverie.tasks.sample import draw

    how, files = given_fields(args), list[Path]()
    for first in range(0, args.n, AT_ONCE):
        count = min(AT_ONCE, args.n - first)
        raw = draw(
            opened, count, seed=args.seed, label=args.label or "", attributes=args.attribute, how=how, first=first
        )
        if not first:
            place.clear()
            kind.show(raw[:SHOWN], place.page)
        files += (made := kind.save(raw, place.folder, first))
        files += kind.play(raw, made) if args.wav else []
    return files
