"""Molecules in files: a SMILES a line (.smi), a column of SMILES in a table, structures (.sdf)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reverie.errors import Problem
from reverie.kinds.table.files import CSV, LARGEST, LISTED, clean, content, some
from reverie.kinds.table.files import read as read_table
from reverie.kinds.table.smiles import FEWEST, molecules, spaced

from .tokens import like

LINES = tuple(f"{name}{packed}" for name in (".smi", ".smiles", ".ism", ".can") for packed in ("", ".gz"))
STRUCTURES = tuple(f"{name}{packed}" for name in (".sdf", ".sd") for packed in ("", ".gz"))
TABLES = (*CSV, ".parquet")
NAMED = 1_000  # lines that say whether there are names
SAMPLE = 1_000  # cells that say whether a column is one of molecules
USUAL = ("smiles", "canonical_smiles", "isomeric_smiles")  # names of columns, the first that is there
_RECORD = re.compile(r"^\$\$\$\$.*\n?", re.MULTILINE)
_FIELD = re.compile(r"^> .*?<(.+?)>.*\n((?:.+\n?)*)", re.MULTILINE)


@dataclass
class Found:
    """Molecules of one file, in its order."""

    smiles: list[str]
    called: str  # what a person calls one: "line", "row", "molecule"
    numbers: list[int]  # of each in its file
    columns: dict[str, list[str]] = field(default_factory=dict)  # what else the file says of each
    notes: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)  # what can't be read at all: a line each


def read(path: Path, column: str = "") -> Found:
    """By its name; any other text as lines. Raises Problem."""
    if not path.is_file():
        raise Problem(f"{path}: no such file. Is it spelt right?")
    if path.stat().st_size > LARGEST:
        raise Problem(f"{path}: {path.stat().st_size / 1e9:.1f} GB, too much for memory. Split it")
    name = path.name.lower()
    if name.endswith(TABLES):
        return table(path, column)
    if column:
        raise Problem(f"--column {column}: {path.name} has no columns. Leave it out")
    return structures(path) if name.endswith(STRUCTURES) else lines(path)


def text(path: Path) -> tuple[list[str], list[str]]:
    """Every line, whatever ends it, and what is to be said of the file. Raises Problem."""
    whole, encoding = content(str(path))
    if "\0" in whole:
        raise Problem(f"{path}: holds NUL bytes: no text. Give a SMILES a line")
    return whole.replace("\r\n", "\n").split("\n"), [f"{path.name}: not UTF-8"] if encoding == "latin-1" else []


def lines(path: Path) -> Found:
    """The first word of each line; the rest is a name. Where each line has a comma, which no SMILES has, what stands
    before it. A first line that is a head, empty lines and those that begin with # are left out."""
    every, notes = text(path)
    full = [line for line in every if line.strip()][:NAMED]
    if full and all("," in line for line in full):
        notes.append(f"{path.name}: what stands before a line's first comma is taken; the rest is a name")
        every = [line.replace(",", " ", 1) for line in every]
    words = [(line.split(None, 1) or [""])[0] for line in every]
    if words and "smi" in words[0].lower() and not like(words[0]):
        notes.append(f"{path.name}: its first line is a head: {words[0][:40]}")
        words[0] = ""
    there = [i for i, word in enumerate(words) if word and word[0] != "#"]
    named = any(len(every[i].split(None, 1)) > 1 for i in there[:NAMED])
    columns = {"name": [(every[i].split(None, 1) + [""])[1].strip() for i in there]} if named else {}
    return Found([words[i] for i in there], "line", [i + 1 for i in there], columns, notes)


def table(path: Path, column: str) -> Found:
    """A column of a table; rows without a molecule are left out, and that is said."""
    found = read_table(str(path))
    chosen = pick(str(path), found.columns, column)
    cells = found.columns.pop(chosen)
    there = [i for i, cell in enumerate(cells) if cell is not None]
    notes = [f"{path.name}: {note}" for note in found.notes]
    others = list(found.columns)
    if others or chosen.lower() not in USUAL:
        notes.append(f"{path.name}: molecules in {chosen}" + (f"; beside them {some(others)}" if others else ""))
    if len(there) < len(cells):
        notes.append(f"{path.name}: {len(cells) - len(there):,} rows without a molecule left out")
    columns = {name: [whole[i] or "" for i in there] for name, whole in found.columns.items()}
    smiles = [cell for cell in cells if cell is not None]
    return Found(smiles, "row", [found.numbers[i] for i in there], columns, notes, [f"{path}: {b}" for b in found.bad])


def pick(where: str, columns: dict[str, list[str | None]], asked: str) -> str:
    """The column of molecules: the one asked for, else the one with such a name, else the only one that looks so.
    Raises Problem."""
    if asked:
        if asked not in columns:
            raise Problem(f"--column {asked}: no such column. There are: {some(list(columns), LISTED)}")
        return asked
    named = {name.lower(): name for name in columns}
    usual = next((named[name] for name in USUAL if name in named), "")
    if usual:
        return usual
    found = of_molecules(columns)
    if len(found) == 1:
        return found[0]
    what = f"{len(found)} columns of molecules" if found else "no column of molecules"
    raise Problem(f"{where}: {what}. Name one by --column: {some(found or list(columns), LISTED)}")


def of_molecules(columns: dict[str, list[str | None]]) -> list[str]:
    """The columns that look like SMILES."""
    return [name for name, cells in columns.items() if looks(name, cells)]


def looks(name: str, cells: Sequence[str | None]) -> bool:
    there = spaced([cell for cell in cells if cell is not None], SAMPLE)
    least = 1 if "smiles" in name.lower() else FEWEST
    return len(there) >= least and molecules(name, set(there))


def structures(path: Path) -> Found:
    """The records of an .sdf, each as the SMILES that RDKit writes; what they say under > <NAME> are columns."""
    from rdkit import Chem, rdBase

    every, notes = text(path)
    records = _RECORD.split("\n".join(every))
    records = records if records[-1].strip() else records[:-1]
    smiles, numbers, bad = [], [], []
    columns: list[dict[str, str]] = []
    with rdBase.BlockLogs():
        for k, record in enumerate(records, 1):
            found = Chem.MolFromMolBlock(record) if "M  END" in record else None
            if found is None or not found.GetNumAtoms():
                cut = "cut off before its M  END" if "M  END" not in record else "no molecule that RDKit can read"
                bad.append(f"{path}: molecule {k}: {cut}")
                continue
            smiles.append(str(Chem.MolToSmiles(found)))
            numbers.append(k)
            said = {name: value.strip() for name, value in _FIELD.findall(record.split("M  END", 1)[1])}
            title = record.split("\n", 1)[0].strip()
            columns.append({**({"name": title} if title else {}), **said})
    names = list(dict.fromkeys(name for one in columns for name in one))
    whole = {name: [clean(one.get(name)) or "" for one in columns] for name in names}
    return Found(smiles, "molecule", numbers, whole, notes, bad)
