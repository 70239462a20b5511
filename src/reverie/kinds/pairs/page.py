"""Pairs as files and on a sheet of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from reverie.kinds.writing import write

Raw = Sequence[Mapping[str, str]]


def save(raw: Raw, folder: Path, first: int = 0) -> list[Path]:
    """Each pair as sample-000000.tsv and on: source, tab, target. Raises NoRoom."""
    files = [Path(folder) / f"sample-{first + i:06d}.tsv" for i in range(len(raw))]
    for file, pair in zip(files, raw):
        write(file, "\t".join(" ".join(pair.get(k, "").split()) for k in ("source", "target")) + "\n")
    return files


def show(raw: Raw, file: Path) -> None:
    """Many pairs on one sheet, the target below its source. Raises NoRoom."""
    write(Path(file), "\n".join(f"{pair.get('source', '')}\n    {pair.get('target', '')}\n" for pair in raw))
