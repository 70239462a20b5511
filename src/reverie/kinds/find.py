"""Which kind some data is of."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

from reverie.errors import Problem
from reverie.kinds import KINDS, DataOptions, Source


def module(kind: str) -> ModuleType:
    """The kind's module. Raises Problem for a kind that is not there."""
    if kind not in KINDS:
        raise Problem(f"--kind {kind}: no such kind. There are: {', '.join(KINDS)}")
    return import_module(f"reverie.kinds.{kind}")


def open_source(where: str, options: DataOptions) -> Source:
    """A named public set, or a file or folder of the kind that it looks like. Raises Problem."""
    from reverie.kinds.public import resolve

    path = Path(where)
    if not path.exists():
        path = resolve(where) or path
    if not path.exists():
        raise Problem(f"{where}: no such file, folder or named set. Is it spelt right?")
    for kind in [options.kind] if options.kind else KINDS:
        if options.kind or module(kind).recognise(path):
            source: Source = module(kind).open(str(path), options)
            return source
    raise Problem(f"{where}: neither pictures nor text that reverie reads. Say which by --kind {' or '.join(KINDS)}")
