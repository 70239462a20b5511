"""Pictures in tables: Parquet files, and the Arrow files of a folder that Hugging Face's `datasets` saved."""

from __future__ import annotations

import bisect
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.machine import memory

from .listing import Encoded, Numbers, numbered, part, parted
from .picture import Unreadable
from .places import Place

_COLUMNS = ("image", "img", "picture", "photo")
_LABELS = ("label", "labels", "class", "fine_label")
_MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"II*\0", b"MM\0*", b"BM", b"GIF8")
_KEPT = 4  # row groups in memory: threads read on in order, so that few are in use


def read_parquet(place: Place, options: DataOptions) -> Encoded:
    """Parquet files: a column of pictures (bytes, or Hugging Face's {bytes, path}) and one of labels, if there is one.
    Raises Problem."""
    import pyarrow.parquet as pq

    files, starts, groups = [], [], []
    rows = 0
    for path in place.files:
        with _readable(path):
            file = pq.ParquetFile(path)
        files.append(file)
        for g in range(file.num_row_groups):
            about = file.metadata.row_group(g)
            if about.total_byte_size > memory() // 4:
                size = f"{about.total_byte_size / 1e9:,.1f} GB"
                raise Problem(f"{path}: row group {g} unpacks to {size}. Write it anew with smaller ones.")
            starts.append(rows)
            groups.append((len(files) - 1, g))
            rows += about.num_rows
    schema = _same_schema(place, [file.schema_arrow for file in files])
    column = _column(place, schema, options.column, lambda name: _first(files, name))
    lock = threading.Lock()
    open_groups: OrderedDict[int, Any] = OrderedDict()

    def read(i: int) -> bytes:
        k = bisect.bisect_right(starts, i) - 1
        with lock:
            if k not in open_groups:
                f, g = groups[k]
                try:
                    open_groups[k] = files[f].read_row_group(g, columns=[column]).column(0)
                except Exception as error:  # pyarrow raises OSError, ArrowInvalid and more on broken pages
                    raise Unreadable(f"can't be unpacked ({_short(error)})") from error
                while len(open_groups) > _KEPT:
                    open_groups.popitem(last=False)
            open_groups.move_to_end(k)
            values = open_groups[k]
        return _bytes(values[i - starts[k]].as_py())

    counts = [file.metadata.num_rows for file in files]
    return _listed(place, schema, counts, lambda name: _labels(place, files, name), read, column)


def read_arrow(place: Place, options: DataOptions) -> Encoded:
    """The Arrow files of a folder that `datasets` saved with `save_to_disk`, memory-mapped. Raises Problem."""
    tables = []
    for path in place.files:
        with _readable(path):
            tables.append(_arrow(path).read_all())
    if not place.files:
        raise Problem(f"{place.where}: no .arrow files in this saved data set. Save it again with save_to_disk.")
    _no_indices(place)
    schema = _same_schema(place, [table.schema for table in tables])
    column = _column(place, schema, options.column, lambda name: _first_of(t.column(name) for t in tables))
    chunks = [chunk for table in tables for chunk in table.column(column).chunks]
    starts = np.cumsum([0, *map(len, chunks)]).tolist()

    def read(i: int) -> bytes:
        k = bisect.bisect_right(starts, i) - 1
        return _bytes(chunks[k][i - starts[k]].as_py())

    def labels(name: str) -> list[Any]:
        return [value for table in tables for value in table.column(name).to_pylist()]

    return _listed(place, schema, [table.num_rows for table in tables], labels, read, column)


def _arrow(path: Path) -> Any:
    import pyarrow as pa

    source = pa.memory_map(str(path))
    try:
        return pa.ipc.open_stream(source)
    except pa.ArrowInvalid:
        source.seek(0)
        return pa.ipc.open_file(source)


def has_pictures(place: Place) -> bool:
    """A table may hold text: does its first file have a column of bytes?"""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        path = place.files[0]
        schema = pq.read_schema(path) if place.form == "parquet" else _arrow(path).schema
    except (pa.ArrowException, OSError, ValueError, IndexError):
        return True  # broken or empty: opening it says how
    return any(_is_struct(column.type) or _is_binary(column.type) for column in schema)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Problem(f"{path}: can't be read ({_short(error)}). Copy or download it again.") from None


def _short(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:160] if lines else type(error).__name__


def _same_schema(place: Place, schemas: list[Any]) -> Any:
    if not schemas:
        raise Problem(f"{place.where}: no rows in it. Give a file with pictures.")
    for schema in schemas[1:]:
        if schema.names != schemas[0].names:
            raise Problem(f"{place.where}: its files have different columns. Name one of them.")
    return schemas[0]


