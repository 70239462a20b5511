"""Where files of drawn items go: into a new folder that a person names, or into one of the run's own, called by what
was asked for."""

from __future__ import annotations

from argparse import Namespace
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from reverie.errors import Problem

from .arguments import given_fields

WORD = 40  # letters of one wish, at most, in a folder's name
MARKS = " =.,_-"  # that are a dash in it, and told apart by nobody


class Places(NamedTuple):
    folder: Path
    page: Path  # that shows the items
    own: bool  # the folder is the run's, and named by nobody

    def clear(self, pattern: str = "*-*") -> None:
        """Takes away what an earlier call left in the run's own folder: to be called when there is something to put in
        its place."""
        for stale in self.folder.glob(pattern) if self.own else ():
            stale.unlink()


def places(args: Namespace, run: Path, ending: str, *first: str) -> Places:
    """`ending` is that of the page, beside the folder; `first` are words before the seed in a folder's own name. Raises
    Problem where what a person names holds anything."""
    from reverie.tasks.written import beside, empty_folder, free_beside

    page = named(args)
    if args.out:
        folder = empty_folder("--out", args.out)
        return Places(folder, page or free_beside(folder, beside(folder, ending)), own=False)
    told = ",".join(f"{name}={value:g}" for name, value in (getattr(args, "attribute", None) or {}).items())
    how = ",".join(f"{name}={value}" for name, value in given_fields(args).items())
    words = [*map(plain, first), f"seed-{args.seed}", *map(plain, (args.label or "", told, how))]
    folder = run / "samples" / "-".join(filter(None, words))
    return Places(folder, page or beside(folder, ending), own=True)


def named(args: Namespace) -> Path | None:
    """The page that a person names by --grid. Raises Problem where it is there."""
    from reverie.tasks.written import free

    if not getattr(args, "grid", None):
        return None
    if Path(args.grid).is_dir():
        raise Problem(f"--grid {args.grid}: a folder of that name is there. Name a file")
    return free("--grid", Path(args.grid))


def plain(word: str) -> str:
    """As a part of a file's name: where that says too little of it, with a digest of the whole."""
    said = "".join(c if c.isalnum() else "-" for c in word)
    if len(word) <= WORD and all(c.isalnum() or c in MARKS for c in word):
        return said
    return f"{said[:WORD]}-{blake2b(word.encode(), digest_size=3).hexdigest()}"
