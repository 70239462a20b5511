"""Tables on disk -> columns of strings, None where a value is missing."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reverie.errors import Problem

CSV = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
SUFFIXES = (*CSV, ".parquet")
MISSING = frozenset(("", "?", "na", "n/a", "nan", "null", "none", "-", "#n/a"))  # in any case
DELIMITERS = ",;\t|"
LOOKED_AT = 20  # lines that say which delimiter it is
LARGEST = 4 << 30  # bytes


@dataclass
class Table:
    """Columns of equal length, by name."""

    where: str
    columns: dict[str, list[str | None]]
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))


def read(where: str, skip_bad: bool = False, names: Sequence[str] = ()) -> Table:
    """A CSV or Parquet file. `names`: of the columns of a file that has no head, and as many. Raises Problem."""
    path = Path(where)
    if not path.is_file():
        raise Problem(f"{where}: no such file. Is it spelt right?")
    if path.stat().st_size > LARGEST:
        raise Problem(f"{where}: {path.stat().st_size / 1e9:.1f} GB, too much for memory. Split it")
    if path.name.lower().endswith(".parquet"):
        return _parquet(where)
    rows, delimiter = _rows(where)
    table = _headed(where, rows, skip_bad, names)
    if delimiter != ",":
        table.notes.insert(0, f"columns are divided by {delimiter!r}")
    return table


def _rows(where: str) -> tuple[list[list[str]], str]:
    """Every line that is not empty, cut into stripped cells."""
    text = _text(where)
    if "\0" in text:
        raise Problem(f"{where}: holds NUL bytes: no text. Save it as CSV")
    delimiter = _delimiter(text)
    csv.field_size_limit(1 << 24)
    try:
        reader = csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True)
        rows = [[cell.strip() for cell in row] for row in reader if row and any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise Problem(f"{where}: not a CSV ({error}). Save it again") from None
    if not rows:
        raise Problem(f"{where}: empty. Give a table with rows")
    return rows, delimiter


def _text(where: str) -> str:
    try:
        data = Path(where).read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Problem(f"{where}: broken gzip ({error}). Copy it again") from None
    except OSError as error:
        raise Problem(f"{where}: can't be read ({error.strerror or error}). Check its permissions") from None
    for encoding in ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "latin-1"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Problem(f"{where}: broken UTF-16. Save it as UTF-8")


def _delimiter(text: str) -> str:
    """The one that cuts the first lines into equally many cells, the more the better."""
    lines = [line for line in text[:100_000].splitlines() if line.strip()][:LOOKED_AT]
    best, score = ",", (0.0, 0)
    for one in DELIMITERS:
        counts = Counter(len(row) for row in csv.reader(lines, delimiter=one, skipinitialspace=True))
        cells, often = counts.most_common(1)[0] if counts else (1, 0)
        if cells > 1 and (often / max(1, len(lines)), cells) > score:
            best, score = one, (often / len(lines), cells)
    return best


def _headed(where: str, rows: list[list[str]], skip_bad: bool, names: Sequence[str]) -> Table:
    """A first row of which no cell is a number, and none repeats, is the head."""
    notes = []
    first = rows[0]
    has_head = not any(number(cell) is not None for cell in first) and all(first)
    if has_head:
        head, body, at = first, rows[1:], 2
        twice = [name for name, count in Counter(head).items() if count > 1]
        if twice:
            raise Problem(f"{where}: two columns named {twice[0]}. Rename one")
    else:
        known = names if len(names) == len(first) else [f"c{k + 1}" for k in range(len(first))]
        head, body, at = list(known), rows, 1
        if known is not names:
            notes.append(f"no head: the columns are c1 … c{len(first)}")
    if not body:
        raise Problem(f"{where}: a head without rows. Give a table with rows")
    bad = [k for k, row in enumerate(body) if len(row) != len(head)]
    if bad and not skip_bad:
        row = body[bad[0]]
        more = f", and {len(bad) - 1:,} more rows" if len(bad) > 1 else ""
        raise Problem(
            f"{where}: row {bad[0] + at} has {len(row)} cells, not {len(head)}{more}. Mend it, or pass --skip-bad"
        )
    if bad:
        notes.append(f"{len(bad):,} rows with more or fewer cells left out, such as row {bad[0] + at}")
        body = [row for row in body if len(row) == len(head)]
    columns = {name: [None if c.lower() in MISSING else c for c in cells] for name, cells in zip(head, zip(*body))}
    return Table(where, columns, notes)


def _parquet(where: str) -> Table:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        found = parquet.read_table(where)
    except (pa.ArrowException, OSError) as error:
        raise Problem(f"{where}: not a whole Parquet file ({str(error).splitlines()[0]}). Save it again") from None
    columns, notes = {}, []
    for name in found.column_names:
        values = found[name].to_pylist()
        if any(isinstance(v, dict | list | bytes) for v in values[:1000]):
            notes.append(f"{name}: no plain values, left out")
            continue
        columns[name] = [None if v is None or str(v).strip().lower() in MISSING else str(v).strip() for v in values]
    if not columns or not len(found):
        raise Problem(f"{where}: no plain rows. Give a table of numbers and words")
    return Table(where, columns, notes)


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
    """Rows as CSV."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, list(rows[0]) if rows else [])
        writer.writeheader()
        writer.writerows(rows)
    return file
