"""Which kind some data is of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType

from reverie.errors import Problem
from reverie.kinds import KINDS, PREDICTED, DataOptions, Source, heeded
from reverie.kinds.unread import unread

OF_COLUMNS = ("pairs", "sentences")  # what columns of a file are only where --predict is given: a .jsonl file is text


def module(kind: str) -> ModuleType:
    """The kind's module. Raises Problem for a kind that is not there."""
    if kind not in KINDS:
        raise Problem(f"--kind {kind}: no such kind. There are: {', '.join(KINDS)}")
    return import_module(f"reverie.kinds.{kind}")


def open_source(where: str, options: DataOptions) -> Source:
    """A file or folder of the kind that it looks like, else a named public set; two of them are two domains, as is one
    folder in their public layout. Raises Problem."""
    if options.kind:
        module(options.kind)  # before anything is downloaded
    if options.beside:
        return _domains([where, *options.beside], options)
    path = located(where)
    if not options.predict and options.kind in ("", "image") and (path / "trainA").is_dir():
        from reverie.kinds.image.domains import DomainsOfPictures, laid_out

        if sides := laid_out(path):
            heeded.check("image", where, options)
            return DomainsOfPictures(sides, options)
    if options.predict and options.kind and options.kind not in PREDICTED:
        raise Problem(
            f"--kind {options.kind} --predict {options.predict}: only {', '.join(PREDICTED)} can be predicted from"
        )
    kinds = PREDICTED if options.predict else sorted(KINDS, key=lambda kind: path.is_file() and kind in OF_COLUMNS)
    for kind in [options.kind] if options.kind else kinds:
        if options.kind or (module(kind).recognise(path) and _answers(kind, options.predict)):
            heeded.check(kind, where, options)
            source: Source = module(kind).open(str(path), options)
            return source
    raise unread(where, path, options.predict)


def _domains(places: Sequence[str], options: DataOptions) -> Source:
    """Two places as two domains. Raises Problem for what are no two sets of pictures."""
    from reverie.kinds.image.domains import DomainsOfPictures, named

    listed = ", ".join(places)
    if len(places) > 2:
        raise Problem(f"{listed}: {len(places)} places. Name one set of data, or two domains to translate between")
    if options.predict:
        raise Problem(f"{listed}: two places, and --predict {options.predict} learns from one. Name one")
    paths = [str(located(place)) for place in places]
    if len({Path(path).resolve() for path in paths}) < len(paths):
        raise Problem(f"{listed}: the same place twice. Name the pictures of another domain")
    for place in places:
        kind = open_source(place, replace(options, beside=())).kind
        if kind != "image":
            raise Problem(f"{place}: {kind}. Only pictures have domains: name two folders or files of pictures")
    return DomainsOfPictures(named(paths), options)


def _answers(kind: str, predict: str) -> bool:
    """Can the kind answer what --predict asks? `labels` belongs to some; a column to those whose files have any."""
    words = {word for name in PREDICTED for word in module(name).TARGETS}
    return not predict or predict not in words or predict in module(kind).TARGETS


def located(where: str) -> Path:
    """Where the data lies; a file or folder of that name comes before a set of that name."""
    from reverie.kinds.public import resolve

    if not where.strip():
        raise Problem(f"{where!r}: no data. Name a file, a folder or a public set")
    path = Path(where).expanduser()
    try:
        found = path if path.exists() else resolve(where)
    except (OSError, ValueError) as error:  # a name too long, or with a NUL; a folder that may not be entered
        raise Problem(f"{where[:80]!r}: can't be opened ({error}). Is it spelt right?") from None
    if found is None:
        raise Problem(f"{where}: no such file, folder or named set. Is it spelt right?")
    return found
