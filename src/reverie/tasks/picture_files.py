"""Picture files read one by one and written again under their own names: same folders, same format, same size."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reverie.errors import NoRoom, Problem
from reverie.kinds.image.codec import Codec
from reverie.kinds.image.formats import as_file
from reverie.kinds.image.items import Pictures
from reverie.kinds.image.picture import MAX_BYTES, Unreadable, fitted, header, pixels
from reverie.kinds.image.places import is_junk, is_picture
from reverie.training.files import cause

from .written import empty_folder

if TYPE_CHECKING:
    from reverie.training.run import Run

COLOURS = {1: "grey", 2: "grey and alpha", 3: "RGB", 4: "RGBA"}
SHOWN = 8  # pictures that are kept for a sheet


class Wanted(NamedTuple):
    """A file to read, and where its copy goes in the new folder."""

    file: Path
    target: Path


class Read(NamedTuple):
    picture: np.ndarray  # (H, W, C) uint8 or uint16
    form: str  # PNG, JPEG …


class Copied(NamedTuple):
    files: list[Path]  # in the order of those read
    first: np.ndarray  # (N, H, W, C): the first pictures of one depth, at the run's size
    notes: list[str]
    resized: int  # how many were of another size


Change = Callable[[Sequence[np.ndarray]], list[np.ndarray]]  # pictures (H, W, C) -> as many, of the same form
Refuses = Callable[[int, int], str]  # height and width, other than the run's -> why they can't be changed; "": they can


def only(height: int, width: int) -> str:
    return "Nothing is resized here: give such pictures, or train on these"


def copied(
    run: Run, places: Sequence[str], out: Path, does: str, change: Change, block: int, refuses: Refuses = only
) -> Copied:
    """A changed copy of every picture in files and folders (with all below them), written into the new folder `out`
    under its own name, `block` pictures at a time; `out` is there whole, or not at all. A picture must have the run's
    channels, and its size or one that `refuses` has nothing against. `does`: what the run does with pictures, in a
    word. Raises Problem, NoRoom."""
    notes: list[str] = []
    wanted = listed(places, notes)
    checked(empty_folder("--out", out), places)
    assert isinstance(run.codec, Codec)
    first: list[np.ndarray] = []
    size, fit, resized = run.codec.size, run.codec.fit, 0
    with whole(out) as part:
        for begin in range(0, len(wanted), block):
            some = wanted[begin : begin + block]
            found = [read(run, one.file, does, refuses) for one in some]
            resized += sum(one.picture.shape[:2] != size for one in found)
            for one, was, now in zip(some, found, change([each.picture for each in found])):
                place = part / one.target
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(written(one.file, now, was.form))
                if len(first) < SHOWN and (not first or was.picture.dtype == first[0].dtype):
                    first.append(fitted(was.picture, size, fit))
    return Copied([out / one.target for one in wanted], np.stack(first), notes, resized)


def by_depth(
    pictures: Sequence[np.ndarray], codec: Codec, change: Callable[[Codec, Pictures], np.ndarray]
) -> list[np.ndarray]:
    """Each picture changed among those of its own depth and size: scaled by that depth, and of it again."""
    found: dict[int, np.ndarray] = {}
    forms = [(8 * one.itemsize, one.shape[:2]) for one in pictures]
    for bits, size in sorted(set(forms)):
        places = [k for k, form in enumerate(forms) if form == (bits, size)]
        own = replace(codec, bits=bits, size=size)
        items = Pictures(np.stack([pictures[k] for k in places]), None, np.arange(len(places)), own)
        found |= dict(zip(places, change(own, items)))
    return [found[k] for k in range(len(pictures))]


# -------------------------------------------------------------------------------------------------------------- reading


def listed(places: Sequence[str], notes: list[str]) -> list[Wanted]:
    """Every picture, in the order of the names. Raises Problem."""
    if not places:
        raise Problem("no files. Name pictures or folders after the run")
    found: list[Wanted] = []
    others = 0
    for name in places:
        place = Path(name).expanduser()
        if not place.exists():
            raise Problem(f"{name}: no such file or folder. Is it spelt right?")
        if not place.is_dir():
            if not is_picture(place.name):
                raise Problem(
                    f"{name}: no picture by its name. Give PNG, JPEG, WebP, TIFF, BMP or GIF, or folders of them"
                )
            found.append(Wanted(place, Path(place.name)))
            continue
        inner = sorted(one for one in place.rglob("*") if one.is_file() and not is_junk(str(one.relative_to(place))))
        mine = [Wanted(one, one.relative_to(place)) for one in inner if is_picture(one.name)]
        if not mine:
            raise Problem(f"{name}: no pictures in it. Name another folder")
        others += len(inner) - len(mine)
        found += mine
    first: dict[Path, Path] = {}
    for one in found:
        if one.target in first:
            raise Problem(f"{one.file}: would be written over {first[one.target]}, of the same name. Do one at a time")
        first[one.target] = one.file
    if others:
        notes.append(f"{others:,} files that are no pictures by their names left aside")
    return found


def read(run: Run, file: Path, does: str, refuses: Refuses) -> Read:
    """Raises Problem for a picture that can't be read, has other channels than the run's, or a size that is refused."""
    channels, height, width = run.spec.only[1].shape
    try:
        if file.stat().st_size > MAX_BYTES:
            raise Unreadable(f"too large (at most {MAX_BYTES:,} bytes)")
        data = file.read_bytes()
        head, found = header(data), pixels(data)
    except Unreadable as error:
        raise Problem(f"{file}: {error}. Leave it out, or mend it") from None
    except OSError as error:
        raise Problem(f"{file}: can't be read ({error.strerror or error}). Check its permissions") from None
    if head.lost:
        raise Problem(f"{file}: {head.lost}, which a copy would lose. Save it as a plain PNG")
    tall, wide, have = found.shape
    cure = refuses(tall, wide) if (tall, wide) != (height, width) else ""
    if cure or have != channels:
        mine = f"{found.shape[0]}×{found.shape[1]}, {COLOURS[found.shape[2]]}"
        theirs = f"{height}×{width}, {COLOURS[channels]}"
        cure = cure or "Channels are not changed here: give such pictures, or train on these"
        raise Problem(f"{file}: {mine} ({have} channels); {run.path} {does} {theirs} ({channels}). {cure}")
    return Read(found, head.form)


# -------------------------------------------------------------------------------------------------------------- writing


def checked(out: Path, places: Sequence[str]) -> None:
    """Raises Problem where the new folder would lie in what is read, or is the one that the person is in: it comes
    whole, in place of what is there."""
    if out.resolve() == Path.cwd():
        raise Problem(f"--out {out}: the folder that you are in. Name a new one in it, such as --out {out}/copies")
    for name in places:
        place = Path(name).expanduser()
        if place.is_dir() and out.resolve().is_relative_to(place.resolve()):
            raise Problem(f"--out {out}: inside {name}, which is only read. Name a folder elsewhere")


def written(file: Path, picture: np.ndarray, form: str) -> bytes:
    try:
        return as_file(picture, form)
    except Unreadable as error:
        raise Problem(f"{file}: {error}. Save it as PNG") from None


@contextmanager
def whole(out: Path) -> Iterator[Path]:
    """A folder to fill, which takes the name `out` at the end; on any error it is gone. Raises NoRoom."""
    out = out.resolve()  # ".." has no name of its own
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        part.mkdir(parents=True)
        yield part
        if out.is_dir():
            out.rmdir()  # empty
        os.replace(part, out)
    except OSError as error:
        raise NoRoom(f"{out}: {cause(error)}. Nothing was written") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
