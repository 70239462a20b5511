"""Molecules, written as SMILES (Weininger 1988): a .smi file with one a line, a table with a column of them, an .sdf, a
folder of these; each also gzipped. RDKit reads and draws them: it is an extra."""

from __future__ import annotations

from collections.abc import Sequence

from reverie.kinds import DataOptions

from .codec import Codec
from .page import save, show
from .pictures import pictured
from .recognise import recognise
from .scaffold import allowed, holds, likeliest, prompt
from .source import Molecules

__all__ = ["SHEET", "Codec", "allowed", "kept", "likeliest", "open", "pictured", "prompt", "recognise", "save", "show"]

SHEET = ".png"  # the suffix of what `show` writes


def open(where: str, options: DataOptions) -> Molecules:
    """Molecules at a path. Raises Problem on options that none can meet, and without RDKit."""
    return Molecules(where, options)


def kept(raw: Sequence[str], what: str) -> list[bool]:
    """Which SMILES are molecules that hold the fragment."""
    return [holds(smiles, what) for smiles in raw]
