"""Molecules as files and on a sheet of drawings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reverie.kinds.table.files import append as append_rows
from reverie.kinds.table.files import write as write_rows
from reverie.kinds.writing import append, write

from .properties import NAMES, WHOLE, canonical, mol, properties

COLUMNS, WIDTH, HEIGHT = 6, 240, 220  # of the sheet: drawings in a row, pixels of each
SHOWN = ("qed", "logp", "sa")  # properties that stand under a drawing
LETTERS = 30  # of a SMILES that can't be drawn, and stands there in place of a drawing


def save(raw: Sequence[str], folder: Path, first: int = 0) -> list[Path]:
    """All in one table, sample-molecules.csv, with what RDKit says of each, and those that are molecules as a file of
    SMILES, sample-molecules.smi. Those from `first` on come after those that are there, and then no new file is named.
    Raises NoRoom."""
    table, lines = Path(folder) / "sample-molecules.csv", Path(folder) / "sample-molecules.smi"
    rows = [row(smiles) for smiles in raw]
    whole = "".join(f"{smiles}\n" for smiles in raw if mol(smiles) is not None)
    if first and table.exists():
        append_rows(rows, table)
        append(lines, whole)
        return []
    write_rows(rows, table)
    write(lines, whole)
    return [table, lines]


def row(smiles: str) -> dict[str, Any]:
    """What RDKit says of a sample, as a row of a table."""
    found = properties(smiles)
    said = dict.fromkeys(NAMES, "") if found is None else rounded(found)
    return {"smiles": smiles, "valid": found is not None, "canonical": canonical(smiles) or "", **said}


def rounded(found: dict[str, float]) -> dict[str, Any]:
    return {name: int(value) if name in WHOLE else round(value, 4) for name, value in found.items()}


def show(raw: Sequence[str], file: Path) -> None:
    """A drawing of each, with its properties; what is no molecule as it is written. A .svg, or by any other suffix a
    .png. Raises NoRoom."""
    from rdkit.Chem.Draw import rdMolDraw2D

    across = min(COLUMNS, max(1, len(raw)))
    down = -(-len(raw) // across)
    size = (across * WIDTH, max(1, down) * HEIGHT, WIDTH, HEIGHT)
    vector = Path(file).suffix.lower() == ".svg"
    sheet: Any = rdMolDraw2D.MolDraw2DSVG(*size) if vector else rdMolDraw2D.MolDraw2DCairo(*size)
    options = sheet.drawOptions()
    options.legendFontSize, options.padding = 14, 0.08
    drawn = [mol(smiles) or none() for smiles in raw]
    sheet.DrawMolecules(drawn, legends=list(map(legend, raw)))
    sheet.FinishDrawing()
    write(Path(file), sheet.GetDrawingText())


def none() -> Any:
    """What stands in place of a drawing."""
    from rdkit import Chem

    made = Chem.MolFromSmiles("*")
    made.GetAtomWithIdx(0).SetProp("_displayLabel", "no molecule")
    return made


def legend(smiles: str) -> str:
    """What stands under a drawing."""
    found = properties(smiles, SHOWN)
    if found is not None:
        return "  ".join(f"{name} {value:.2f}" for name, value in found.items())
    return smiles if len(smiles) <= LETTERS else f"{smiles[:LETTERS]}..."
