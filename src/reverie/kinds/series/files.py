"""Series on disk -> times and numbers, a row a time."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reverie.errors import Problem
from reverie.kinds.reading import bounded, unpacked
from reverie.kinds.table.files import DELIMITERS, LARGEST, MISSING, SUFFIXES, number, points, some

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["SUFFIXES", "Series", "head", "read", "spoken"]

TIMES = ("date", "time", "timestamp", "datetime")  # names of the column of times, in any case; else it is the first
BEGUN = datetime(1970, 1, 1, tzinfo=UTC)
FIRST = 1 << 16  # bytes by which a file is recognised
ROWS = 200  # of a Parquet file, for the same


@dataclass
class Series:
    """Times (N,), ascending, and numbers (N, C) of the channels, without gaps."""

    where: str
    time: str  # the name of the column of times
    times: np.ndarray  # datetime64[us]
    channels: tuple[str, ...]
    values: np.ndarray  # float64
    notes: list[str] = field(default_factory=list)
    filled: dict[str, int] = field(default_factory=dict)  # by channel, how many values were missing
    known: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))  # each channel's first row with a value

    def __len__(self) -> int:
        return len(self.times)


def read(where: str, drop: Sequence[str] = (), skip_bad: bool = False, only: Sequence[str] = ()) -> Series:
    """A whole file. `only`: the channels that are wanted, in that order; else all columns of numbers but those to
    `drop`. Raises Problem."""
    path = Path(where)
    if not path.is_file():
        raise Problem(f"{where}: no such file. A series is one file")
    if not path.name.lower().endswith(SUFFIXES):
        raise Problem(f"{where}: no series. Give one of {', '.join(SUFFIXES)}")
    if path.stat().st_size > LARGEST:
        raise Problem(f"{where}: {path.stat().st_size / 1e9:.1f} GB, too much for memory. Split it")
    notes: list[str] = []
    if path.name.lower().endswith(".parquet"):
        table = _parquet(where)
    else:
        table = _csv(where, _bytes(where), skip_bad, notes)
    return _series(where, table, notes, drop, only)


def head(where: str) -> Series:
    """The first rows of a file. Raises Problem where they are no series."""
    if where.lower().endswith(".parquet"):
        return _series(where, _parquet(where, ROWS), [], (), ())
    data = _bytes(where, FIRST)
    lines = data[: data.rfind(b"\n") + 1] if len(data) == FIRST else data
    return _series(where, _csv(where, lines, True, []), [], (), ())


def _bytes(where: str, most: int = -1) -> bytes:
    """Of the unpacked file, as UTF-8."""
    try:
        with unpacked(where) as file:
            data = bounded(file, LARGEST) if most < 0 else file.read(most)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Problem(f"{where}: broken gzip ({error}). Copy it again") from None
    except OSError as error:
        raise Problem(f"{where}: can't be read ({error.strerror or error}). Check its permissions") from None
    if data is None:
        raise Problem(f"{where}: more than {LARGEST >> 30} GiB. Split it")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Problem(f"{where}: UTF-16. Save it as UTF-8")
    if b"\0" in data:
        raise Problem(f"{where}: holds NUL bytes: no text. Save it as CSV")
    return data.removeprefix(b"\xef\xbb\xbf")


def _csv(where: str, data: bytes, skip_bad: bool, notes: list[str]) -> pa.Table:
    """Cells as strings, so that it is known which one is wrong."""
    import pyarrow as pa
    from pyarrow import csv

    first = data.lstrip().partition(b"\n")[0].decode("utf-8", "replace").rstrip("\r")
    if not first:
        raise Problem(f"{where}: empty. Give a series with rows")
    delimiter = max(DELIMITERS, key=first.count)
    cells = [cell.strip().strip('"') for cell in first.split(delimiter)]
    has_head = not any(_instant(cell) for cell in cells)
    names = cells if has_head else [f"c{k + 1}" for k in range(len(cells))]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise Problem(f"{where}: two columns named {twice[0]!r}. Rename one")
    bad = 0

    def handle(row: csv.InvalidRow) -> str:
        nonlocal bad
        bad += 1
        return "skip" if skip_bad else "error"

    encoding = "utf-8" if _is_utf8(data) else "latin-1"
    reading = csv.ReadOptions(column_names=names, skip_rows=int(has_head), encoding=encoding)
    parsing = csv.ParseOptions(delimiter=delimiter, invalid_row_handler=handle)
    turning = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    try:
        table = csv.read_csv(io.BytesIO(data.lstrip()), reading, parsing, turning)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        said = str(error).splitlines()[0].removeprefix("CSV parse error: ")[:120]
        raise Problem(f"{where}: not a whole CSV ({said}). Mend it, or pass --skip-bad") from None
    if bad:
        notes.append(f"{bad:,} rows with more or fewer cells left out")
    return table if delimiter == "," else _with_points(table, notes)


def _with_points(table: pa.Table, notes: list[str]) -> pa.Table:
    """Decimal commas as points."""
    import pyarrow as pa
    from pyarrow import compute

    found = {}
    for name in table.column_names:
        if compute.any(compute.match_substring(table[name], ",")).as_py():
            found[name] = points(table[name].to_pylist())
    named = [name for name, cells in found.items() if cells is not None]
    for name in named:
        table = table.set_column(table.column_names.index(name), name, pa.array(found[name], pa.string()))
    if named:
        notes.append(f"decimal commas are read as points: {some(named)}")
    return table


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.end == len(data) and error.reason == "unexpected end of data"
    return True


def _parquet(where: str, rows: int = 0) -> pa.Table:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(where) as file:
            names = file.schema_arrow.names
            twice = [name for name in names if names.count(name) > 1]
            if twice:
                raise Problem(f"{where}: two columns named {twice[0]!r}. Rename one")
            if not rows:
                return parquet.read_table(where)
            return pa.Table.from_batches(list(islice(file.iter_batches(rows), 1)), file.schema_arrow)
    except (pa.ArrowException, OSError) as error:
        raise Problem(f"{where}: not a whole Parquet file ({str(error).splitlines()[0]}). Save it again") from None


def _series(where: str, table: pa.Table, notes: list[str], drop: Sequence[str], only: Sequence[str]) -> Series:
    names = list(table.column_names)
    if len(names) < 2 or not len(table):
        raise Problem(f"{where}: {len(names)} columns, {len(table)} rows: no series. Give times and numbers")
    time = next((n for n in names if n.strip().lower() in TIMES), names[0])
    for name in drop:
        if name not in names or name == time:
            what = "the times" if name == time else "no such column"
            raise Problem(f"--drop {name}: {what}. There are: {', '.join(n for n in names if n != time)}")
    lacking = [name for name in only if name not in names]
    if lacking:
        raise Problem(f"{where}: no column {lacking[0]}. There are: {', '.join(names)}")
    times = _times(where, time, _cells(table, time))
    channels, columns, filled, known, words = [], [], {}, [], []
    for name in only or [n for n in names if n != time and n not in drop]:
        found = _numbers(where, name, table, bool(only))
        if found is None:
            words.append(name)
            continue
        there = np.flatnonzero(~np.isnan(found))
        if not len(there):
            cure = "Give it values" if only else f"Pass --drop {name}"
            raise Problem(f"{where}: {name}: every value is missing. {cure}")
        if len(there) < len(found):
            filled[name] = len(found) - len(there)
            found = _filled(found)
        channels.append(name)
        columns.append(found)
        known.append(there[0])
    if words:
        notes.append(f"left out, as it holds no numbers: {', '.join(words)}")
    if not channels:
        raise Problem(f"{where}: no column of numbers beside {time}. Give one")
    if filled:
        said = ", ".join(f"{name} {count:,}" for name, count in filled.items())
        notes.append(f"missing values filled by the last one before (at the beginning by the first): {said}")
    return Series(where, time, times, tuple(channels), np.stack(columns, 1), notes, filled, np.array(known))


def _cells(table: pa.Table, name: str) -> list[str | None]:
    return [None if v is None or str(v).strip().lower() in MISSING else str(v).strip() for v in table[name].to_pylist()]


def _times(where: str, name: str, cells: list[str | None]) -> np.ndarray:
    """(N,) datetime64[us], in UTC where a zone is named."""
    found = np.empty(len(cells), np.int64)
    for i, cell in enumerate(cells):
        value = None if cell is None else _instant(cell)
        if value is None:
            said = "no time" if cell is None else f"{cell[:40]!r} is not a date or time such as 2024-02-29 12:00"
            raise Problem(f"{where}: row {i + 1}, {name}: {said}. Mend it")
        found[i] = (value - BEGUN) // timedelta(microseconds=1)
    later = np.diff(found) > 0
    if not later.all():
        i = int(np.flatnonzero(~later)[0]) + 1
        same = found[i] == found[i - 1]
        what, cure = ("the same time as", "Keep one row a time") if same else ("earlier than", f"Sort it by {name}")
        raise Problem(f"{where}: row {i + 1}, {name}: {cells[i]} is {what} the row before. {cure}")
    return found.astype("datetime64[us]")


def _instant(cell: str) -> datetime | None:
    """A date or time of ISO 8601, or a month such as 2024-02."""
    if len(cell) < 7 or not cell[:4].isdecimal():
        return None
    try:
        found = datetime.fromisoformat(cell + "-01" if re.fullmatch(r"\d{4}-\d\d", cell) else cell)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _numbers(where: str, name: str, table: pa.Table, needed: bool) -> np.ndarray | None:
    """(N,) float64, NaN where a value is missing; None of a column of words. Raises Problem for a word among
    numbers."""
    import pyarrow as pa

    column = table[name]
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        plain = np.array(column.cast(pa.float64(), safe=False).to_numpy(), dtype=float)
        return np.where(np.isfinite(plain), plain, np.nan)
    cells = _cells(table, name)
    read = [np.nan if cell is None else number(cell) for cell in cells]
    wrong = [i for i, value in enumerate(read) if value is None]
    found = np.array([np.nan if value is None else value for value in read])
    if not wrong:
        return found
    if not needed and 2 * len(wrong) > sum(cell is not None for cell in cells):
        return None
    more = f", and {len(wrong) - 1:,} more" if len(wrong) > 1 else ""
    cure = "Mend it" if needed else f"Mend it, or pass --drop {name}"
    raise Problem(f"{where}: row {wrong[0] + 1}, {name}: {str(cells[wrong[0]])[:40]!r} is not a number{more}. {cure}")


def _filled(values: np.ndarray) -> np.ndarray:
    """Each gap by the last value before it; the leading one by the first value."""
    there = ~np.isnan(values)
    last = np.maximum.accumulate(np.where(there, np.arange(len(values)), -1))
    return values[np.where(last < 0, int(np.argmax(there)), last)]


def spoken(times: np.ndarray) -> list[str]:
    """Times as a person writes them, no finer than they are."""
    numbers = times.astype("datetime64[us]").astype(np.int64)
    sizes = {"D": 86_400_000_000, "m": 60_000_000, "s": 1_000_000, "us": 1}
    unit = next(name for name, size in sizes.items() if not (numbers % size).any())
    return [str(t).replace("T", " ") for t in times.astype(f"datetime64[{unit}]")]
