"""Pictures: a folder (flat, or a folder a class) or a zip of PNG, JPEG, WebP, TIFF, BMP and GIF files, IDX files, .npy
and .npz, Parquet, a folder that `datasets` saved. Grey, RGB, alpha, 8 or 16 bits: what comes out is what went in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reverie.kinds import DataOptions, Unseen

from .codec import Codec, load_picture
from .formats import content, saved_as
from .page import save, show
from .places import locate, mostly_pictures
from .sources import Images
from .tables import has_pictures

__all__ = [
    "SHEET", "TARGETS", "Codec", "content", "load_picture", "open", "recognise", "save", "saved_as", "show",
    "unchanged", "unseen",
]  # fmt: skip

TARGETS = ("labels",)
SHEET = ".png"  # the suffix of what `show` writes


def recognise(path: Path) -> bool:
    """Pictures by names and first bytes; a folder or zip that holds at least as many pictures as texts."""
    path = Path(path)
    if path.is_dir() and mostly_pictures(path):
        return True
    place = locate(path, str(path))
    if place is None or place.form == "folder":  # a folder with fewer pictures than texts
        return place is not None and not path.is_dir()
    if place.form == "zips":
        return any(mostly_pictures(file) for file in place.files)
    return place.form not in ("parquet", "arrow") or has_pictures(place)


def unseen(where: Sequence[str], codec: Codec, options: DataOptions) -> Unseen:
    """Pictures of any source, in its order, as the codec takes them. Raises Problem."""
    from .fresh import read

    return read(where, codec, options)


def unchanged(where: Sequence[str], codec: Codec, options: DataOptions) -> Unseen:
    """The same, none of them resized or otherwise brought to the codec's form. Raises Problem at the first that would
    have to be."""
    from .fresh import read

    return read(where, codec, options, as_it_is=True)


def open(where: str, options: DataOptions) -> Images:
    """A source of pictures at a path. Raises Problem on options that no pictures can meet."""
    return Images(where, options)
