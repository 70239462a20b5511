"""Attributes of pictures: numbers that a table says of each, from columns that the person names. The table is the one
that holds the pictures (Parquet, Arrow), or one beside them in their folder, with a column of the files' names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from reverie.errors import Problem
from reverie.kinds.attributes import Attributes, fit
from reverie.kinds.table.files import CSV, Table, number, some
from reverie.kinds.table.files import read as read_table

from .places import Place

if TYPE_CHECKING:
    from .listing import Listing

__all__ = ["Attributes", "fit", "read"]


def read(place: Place, listing: Listing, names: Sequence[str]) -> np.ndarray:
    """The named columns' numbers, one row a picture of the listing: (N, k) float64. Raises Problem where there is no
    such table or column, a picture without a row, or a cell that is no number."""
    if place.form in ("parquet", "arrow"):
        columns = held(place, names)
    elif place.form == "folder":
        columns = beside(place, listing.names, names)
    else:
        raise Problem(
            f"--attributes {','.join(names)}: {place.where} has no columns. Give a folder of pictures with a table "
            "beside them that names the files, or Parquet"
        )
    made = np.empty((len(listing), len(names)))
    for k, (name, cells) in enumerate(columns.items()):
        for i, cell in enumerate(cells):
            value = number(str(float(cell)) if isinstance(cell, bool) else None if cell is None else str(cell))
            if value is None:
                said = "empty" if cell is None else f"{str(cell)[:40]!r}, no number"
                raise Problem(f"--attributes {name}: of {listing.names[i]} {said}. Give numbers, or 0 and 1")
            made[i, k] = value
    return made


def held(place: Place, names: Sequence[str]) -> dict[str, list[Any]]:
    """Columns of the table that holds the pictures."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from .tables import _arrow, _readable

    found: dict[str, list[Any]] = {name: [] for name in names}
    for path in place.files:
        with _readable(path):
            there = pq.read_schema(path).names if place.form == "parquet" else _arrow(path).schema.names
            known(names, there, str(path))
            wanted: pa.Table = (
                pq.read_table(path, columns=list(names)) if place.form == "parquet" else _arrow(path).read_all()
            )
        for name in names:
            found[name] += wanted.column(name).to_pylist()
    return found


def beside(place: Place, files: Sequence[str], names: Sequence[str]) -> dict[str, list[str | None]]:
    """Columns of the one table in the folder, in the order of the files."""
    folder = Path(place.where)
    tables = sorted(p for p in folder.iterdir() if p.name.lower().endswith(CSV)) if folder.is_dir() else []
    if len(tables) != 1:
        what = f"{len(tables)} tables ({some([p.name for p in tables])})" if tables else "no .csv or .tsv file"
        raise Problem(f"--attributes {','.join(names)}: {what} in {place.where}. Put one there that names the files")
    table = read_table(str(tables[0])).checked(False)
    known(names, list(table.columns), str(tables[0]))
    row = rows(table, files)
    return {name: [table.columns[name][row[file]] for file in files] for name in names}


def known(names: Sequence[str], there: Sequence[str], where: str) -> None:
    for name in names:
        if name not in there:
            raise Problem(f"--attributes {name}: no such column in {where}. There are: {some(list(there), 30)}")


def rows(table: Table, files: Sequence[str]) -> dict[str, int]:
    """Which row is of which file, by the column that names most of them: whole, without folders, or without the suffix
    too, where that still tells the files apart. Raises Problem where a file has no row, or two."""
    best: dict[str, int] = {}
    chosen: list[str] = []
    for cells in table.columns.values():
        for form in (str, base, stem):
            if len(set(map(form, files))) < len(files):
                continue
            named = [form(cell or "") for cell in cells]
            place = {name: i for i, name in enumerate(named)}
            found = {file: place[form(file)] for file in files if form(file) in place}
            if len(found) > len(best):
                best, chosen = found, named
    if 2 * len(best) < len(files):  # numbers may be stems of some
        raise Problem(f"{table.where}: no column names the pictures. Add one, such as file: {files[0]}")
    lacking = next((file for file in files if file not in best), "")
    if lacking:
        raise Problem(f"{table.where}: no row for {lacking}. Add it, or remove the picture")
    if len(chosen) > len(set(chosen)):
        count = Counter(chosen)
        twice = next((file for file, i in best.items() if count[chosen[i]] > 1), "")
        if twice:
            raise Problem(f"{table.where}: two rows for {twice}. Remove one")
    return best


def base(file: str) -> str:
    return PurePosixPath(file).name


def stem(file: str) -> str:
    return PurePosixPath(file).stem
