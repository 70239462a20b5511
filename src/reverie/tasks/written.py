"""Tables as files, and places for what a task makes."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from reverie.errors import Problem
from reverie.training.files import ESCAPED, write

Columns = Mapping[str, Sequence[Any]]


def save_table(file: Path, columns: Columns) -> Path:
    """Parquet, JSON (a list of rows) or, by any other suffix, CSV. Raises NoRoom."""
    made = {".parquet": parquet, ".json": as_json}.get(file.suffix.lower(), as_csv)
    write(file, lambda part: made(part, columns))
    return file


def parquet(part: Path, columns: Columns) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    kept = {escaped(name): pa.array([escaped(value) for value in values]) for name, values in columns.items()}
    parquet.write_table(pa.table(kept), part)


def escaped(value: Any) -> Any:
    """A word whose half surrogate pairs, bytes of a file's name, are escaped; all else as it is."""
    return value.encode("utf-8", ESCAPED).decode() if isinstance(value, str) else value


def as_json(part: Path, columns: Columns) -> None:
    whole = [{name: plain(value) for name, value in row.items()} for row in rows(columns)]
    part.write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", encoding="utf-8", errors=ESCAPED)


def plain(value: Any) -> Any:
    """As JSON has it: no number of numpy's, no NaN, nothing infinite."""
    own = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(own, float) and not isfinite(own) else own


def as_csv(part: Path, columns: Columns) -> None:
    with open(part, "w", newline="", encoding="utf-8", errors=ESCAPED) as out:
        writer = csv.writer(out)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values()))


def rows(columns: Columns) -> list[dict[str, Any]]:
    return [dict(zip(columns, values)) for values in zip(*columns.values())]


def file_place(flag: str, file: str | Path, suffixes: Sequence[str], inputs: Sequence[str | Path] = ()) -> Path:
    """A file that may be written. Raises Problem for a folder, another suffix, and a file that is there."""
    place = Path(file)
    if place.is_dir():
        raise Problem(f"{flag} {place}: a folder of that name is there. Name a file, such as {place}/new{suffixes[0]}")
    if place.suffix.lower() not in suffixes:
        raise Problem(f"{flag} {place}: its name ends in none of {', '.join(suffixes)}. Name it so")
    there = [Path(one).expanduser() for one in inputs]
    if place.exists() and any(place.resolve().is_relative_to(one.resolve()) for one in there if one.exists()):
        raise Problem(f"{flag} {place}: there already, among the data. Name another")
    return free(flag, place)


def free(flag: str, place: Path) -> Path:
    """A file that a person names and that is not there. Raises Problem for one that is: nothing is written over."""
    if place.exists():
        raise Problem(f"{flag} {place}: there already, and nothing is overwritten. Name another file")
    return place


def beside(folder: Path, ending: str) -> Path:
    """A file beside a folder, called as it is and with this ending; of "." beside the folder that it means."""
    named = folder.resolve() if folder.name in ("", "..") else folder
    return named.with_name(f"{named.name}{ending}")


def free_beside(place: Path, file: Path) -> Path:
    """What goes beside a place that a person named by --out. Raises Problem where it is there."""
    if file.exists():
        raise Problem(f"--out {place}: {file} goes beside it, is there, and nothing is overwritten. Name another place")
    return file


def empty_folder(flag: str, folder: str | Path) -> Path:
    """A folder for files that overwrite nothing. Raises Problem where it holds anything, or is a file."""
    place = Path(folder)
    if place.exists() and not place.is_dir():
        raise Problem(f"{flag} {place}: a file of that name is there. Name a folder")
    if place.is_dir() and any(place.iterdir()):
        raise Problem(f"{flag} {place}: not empty, and nothing is overwritten. Name another folder")
    return place
