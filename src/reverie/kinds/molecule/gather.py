"""Every molecule of a place: of one file, of a folder of files, of parts that files or a column name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from reverie.errors import Problem
from reverie.kinds.table.files import some

from .files import LINES, STRUCTURES, TABLES, Found, read

TRAIN, TEST = "train", "test"  # parts that are learnt from and that judge; others judge too, by themselves
SPLITS = ("split", "set", "part", "subset")  # names of a column that says which part a row is of
SUFFIXES = (*LINES, *STRUCTURES, *TABLES)
ABOUT = ("readme", "license", "licence", "copying", "notice", "authors", "citation", "changelog", "version")


@dataclass
class Gathered:
    """Molecules of any number of files, one after the other."""

    smiles: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)  # of each in its file
    files: list[int] = field(default_factory=list)  # of each: which of `sources`
    sources: list[str] = field(default_factory=list)  # "line", "test.smi line": what a person calls an item
    parts: list[str] = field(default_factory=list)  # of each: TRAIN, TEST, another name; "": not said
    columns: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.smiles)

    def place(self, i: int) -> str:
        return f"{self.sources[self.files[i]]} {self.numbers[i]}"

    def add(self, found: Found, named: str, parts: Sequence[str]) -> None:
        """Another file's, whose columns are kept as far as all files have them."""
        before = len(self)
        self.smiles += found.smiles
        self.numbers += found.numbers
        self.files += [len(self.sources)] * len(found.smiles)
        self.sources.append(f"{named} {found.called}".strip())
        self.parts += parts
        both = found.columns if not before else {k: v for k, v in self.columns.items() if k in found.columns}
        self.columns = {k: (self.columns[k] if before else []) + found.columns[k] for k in both}
        self.notes += found.notes
        self.bad += found.bad

    def kept(self, rows: Sequence[int]) -> Gathered:
        """Those at the places."""
        columns = {k: [v[i] for i in rows] for k, v in self.columns.items()}
        numbers, files = [self.numbers[i] for i in rows], [self.files[i] for i in rows]
        parts, smiles = [self.parts[i] for i in rows], [self.smiles[i] for i in rows]
        return Gathered(smiles, numbers, files, self.sources, parts, columns, self.notes, self.bad)

    def of(self, *parts: str) -> np.ndarray:
        """The places of the molecules of those parts."""
        return np.flatnonzero(np.isin(np.array(self.parts), parts))


def files(where: Path) -> list[Path]:
    """The files of molecules at a place, in the order of their names. Raises Problem where a folder has none."""
    if not where.is_dir():
        return [where]
    found = [where / name for name in sorted(os.listdir(where)) if named(name)]
    if not found:
        raise Problem(f"{where}: no file of molecules in it. Put some there, as .smi, .csv or .sdf")
    return found


def named(name: str) -> bool:
    return not name.startswith(".") and name.lower().endswith(SUFFIXES)


def not_read(name: str) -> bool:
    return not (name.startswith(".") or named(name))


def about(name: str) -> bool:
    """Does a file say something of the molecules beside it, in place of holding some?"""
    return name.lower().split(".")[0] in ABOUT


def stem(path: Path) -> str:
    return path.name.lower().split(".")[0]


def parted(paths: Sequence[Path]) -> bool:
    """Do files say by their names which is learnt from and which judges?"""
    return {TRAIN, TEST} <= {stem(path) for path in paths}


def gather(where: Path, column: str, test: Path | None) -> Gathered:
    """All molecules; those of `test`, another place, as the part TEST. Raises Problem."""
    whole, paths = Gathered(), files(where)
    if others := [name for name in sorted(os.listdir(where)) if not_read(name)] if where.is_dir() else []:
        whole.notes.append(f"left aside, as no file of molecules: {some(others)}")
    by_name = len(paths) > 1 and parted(paths)
    for path in paths:
        found = read(path, column)
        parts = [stem(path)] * len(found.smiles) if by_name else by_column(found)
        whole.add(found, path.name if len(paths) > 1 else "", parts)
    if test is not None:
        if TEST in whole.parts:
            raise Problem(f"--test {test}: {where} has a test part of its own. Leave it out")
        for path in files(test):
            found = read(path, column)
            whole.add(found, path.name, [TEST] * len(found.smiles))
    if not whole.smiles and not whole.bad:
        raise Problem(f"{where}: no molecule in it. Give a SMILES a line")
    return whole


def by_column(found: Found) -> list[str]:
    """The part that each row says it is of, where a column says it of all; else ""."""
    for name, cells in found.columns.items():
        values = [cell.lower() for cell in cells] if name.lower() in SPLITS else []
        if {TRAIN, TEST} <= set(values):
            return values
    return [""] * len(found.smiles)
