"""Picture files of one domain as another has them: same names, same folders, same format, same size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from reverie.errors import Problem
from reverie.kinds.image.codec import Codec
from reverie.kinds.image.items import Pictures

from .codes import able
from .picture_files import by_depth, copied
from .strips import strips
from .turned import BLOCK, translated, turned

if TYPE_CHECKING:
    from reverie.training.run import Run

PARTS = ("", "train", "test")  # before a domain's name, in the folders of the public layout


@dataclass(frozen=True)
class Translation:
    folder: Path
    source: str  # the domain of the files
    to: str  # and that of their copies
    files: list[Path]  # in the order of those read
    sheet: Image.Image  # of the first ones: as they were, translated, and back
    notes: list[str] = field(default_factory=list)


def translate(run: Run, places: Sequence[str], to: str = "", out: Path | None = None) -> Translation:
    """A copy of every picture in files and folders (with all below them) as the domain `to` has it, written into the
    new folder `out` (RUN/as-TO) under its own name; `out` is there whole, or not at all. Without `to` the pictures must
    lie in a folder that is called as one of the domains, and become the other. A picture is scaled by its own depth,
    and must have the size and channels of the run's: nothing is resized. Raises Problem, NoRoom."""
    able(run, "translate")
    source, to = direction(run, places, to)
    out = out or run.path / f"as-{to}"
    assert isinstance(run.codec, Codec)
    codec = run.codec

    def change(pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
        return by_depth(pictures, codec, lambda own, items: changed(run, own, items, source, to))

    made = copied(run, places, out, "translates", change, BLOCK)
    own = replace(codec, bits=8 * made.first.itemsize)
    first = Pictures(made.first, None, np.arange(len(made.first)), own)
    found = turned(run.model, own, first, torch.arange(len(first)), source, to)
    return Translation(out, source, to, made.files, strips({(source, to): found}), made.notes)


def changed(run: Run, codec: Codec, items: Pictures, source: str, to: str) -> np.ndarray:
    index = torch.arange(len(items))
    return np.concatenate([codec.decode(made) for made in translated(run.model, items, index, source, to)])


def direction(run: Run, places: Sequence[str], to: str) -> tuple[str, str]:
    """Which domain the pictures are of, and which they become. Raises Problem, naming both, where nothing says."""
    domains = run.spec.domains
    both = " or ".join(f"--to {domain}" for domain in domains)
    if to:
        if to not in domains:
            raise Problem(f"--to {to}: no domain of {run.path}. Pass {both}")
        return next(domain for domain in domains if domain != to), to
    if not places:
        raise Problem("no files. Name pictures or folders after the run")
    found = {of(place, domains) for place in places}
    if len(found) != 1 or None in found:
        where = ", ".join(places[:2])
        raise Problem(f"{where}: of which domain, {' or '.join(domains)}? No folder's name says. Pass {both}")
    source = str(found.pop())
    return source, next(domain for domain in domains if domain != source)


def of(place: str, domains: Sequence[str]) -> str | None:
    """The domain that a folder, or the folder of a file, is called after."""
    path = Path(place).expanduser().resolve()
    folder = path if path.is_dir() else path.parent
    return next((domain for domain in domains if folder.name in [f"{part}{domain}" for part in PARTS]), None)
