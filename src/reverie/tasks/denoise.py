"""Picture files without their noise: same names, same folders, same format, same size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from reverie.core import Denoises
from reverie.errors import Problem
from reverie.kinds.image.codec import Codec

from .codes import BLOCK, able, decoded, encoded, told
from .picture_files import by_depth, copied
from .sheet import sheet, shown

if TYPE_CHECKING:
    from reverie.training.run import Run


@dataclass(frozen=True)
class Cleaned:
    folder: Path
    files: list[Path]  # in the order of those read
    sheet: Image.Image  # of the first ones: as they were, and cleaned
    notes: list[str] = field(default_factory=list)


def denoise(run: Run, places: Sequence[str], out: Path) -> Cleaned:
    """A clean copy of every picture in files and folders (with all below them), written into the new folder `out` under
    its own name; `out` is there whole, or not at all. A picture is scaled by its own depth, and must have the size and
    channels of the run's: nothing is resized. Raises Problem, NoRoom."""
    able(run, "encode", "decode")
    if run.spec.kind != "image":
        raise Problem(f"{run.path}: a run of {run.spec.kind}; files of pictures are denoised. Try reverie reconstruct")
    if told(run.model):
        name = told(run.model)[0]
        raise Problem(f"{run.path}: its codes hang on an item's {name}, which files don't say. Name a run without")
    said = trained(run)
    made = copied(run, places, out, "cleans", lambda pictures: cleaned(run, pictures), BLOCK)
    after = np.stack(cleaned(run, list(made.first)))
    page = sheet([list(shown(made.first)), list(shown(after))], ("as they were", "cleaned"))
    return Cleaned(out, made.files, page, [said, *made.notes])


def cleaned(run: Run, pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Each as the model has it, in its own depth."""
    assert isinstance(run.codec, Codec)
    return by_depth(pictures, run.codec, lambda codec, items: codec.decode(decoded(run, encoded(run, items))))


def trained(run: Run) -> str:
    """What to say of a model that denoises, or of one that was not made for it."""
    if isinstance(run.model, Denoises):
        return f"{run.family.name} has learnt to take away {run.model.removes}"
    return (
        f"{run.family.name} was not trained to denoise: what its codes can't hold is lost, noise and detail alike. "
        "`reverie models` says which models denoise"
    )
