"""Tables on disk -> columns of strings, None where a value is missing."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reverie.errors import Problem
from reverie.kinds import writing
from reverie.kinds.reading import bounded, unpacked

CSV = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
SUFFIXES = (*CSV, ".parquet")
MISSING = frozenset(("", "?", "na", "n/a", "nan", "null", "none", "-", "#n/a"))  # in any case
DELIMITERS = ",;\t|"
LOOKED_AT = 20  # lines that say which delimiter it is
LARGEST = 4 << 30  # bytes
END = "\2"  # a row of its own behind the last: where it is not the last one read, a quote was never closed
NAMED, LISTED = 8, 30  # columns that a line names, and an error

_STATED = re.compile(r"sep=([^\r\n])\r?\n", re.IGNORECASE)  # a first line of Excel's own
_COMMA = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?(e[+-]?\d+)?", re.IGNORECASE)


@dataclass
class Table:
    """Columns of equal length, by name. Rows are counted from 1, the first under the head."""

    where: str
    columns: dict[str, list[str | None]]
    notes: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)  # rows that are left out: a line each
    numbers: list[int] = field(default_factory=list)  # of each row in its file
    files: list[str] = field(default_factory=list)  # that each row is from

    def __post_init__(self) -> None:
        self.numbers = self.numbers or list(range(1, len(self) + 1))
        self.files = self.files or [self.where] * len(self)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))

    def name(self, i: int) -> str:
        """What a person would call row i: the file is said where it is another one than the table's own."""
        return f"row {self.numbers[i]}" if self.files[i] == self.where else f"{self.files[i]} row {self.numbers[i]}"

    def place(self, i: int) -> str:
        """Where row i lies, for a message."""
        return f"{self.files[i]}: row {self.numbers[i]}"

    def checked(self, skip_bad: bool) -> Table:
        """The same. Raises Problem where rows had to be left out and nobody has asked for that."""
        if self.bad and not skip_bad:
            more = f", and {len(self.bad) - 1:,} more rows" if len(self.bad) > 1 else ""
            raise Problem(f"{self.where}: {self.bad[0]}{more}. Mend it, or pass --skip-bad")
        return self


def read(where: str, names: Sequence[str] = ()) -> Table:
    """A CSV or Parquet file, without its rows of another length. `names`: of the columns of a file that has no head,
    and as many. Raises Problem."""
    path = Path(where)
    if not path.is_file():
        raise Problem(f"{where}: no such file. Is it spelt right?")
    if path.stat().st_size > LARGEST:
        raise Problem(f"{where}: {path.stat().st_size / 1e9:.1f} GB, too much for memory. Split it")
    if path.name.lower().endswith(".parquet"):
        return _parquet(where)
    text, encoding = content(where)
    rows, sign = _rows(where, text)
    table = _headed(where, rows, names)
    if sign != ",":
        _with_points(table)
        table.notes.insert(0, f"columns are divided by {sign!r}")
    if encoding == "latin-1":
        table.notes.insert(0, "not UTF-8: read as Latin-1")
    return table


def _rows(where: str, text: str) -> tuple[list[list[str]], str]:
    """Every line that is not empty, cut into stripped cells."""
    if "\0" in text:
        raise Problem(f"{where}: holds NUL bytes: no text. Save it as CSV")
    if stated := _STATED.match(text):
        text = text[stated.end() :]
    sign = stated[1] if stated else delimiter(text)
    csv.field_size_limit(1 << 24)
    try:
        reader = csv.reader(io.StringIO(f"{text}\n{END}"), delimiter=sign, skipinitialspace=True)
        rows = [[cell.strip() for cell in row] for row in reader if row and any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise Problem(f"{where}: not a CSV ({error}). Save it again") from None
    if rows.pop() != [END]:
        line = text.count("\n", 0, max(0, text.rfind('"'))) + 1
        raise Problem(f"{where}: a quotation mark is opened and never closed; the last is in line {line:,}. Mend it")
    if not rows:
        raise Problem(f"{where}: empty. Give a table with rows")
    return rows, sign


def content(where: str) -> tuple[str, str]:
    """The text, and how it was encoded."""
    try:
        with unpacked(where) as file:
            data = bounded(file, LARGEST)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Problem(f"{where}: broken gzip ({error}). Copy it again") from None
    except OSError as error:
        raise Problem(f"{where}: can't be read ({error.strerror or error}). Check its permissions") from None
    if data is None:
        raise Problem(f"{where}: more than {LARGEST >> 30} GiB. Split it")
    for encoding in ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "latin-1"):
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise Problem(f"{where}: broken UTF-16. Save it as UTF-8")


def delimiter(text: str) -> str:
    """The one that cuts the first lines into equally many cells, the more the better."""
    lines = [line for line in text[:100_000].splitlines() if line.strip()][:LOOKED_AT]
    best, score = ",", (0.0, 0)
    for one in DELIMITERS:
        counts = Counter(len(row) for row in csv.reader(lines, delimiter=one, skipinitialspace=True))
        cells, often = counts.most_common(1)[0] if counts else (1, 0)
        if cells > 1 and (often / max(1, len(lines)), cells) > score:
            best, score = one, (often / len(lines), cells)
    return best


