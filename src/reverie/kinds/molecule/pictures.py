"""A drawing of each molecule, for pages."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from .page import HEIGHT, WIDTH, legend, none
from .properties import mol


def pictured(raw: Sequence[str]) -> np.ndarray:
    """(N, H, W, 3) uint8: a structure with its properties; what is no molecule as it is written."""
    found = [drawing(smiles) for smiles in raw]
    return np.stack(found) if found else np.zeros((0, HEIGHT, WIDTH, 3), np.uint8)


def drawing(smiles: str) -> np.ndarray:
    from rdkit.Chem.Draw import rdMolDraw2D

    sheet: Any = rdMolDraw2D.MolDraw2DCairo(WIDTH, HEIGHT)
    options = sheet.drawOptions()
    options.legendFontSize, options.padding = 14, 0.08
    molecule = mol(smiles)
    sheet.DrawMolecule(molecule if molecule is not None else none(), legend=legend(smiles))
    sheet.FinishDrawing()
    return np.asarray(Image.open(io.BytesIO(sheet.GetDrawingText())).convert("RGB"))
