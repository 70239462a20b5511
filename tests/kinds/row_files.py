"""Rows as files of every form that a table of texts may have."""

import csv
import gzip
import json
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet


def put(folder: Path, name: str, rows: list[dict], head: bool = True) -> Path:
    """By the name's end: .csv, .tsv, .jsonl, each also .gz, or .parquet."""
    path = folder / name
    if name.endswith("parquet"):
        parquet.write_table(pa.Table.from_pylist(rows), path)
        return path
    with gzip.open(path, "wt", newline="") if name.endswith(".gz") else open(path, "w", newline="") as out:
        if "jsonl" in name:
            out.writelines(json.dumps(row) + "\n" for row in rows)
            return path
        writer = csv.DictWriter(out, list(rows[0]), delimiter="\t" if "tsv" in name else ",")
        if head:
            writer.writeheader()
        writer.writerows(rows)
    return path
