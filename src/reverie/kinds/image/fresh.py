"""Pictures to predict: of any source, as a trained run takes them."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from reverie.errors import Problem
from reverie.kinds import DataOptions, Unseen

from .codec import Codec, load_picture
from .items import Pictures
from .listing import Decoded, Encoded
from .picture import Header, Unreadable, as_channels, as_depth, fitted, header
from .places import is_picture
from .work import spread


def read(where: Sequence[str], codec: Codec, options: DataOptions, as_it_is: bool = False) -> Unseen:
    """Single files, folders, zips, IDX, arrays or tables, one after the other. A label counts only where every picture
    has one that the codec knows. Raises Problem at the first picture that can't be read, and with `as_it_is` at the
    first that has another size, depth or number of channels than the codec."""
    parts = [_one(place, codec, options, as_it_is) for place in where]
    images = np.concatenate([images for images, _, _ in parts])
    names = [name for _, names, _ in parts for name in names]
    labels = [label for _, _, labels in parts for label in labels]
    known = {name: k for k, name in enumerate(codec.classes)}
    truth = all(label in known for label in labels)
    numbers = np.array([known[label] for label in labels], np.int64) if truth else None
    return Unseen(Pictures(images, numbers, np.arange(len(images)), codec), names, truth)


def _one(where: str, codec: Codec, options: DataOptions, as_it_is: bool) -> tuple[np.ndarray, list[str], list[str]]:
    """Pictures (N, H, W, C), what each is called, and its class, "" where there is none."""
    from .sources import Images

    if is_picture(where) and not os.path.isdir(where):
        if as_it_is:
            with open(where, "rb") as file:
                _same(where, file.read(), codec)
        return load_picture(where, codec)[None], [where], [""]
    listing = Images(where, options).listing()
    count = len(listing)
    if as_it_is and isinstance(listing, Decoded):
        _, height, width, channels = listing.images.shape
        _equal(where, Header(height, width, channels, 8 * listing.images.itemsize, "array"), codec)
    images = np.empty((count, *codec.size, codec.channels), codec.dtype)

    def fill(i: int) -> None:
        if isinstance(listing, Decoded):
            one = fitted(np.asarray(listing.images[i]), codec.size, codec.fit)
            images[i] = as_depth(as_channels(one, codec.channels), codec.bits)
            return
        try:
            data = listing.read(i)
            if as_it_is:
                _same(listing.names[i], data, codec)
            images[i] = load_picture(data, codec)
        except (Unreadable, OSError, Problem) as error:
            if as_it_is and isinstance(error, Problem) and str(error).startswith(listing.names[i]):
                raise
            said = str(error).removeprefix("picture: ")
            raise Problem(f"{listing.names[i]}: {said}") from None

    if isinstance(listing, Encoded) and listing.lost:
        name, trouble = listing.lost[0]
        raise Problem(f"{name}: {trouble}. Remove it.")
    spread(count, fill, "reading pictures")
    labels = [""] * count if listing.labels is None else [listing.classes[k] for k in listing.labels]
    return images, list(listing.names), labels


def _same(name: str, data: bytes, codec: Codec) -> None:
    """Raises Problem where an encoded picture would have to be changed."""
    try:
        _equal(name, header(data), codec)
    except Unreadable as error:
        raise Problem(f"{name}: {error}. Give another picture.") from None


def _equal(name: str, found: Header, codec: Codec) -> None:
    have = (found.height, found.width, found.channels, found.bits)
    want = (*codec.size, codec.channels, codec.bits)
    if have != want:
        own, runs = (f"{h}x{w} with {c} channel{'s' * (c > 1)} of {bits} bits" for h, w, c, bits in (have, want))
        raise Problem(f"{name}: {own}, and the run's pictures are {runs}. Bring it to that form, or name another run")
