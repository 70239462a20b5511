"""`reverie harmonise RUN FILES`: voices under melodies, each note of which is kept."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reverie.terminal import Terminal

from .arguments import Parser, add_drawing, drawing, given_fields
from .places import places
from .readers import text, whole

HELP = "write voices under a melody, by a run of music that was given melodies"
FILES = 6  # that are named in a terminal
VOICES = 4  # with the melody, where nobody says how many


def parser(words: Sequence[str]) -> Parser:
    """The sampling options of the run's model are flags too."""
    said = "Of each tune the highest voice is taken, and every note of it is kept. Train with --given melody."
    made, family = drawing("harmonise", f"{HELP[0].upper()}{HELP[1:]}. {said}", words)
    made.add_argument("run", metavar="RUN", help="a folder that `reverie fit DATA --given melody` made")
    made.add_argument("files", metavar="FILES", nargs="+", help="files of music, or folders or zips of them")
    made.value("-n", whole("-n", 1), "times that each melody is harmonised (default 1)", default=1)
    made.value("--tries", whole("--tries", 1), "of which the most probable is kept, each time (default 1)", default=1)
    made.value("--voices", whole("--voices", 0), f"with the melody (default {VOICES}); 0: any number", default=VOICES)
    made.switch("--free", "fifths and octaves in parallel as the model has them (default: avoided where they can be)")
    made.value("--seed", whole("--seed", 0), "of all chance (default 0)", default=0)
    made.value("--out", text("--out"), "a new folder for the files (default in RUN/samples)", metavar="DIR")
    add_drawing(made, family)
    return made


def run(args: Namespace, screen: Terminal) -> dict[str, Any]:
    from reverie.kinds.music.page import show
    from reverie.tasks.harmonise import Asked, harmonise, save
    from reverie.training.run import Run

    opened = Run.open(args.run)
    asked = Asked(args.n, args.tries, args.voices, args.seed, args.label or "", given_fields(args), args.free)
    tunes = ",".join(Path(file).stem for file in args.files)
    voices = [f"voices-{args.voices}"] if args.voices != VOICES else []
    place = places(args, opened.path, "-grid.png", "harmonise", tunes, *voices, *(["free"] if args.free else []))
    made = harmonise(opened, args.files, asked)
    for note in made.notes:
        screen.tell(f"note: {note}")
    place.clear("*.mid")
    files = save(made, place.folder)
    show(made.pieces[:100], place.page)
    bars = sum(piece.steps / piece.measure for piece in made.melodies)
    screen.tell(f"{len(made.pieces):,} harmonised, {bars:,.0f} bars; every note of the melodies is kept")
    screen.files([*files[:FILES], place.page])
    if len(files) > FILES:
        screen.tell(f"and {len(files) - FILES:,} more in {place.folder}")
    after = f"reverie evaluate {shlex.quote(str(opened.path))}"
    screen.tell(f"next: {after}")
    return {"nats_a_step": made.nats, "notes": made.notes, "files": [*files, place.page], "next": after}
