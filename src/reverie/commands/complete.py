"""`reverie complete RUN --prompt TEXT`: goes on from the beginning of an item."""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reverie.errors import Problem
from reverie.kinds import PLAYED
from reverie.terminal import Terminal

from .arguments import Parser, add_drawing, drawing, given_fields, played
from .places import Places, places
from .readers import assigned, text, whole

if TYPE_CHECKING:
    from reverie.tasks.complete import Asked
    from reverie.training.run import Run

HELP = "go on from the beginning of a text, a tune or a molecule"
WRITTEN = ("text", "sentences")  # kinds whose items are read on the screen


def parser(words: Sequence[str]) -> Parser:
    """The sampling options of the run's model are flags too."""
    made, family = drawing("complete", f"{HELP[0].upper()}{HELP[1:]}. A single text is shown as it is written.", words)
    made.add_argument("run", metavar="RUN", help="a folder that `reverie fit` made")
    what = "what to go on from: a text, a file of music, SMILES; - reads it from standard input"
    made.value("--prompt", text("--prompt"), what, metavar="TEXT")
    made.value("--prompt-file", text("--prompt-file"), "a text file, in UTF-8, that holds it", metavar="FILE")
    made.value("-n", whole("-n", 1), "how many (default 1)", default=1)
    made.value("--seed", whole("--seed", 0), "of all chance (default 0)", default=0)
    made.value("--attribute", assigned("--attribute"), "attributes, of a model that was told some")
    made.value("--out", text("--out"), "folder for the files (texts: none without it)", metavar="DIR")
    made.switch("--wav", "of music: also as sound, a .wav beside each .mid")
    add_drawing(made, family)
    return made


def run(args: Namespace, screen: Terminal) -> dict[str, Any]:
    from reverie.kinds.find import module
    from reverie.tasks.complete import Asked
    from reverie.training.run import Run

    opened = Run.open(args.run)
    if args.wav:
        played(opened.spec.kind)
    asked = Asked(prompt(args, opened.spec.kind), args.seed, args.label or "", args.attribute, given_fields(args))
    place = places(args, opened.path, f"-grid{module(opened.spec.kind).SHEET}", "complete", asked.prompt)
    found = dict[str, Any]()
    if opened.spec.kind in WRITTEN and args.n == 1 and not args.out:
        raw: Any = [streamed(opened, asked, screen)]
    else:
        raw, found = several(opened, asked, args, place, screen)
    after = f"reverie sample {shlex.quote(str(opened.path))}"
    said = {"completions": raw} if all(isinstance(item, str) for item in raw) else {}
    return {"prompt": asked.prompt, "seed": args.seed, **said, **found, "next": after}


def streamed(run: Run, asked: Asked, screen: Terminal) -> str:
    """One text, shown as it is written."""
    from reverie.tasks.complete import streamed

    parts = []
    for part in streamed(run, asked):
        screen.write(part)
        parts.append(part)
    screen.tell("")
    return "".join(parts)


def several(run: Run, asked: Asked, args: Namespace, place: Places, screen: Terminal) -> tuple[Any, dict[str, Any]]:
    """Items, and the files that hold them, of texts where a person asks for files: of each one, and a page of all."""
    from reverie.kinds.find import module
    from reverie.tasks.complete import complete

    made, kind = complete(run, asked, args.n), module(run.spec.kind)
    for note in made.notes:
        screen.tell(f"note: {note}")
    if not len(made.raw):
        return [], {"drawn": made.drawn, "notes": made.notes, "files": []}
    if run.spec.kind in WRITTEN:
        for k, item in enumerate(made.raw):
            screen.tell(f"{f' {k} ':─^80}", item)
    files: list[Path] = []
    if args.out or run.spec.kind not in WRITTEN:
        place.clear()
        kind.show(made.raw[:100], place.page)
        files = kind.save(made.raw, place.folder)
        files += [*(kind.play(made.raw, files) if args.wav else []), place.page]
        screen.tell(f"wrote {files[0]} … {files[-2].name}" if len(files) > 2 else f"wrote {files[0]}")
        screen.files([place.page])
    return made.raw, {"drawn": made.drawn, "notes": made.notes, "files": files}


def prompt(args: Namespace, kind: str) -> str:
    """What to go on from; of items that are no texts without the line's end. Raises Problem where nothing says so, or
    two things do, or a file is no text."""
    if (args.prompt is None) == (args.prompt_file is None):
        what = "both --prompt and --prompt-file" if args.prompt is not None else "no --prompt"
        raise Problem(f"{what}: name one beginning to go on from, as --prompt 'Once upon' or --prompt-file FILE")
    if kind in PLAYED and args.prompt_file is not None:
        raise Problem(f"--prompt-file {args.prompt_file}: of a text. Name the tune by --prompt {args.prompt_file}")
    if args.prompt not in (None, "-"):
        return str(args.prompt)
    flag = "--prompt -" if args.prompt else f"--prompt-file {args.prompt_file}"
    try:
        found = sys.stdin.buffer.read() if args.prompt else Path(args.prompt_file).read_bytes()
        said = found.decode("utf-8-sig")
    except OSError as error:
        raise Problem(f"{flag}: can't be read ({error.strerror}). Name a text file") from None
    except UnicodeDecodeError as error:
        where = f"byte {error.start:,} ({error.object[error.start]:#04x})"
        raise Problem(f"{flag}: not UTF-8 at {where}. Save it as UTF-8") from None
    return said if kind in WRITTEN else said.strip()