def _is_struct(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_struct(kind)) and "bytes" in [kind.field(i).name for i in range(kind.num_fields)]


def _is_binary(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _column(place: Place, schema: Any, wish: str, first: Callable[[str], Any]) -> str:
    """The column of pictures: the one wished for, else the first {bytes, path}, else bytes that begin as
    a picture does. Raises Problem."""
    names = ", ".join(schema.names)
    if wish and wish not in schema.names:
        raise Problem(f"--column {wish}: no such column in {place.where}. There are: {names}")
    if wish and not _is_struct(schema.field(wish).type) and not _is_binary(schema.field(wish).type):
        raise Problem(f"--column {wish}: {schema.field(wish).type}, no pictures. It takes bytes, or bytes and path.")
    if wish:
        return wish
    order = sorted(schema.names, key=lambda name: name.lower() not in _COLUMNS)
    for name in order:
        if _is_struct(schema.field(name).type):
            return str(name)
    for name in order:
        if _is_binary(schema.field(name).type) and (first(name) or b"").startswith(_MAGIC):
            return str(name)
    raise Problem(f"{place.where}: no column of pictures (columns: {names}). Name one with bytes by --column.")


def _first(files: list[Any], name: str) -> Any:
    for file in files:
        for batch in file.iter_batches(batch_size=64, columns=[name]):
            value = _first_of([batch.column(0)])
            if value is not None:
                return value
    return None


def _first_of(columns) -> Any:  # type: ignore[no-untyped-def]
    return next((value.as_py() for column in columns for value in column if value.is_valid), None)


def _bytes(value: Any) -> bytes:
    if isinstance(value, dict):
        data, path = value.get("bytes"), value.get("path")
        if data is None and path:
            raise Unreadable(f"only its path is kept ({path}). Save the data set with its pictures")
        value = data
    if value is None:
        raise Unreadable("an empty row")
    return bytes(value)


def _no_indices(place: Place) -> None:
    """A data set that was shuffled or selected from and saved by an old `datasets` keeps its order in another file."""
    for folder in {path.parent for path in place.files}:
        try:
            state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(state, dict) and state.get("_indices_files"):
            raise Problem(f"{folder}: its order is kept apart from its pictures. Save it after flatten_indices().")


def _labels(place: Place, files: list[Any], name: str) -> list[Any]:
    with _readable(Path(place.where)):
        return [value for file in files for value in file.read(columns=[name]).column(0).to_pylist()]


def _listed(place: Place, schema: Any, counts: list[int], labels, read, column: str) -> Encoded:  # type: ignore[no-untyped-def]
    if not sum(counts):
        raise Problem(f"{place.where}: no rows in it. Give a file with pictures.")
    marks = [part(path.stem) or part(path.parent.name) for path in place.files]
    test, notes = parted([mark for mark, n in zip(marks, counts) for _ in range(n)])
    notes.insert(0, f"pictures from the column {column!r}")
    listing = Encoded(Numbers(sum(counts), "row "), test=test, notes=notes, read=read)
    name = next((n for n in _LABELS if n in schema.names), "")
    if not name:
        return listing
    values = labels(name)
    if any(v is None or not isinstance(v, (int, str)) or (isinstance(v, int) and v < 0) for v in values):
        listing.notes.append(f"column {name!r}: missing or negative labels, or no whole numbers or names: left aside")
        return listing
    known = _class_names(place, schema, name)
    if known and all(isinstance(v, int) and v < len(known) for v in values):
        listing.labels, listing.classes = np.array(values, np.int64), known
    else:
        listing.labels, listing.classes = numbered([str(int(v)) if isinstance(v, int) else v for v in values])
    listing.notes.append(f"{len(listing.classes):,} classes from the column {name!r}")
    return listing


def _class_names(place: Place, schema: Any, name: str) -> tuple[str, ...]:
    """Names that `datasets` wrote down for the label's numbers."""
    try:
        about = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, ValueError, TypeError):
        try:
            info = place.files[0].parent / "dataset_info.json"
            about = json.loads(info.read_text(encoding="utf-8"))["features"]
        except (OSError, ValueError, KeyError, TypeError):
            return ()
    of_label = about.get(name) if isinstance(about, dict) else None
    names = of_label.get("names") if isinstance(of_label, dict) else None
    if not isinstance(names, list) or len(set(map(str, names))) < len(names):
        return ()
    return tuple(map(str, names))
