"""Whether some data is molecules, by names and first bytes."""

from __future__ import annotations

import csv
import os
from pathlib import Path

from reverie.kinds.table.files import CSV, delimiter, number
from reverie.kinds.texts import beginning

from .files import LINES, STRUCTURES, of_molecules
from .gather import SPLITS, about, named

LOOKED_AT = 500  # rows of a table that say what it holds


def recognise(path: Path) -> bool:
    """A file by its name; a table with a column of SMILES and nothing beside it but names and parts; a folder of
    these, with what is said about them."""
    if path.is_dir():
        names = [name for name in sorted(os.listdir(path)) if not (name.startswith(".") or about(name))]
        return bool(names) and all(named(name) and (path / name).is_file() and recognise(path / name) for name in names)
    name = path.name.lower()
    return path.is_file() and (name.endswith((*LINES, *STRUCTURES)) or alone(path))


def alone(path: Path) -> bool:
    """Is it a table of molecules and of little else, by its beginning?"""
    if not path.name.lower().endswith(CSV):
        return False
    head = beginning(path).decode("utf-8", "replace").splitlines()[: LOOKED_AT + 1]
    try:
        rows = [row for row in csv.reader(head, delimiter=delimiter("\n".join(head))) if row]
    except csv.Error:
        return False
    if len(rows) < 2:
        return False
    names, body = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]  # the last may be cut
    columns: dict[str, list[str | None]] = {name: [row[k] or None for row in body] for k, name in enumerate(names)}
    found = of_molecules(columns)
    return len(found) == 1 and all(name in found or beside(name, cells) for name, cells in columns.items())


def beside(name: str, cells: list[str | None]) -> bool:
    """May such a column stand beside molecules? Parts, and names or whole numbers of which each comes once."""
    numbered = all(cell is not None and (number(cell) is None or cell.isdecimal()) for cell in cells)
    return name.strip().lower() in SPLITS or (len(set(cells)) == len(cells) and numbered)
