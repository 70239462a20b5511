"""Picture files of one domain as another has them: same names, same folders, same format, same size.

A picture of another size than the run's is translated by a network that takes any, at the scale that was learnt:
resized as the training data was, but whole. Its own pixels, where a person asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from reverie.errors import Problem
from reverie.kinds.image.codec import LONGEST, Codec
from reverie.kinds.image.items import Pictures
from reverie.kinds.image.picture import fitted

from .codes import able
from .picture_files import by_depth, copied, only
from .strips import strips
from .turned import BLOCK, AnySize, translated, turned

if TYPE_CHECKING:
    from reverie.training.run import Run

PARTS = ("", "train", "test")  # before a domain's name, in the folders of the public layout
SCALES = ("run", "own")  # that a picture of another size than the run's is translated at
MOST = 1 << 22  # pixels of such a picture, at that scale: 4 GiB in a network of 64 channels


@dataclass(frozen=True)
class Translation:
    folder: Path
    source: str  # the domain of the files
    to: str  # and that of their copies
    files: list[Path]  # in the order of those read
    sheet: Image.Image  # of the first ones: as they were, translated, and back
    notes: list[str] = field(default_factory=list)


def translate(
    run: Run, places: Sequence[str], to: str = "", out: Path | None = None, scale: str = "run"
) -> Translation:
    """A copy of every picture in files and folders (with all below them) as the domain `to` has it, written into the
    new folder `out` (RUN/as-TO) under its own name; `out` is there whole, or not at all. Without `to` the pictures must
    lie in a folder that is called as one of the domains, and become the other. A picture is scaled by its own depth,
    and must have the channels of the run's. One of another size is translated at the run's `scale`, and given back at
    its own size; with `scale` "own" its own pixels are. Raises Problem, NoRoom."""
    able(run, "translate")
    if scale not in SCALES:
        raise Problem(f"scale {scale}: not one of its values. There are: {', '.join(SCALES)}")
    source, to = direction(run, places, to)
    out = out or run.path / f"as-{to}"
    assert isinstance(run.codec, Codec)
    codec = run.codec

    def change(pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
        ready = [prepared(run, one, scale) for one in pictures]
        done = by_depth(ready, codec, lambda own, items: changed(run, own, items, source, to))
        return [restored(run, made, was.shape[:2], scale) for made, was in zip(done, pictures)]

    def refuses(height: int, width: int) -> str:
        tall, wide = scaled(codec, (height, width), scale)
        if not isinstance(run.model, AnySize):
            return only(height, width)
        cure = "--scale run, or smaller pictures" if scale == "own" else "a picture that is less long"
        large = tall * wide > MOST or max(padded(run.model, (tall, wide))) > LONGEST
        return f"At that scale it is {tall:,}×{wide:,}, too large. Give {cure}" if large else ""

    made = copied(run, places, out, "translates", change, BLOCK, refuses)
    own = replace(codec, bits=8 * made.first.itemsize)
    first = Pictures(made.first, None, np.arange(len(made.first)), own)
    found = turned(run.model, own, first, torch.arange(len(first)), source, to)
    notes = [*made.notes, *([told(codec, made.resized, scale)] if made.resized else [])]
    return Translation(out, source, to, made.files, strips({(source, to): found}), notes)


def changed(run: Run, codec: Codec, items: Pictures, source: str, to: str) -> np.ndarray:
    """Pictures of one size: of the run's some at a time, of another by itself, which a large one fills memory with."""
    assert isinstance(run.codec, Codec)
    index, block = torch.arange(len(items)), BLOCK if codec.size == run.codec.size else 1
    return np.concatenate([codec.decode(made) for made in translated(run.model, items, index, source, to, block)])


# --------------------------------------------------------------------------------------------------------------- sizes


def scaled(codec: Codec, size: tuple[int, int], scale: str) -> tuple[int, int]:
    """What a picture of this size is translated at. The run's scale is the one that its data was resized by: crop's
    covers the run's size, pad's lies within it, stretch has no other than that size. Nothing is cut off or filled up,
    as the network takes any aspect."""
    if scale == "own" or size == codec.size:
        return size
    if codec.fit == "stretch":
        return codec.size
    ratios = [to / side for side, to in zip(size, codec.size)]
    factor = max(ratios) if codec.fit == "crop" else min(ratios)
    tall, wide = (max(1, round(side * factor)) for side in size)
    return tall, wide


def prepared(run: Run, picture: np.ndarray, scale: str) -> np.ndarray:
    """At its scale; with sides that the network takes, the picture mirrored beyond its lower and right edge."""
    assert isinstance(run.codec, Codec)
    size = picture.shape[0], picture.shape[1]
    if size == run.codec.size:
        return picture
    assert isinstance(run.model, AnySize)
    picture = fitted(picture, scaled(run.codec, size, scale), "stretch")
    tall, wide = padded(run.model, picture.shape[:2])
    more = [(0, tall - picture.shape[0]), (0, wide - picture.shape[1]), (0, 0)]
    return np.pad(picture, more, mode="symmetric")


def padded(model: AnySize, size: Sequence[int]) -> tuple[int, int]:
    """The next sides that the network takes."""
    unit = model.divides
    tall, wide = (max(-(-side // unit), -(-model.least // unit)) * unit for side in size)
    return tall, wide


def restored(run: Run, picture: np.ndarray, size: tuple[int, int], scale: str) -> np.ndarray:
    """What was translated, at its own size again."""
    assert isinstance(run.codec, Codec)
    tall, wide = scaled(run.codec, size, scale)
    return fitted(picture[:tall, :wide], size, "stretch")


def told(codec: Codec, count: int, scale: str) -> str:
    size = "×".join(map(str, codec.size))
    said = f"{count:,} of another size than the run's {size}: translated"
    if scale == "own":
        return f"{said} pixel by pixel. --scale run brings them to the scale that was learnt, and back"
    return f"{said} at the scale that was learnt, and scaled back. --scale own translates pixel by pixel"


# ---------------------------------------------------------------------------------------------------------- directions


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
    if len(found) > 1 and None not in found:
        raise Problem(f"{', '.join(places)}: of {' and of '.join(domains)}. Give those of one domain at a time")
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
