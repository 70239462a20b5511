"""Molecules, written as SMILES (Weininger 1988): a .smi file with one a line, a table with a column of them, an .sdf, a
folder of these; each also gzipped. RDKit reads and draws them: it is an extra."""

from __future__ import annotations


from reverie.kinds import DataOptions

from .codec import Codec
from .page import save, show
from .pictures import pictured
from .recognise import recognise
from .source import Molecules

__all__ = ["SHEET", "Codec", "open", "pictured", "recognise", "save", "show"]

SHEET = ".png"  # the suffix of what `show` writes


def open(where: str, options: DataOptions) -> Molecules:
    """Molecules at a path. Raises Problem on options that none can meet, and without RDKit."""
    return Molecules(where, options)