def _headed(where: str, rows: list[list[str]], names: Sequence[str]) -> Table:
    """A first row of which no cell is a number is the head."""
    first, notes = rows[0], []
    spare = [f"c{k + 1}" for k in range(len(first))]
    if not any(number(cell) is not None for cell in first) and 2 * sum(map(bool, first)) >= len(first):
        head, body = [cell or name for cell, name in zip(first, spare)], rows[1:]
        twice = [name for name, count in Counter(head).items() if count > 1]
        if twice:
            raise Problem(f"{where}: two columns named {twice[0]}. Rename one")
        bare = [name for cell, name in zip(first, spare) if not cell]
        if bare:
            notes.append(f"without a name in the head, called by their place: {', '.join(bare)}")
    elif len(names) == len(first):
        head, body = list(names), rows
    else:
        head, body = spare, rows
        notes.append(f"no head: the columns are c1 … c{len(first)}")
    if not body:
        raise Problem(f"{where}: a head without rows. Give a table with rows")
    bad = [f"row {k + 1} has {len(row)} cells, not {len(head)}" for k, row in enumerate(body) if len(row) != len(head)]
    if len(bad) == len(body):
        raise Problem(f"{where}: no row has as many cells as the head ({len(head)}): {bad[0]}. Mend it")
    numbers = [k + 1 for k, row in enumerate(body) if len(row) == len(head)]
    if bad:
        notes.append(f"{len(bad):,} rows with more or fewer cells left out: {bad[0]}")
        body = [row for row in body if len(row) == len(head)]
    columns = {name: [None if c.lower() in MISSING else c for c in cells] for name, cells in zip(head, zip(*body))}
    return Table(where, columns, notes, bad, numbers)


def _with_points(table: Table) -> None:
    """Numbers with decimal commas, as half of the world writes them, get points, and that is said."""
    found = {name: made for name, cells in table.columns.items() if (made := points(cells)) is not None}
    table.columns.update(found)
    if found:
        table.notes.append(f"decimal commas are read as points: {some(list(found))}")


def points(cells: Sequence[str | None]) -> list[str | None] | None:
    """A column of numbers with decimal commas (and with points between thousands, if any) as Python writes them; None
    of another column. Only where commas do not divide cells."""
    there = [cell for cell in cells if cell is not None and cell.strip().lower() not in MISSING]
    if not any("," in cell for cell in there) or not all(_COMMA.fullmatch(cell.strip()) for cell in there):
        return None
    return [None if cell is None else cell.replace(".", "").replace(",", ".") for cell in cells]


def _parquet(where: str) -> Table:
    import pyarrow as pa
    from pyarrow import parquet

    columns, notes = {}, []
    try:
        found = parquet.ParquetFile(where).read()
        twice = [name for name, count in Counter(found.column_names).items() if count > 1]
        if twice:
            raise Problem(f"{where}: two columns named {twice[0]}. Rename one")
        for name in found.column_names:
            values, kind = found[name], found[name].type
            if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
                notes.append(f"{name}: no plain values, left out")
                continue
            if pa.types.is_timestamp(kind):  # Python's own times have no nanoseconds
                values = values.cast(pa.timestamp("us", kind.tz), safe=False)
            columns[name] = [clean(v) for v in values.to_pylist()]
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Problem(f"{where}: not a whole Parquet file ({str(error).splitlines()[0]}). Save it again") from None
    if not columns or not len(found):
        raise Problem(f"{where}: no plain rows. Give a table of numbers and words")
    return Table(where, columns, notes)


def some(names: Sequence[str], most: int = NAMED) -> str:
    """For a line that is read by a person."""
    return ", ".join(names) if len(names) <= most else f"{', '.join(names[:most])} and {len(names) - most} more"


def clean(value: Any) -> str | None:
    """A value as a file's cell would hold it; None where it is missing."""
    cell = "" if value is None else str(value).strip()
    return None if cell.lower() in MISSING else cell


def number(cell: str | None) -> float | None:
    """A finite number, or None. 1_000, which Python reads as a number, is none."""
    if cell is None or "_" in cell:
        return None
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if value - value == 0 else None


def write(rows: Sequence[dict[str, Any]], file: Path) -> Path:
    """Rows as CSV. Raises NoRoom."""

    def fill(part: Path) -> None:
        with open(part, "w", newline="", encoding="utf-8") as out:
            writer = csv.DictWriter(out, list(rows[0]) if rows else [])
            writer.writeheader()
            writer.writerows(rows)

    writing.write(file, fill)
    return file


def append(rows: Sequence[dict[str, Any]], file: Path) -> None:
    """More rows of the same columns after those of a file. Raises NoRoom."""
    out = io.StringIO(newline="")
    csv.DictWriter(out, list(rows[0]) if rows else []).writerows(rows)
    writing.append(file, out.getvalue())
