"""Pictures to predict: of any source, as a trained run takes them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from reverie.errors import Problem
from reverie.kinds import DataOptions, Unseen

from .codec import Codec, load_picture
from .items import Pictures
from .listing import Decoded, Encoded
from .picture import Unreadable, as_channels, as_depth, fitted, header
from .places import is_picture
from .prepare import describe
from .work import spread

Form = tuple[int, int, int, int, str]  # of a picture: height, width, channels, bits, what is not read of it


def read(where: Sequence[str], codec: Codec, options: DataOptions, as_it_is: bool = False) -> Unseen:
    """Single files, folders, zips, IDX, arrays or tables, one after the other. A label counts only where every picture
    has one that the codec knows. Pictures of another form than the codec's are made to fit, and said. Raises Problem at
    the first picture that can't be read, and with `as_it_is` at the first of another form."""
    parts = [_one(place, codec, options) for place in where]
    names = [name for part in parts for name in part.names]
    forms = [form for part in parts for form in part.forms]
    if as_it_is:
        _same(names, forms, codec)
    images = np.concatenate([part.images for part in parts])
    labels = [label for part in parts for label in part.labels]
    known = {name: k for k, name in enumerate(codec.classes)}
    truth = all(label in known for label in labels)
    numbers = np.array([known[label] for label in labels], np.int64) if truth else None
    said = labels if all(labels) else ()
    notes = changed(names, forms, codec)
    return Unseen(Pictures(images, numbers, np.arange(len(images)), codec), names, truth, notes, labels=said)


class Part(NamedTuple):
    """Pictures of one place."""

    images: np.ndarray  # (N, H, W, C) as the codec wants them
    names: list[str]  # what each is called
    labels: list[str]  # its class; "" where there is none
    forms: list[Form]  # as it was


def changed(names: Sequence[str], forms: Sequence[Form], codec: Codec) -> list[str]:
    """Which pictures were of another size, or of other channels or depth, than those that the run takes."""
    own = (*codec.size, codec.channels, codec.bits)
    notes = []
    sizes = [k for k, form in enumerate(forms) if form[:2] != own[:2]]
    kinds = [k for k, form in enumerate(forms) if form[2:4] != own[2:]]
    if sizes:
        height, width, *_ = forms[sizes[0]]
        what = f"{height}x{width} pixels, and the run takes {own[0]}x{own[1]}: resized (--aspect {codec.fit})"
        notes.append(f"{names[sizes[0]]}: {what}{others(sizes)}")
    if kinds:
        _, _, channels, bits, _ = forms[kinds[0]]
        what = f"{describe(channels, bits)}, and the run takes {describe(codec.channels, codec.bits)}: made so"
        notes.append(f"{names[kinds[0]]}: {what}{others(kinds)}")
    return notes


def others(found: Sequence[int]) -> str:
    return f"; so were {len(found) - 1:,} more" if len(found) > 1 else ""


def _one(where: str, codec: Codec, options: DataOptions) -> Part:
    from .sources import Images

    if is_picture(where) and not os.path.isdir(where):
        picture = load_picture(where, codec)
        return Part(picture[None], [where], [""], [_form(Path(where).read_bytes())])
    listing = Images(where, options).listing()
    count = len(listing)
    images = np.empty((count, *codec.size, codec.channels), codec.dtype)
    forms: list[Form] = [(0, 0, 0, 0, "")] * count

    def fill(i: int) -> None:
        if isinstance(listing, Decoded):
            own = np.asarray(listing.images[i])
            images[i] = as_depth(as_channels(fitted(own, codec.size, codec.fit), codec.channels), codec.bits)
            forms[i] = (*own.shape, 8 * own.itemsize, "")
            return
        try:
            data = listing.read(i)
            images[i] = load_picture(data, codec)
            forms[i] = _form(data)
        except (Unreadable, OSError, Problem) as error:
            said = str(error).removeprefix("picture: ")
            raise Problem(f"{listing.names[i]}: {said}") from None

    if isinstance(listing, Encoded) and listing.lost:
        name, trouble = listing.lost[0]
        raise Problem(f"{name}: {trouble}. Remove it.")
    spread(count, fill, "reading pictures")
    labels = [""] * count if listing.labels is None else [listing.classes[k] for k in listing.labels]
    return Part(images, list(listing.names), labels, forms)


def _form(data: bytes) -> Form:
    head = header(data)
    return head.height, head.width, head.channels, head.bits, head.lost


def _same(names: Sequence[str], forms: Sequence[Form], codec: Codec) -> None:
    """Raises Problem where a picture would have to be changed."""
    want = (*codec.size, codec.channels, codec.bits)
    for name, (*form, lost) in zip(names, forms):
        if lost:
            raise Problem(f"{name}: {lost}, which would be lost. Save it as a plain PNG")
        have = tuple(form)
        if have != want:
            own, runs = (f"{h}x{w} with {c} channel{'s' * (c > 1)} of {bits} bits" for h, w, c, bits in (have, want))
            raise Problem(f"{name}: {own}, and the run's pictures are {runs}. Change it, or name another run")
