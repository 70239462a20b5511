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
from .picture import Unreadable, as_channels, as_depth, fitted
from .places import is_picture
from .work import spread


def read(where: Sequence[str], codec: Codec, options: DataOptions) -> Unseen:
    """Single files, folders, zips, IDX, arrays or tables, one after the other. A label counts only where every picture
    has one that the codec knows. Raises Problem at the first picture that can't be read."""
    parts = [_one(place, codec, options) for place in where]
    images = np.concatenate([images for images, _, _ in parts])
    names = [name for _, names, _ in parts for name in names]
    labels = [label for _, _, labels in parts for label in labels]
    known = {name: k for k, name in enumerate(codec.classes)}
    truth = all(label in known for label in labels)
    numbers = np.array([known[label] for label in labels], np.int64) if truth else None
    said = labels if all(labels) else ()
    return Unseen(Pictures(images, numbers, np.arange(len(images)), codec), names, truth, labels=said)


def _one(where: str, codec: Codec, options: DataOptions) -> tuple[np.ndarray, list[str], list[str]]:
    """Pictures (N, H, W, C), what each is called, and its class, "" where there is none."""
    from .sources import Images

    if is_picture(where) and not os.path.isdir(where):
        return load_picture(where, codec)[None], [where], [""]
    listing = Images(where, options).listing()
    count = len(listing)
    images = np.empty((count, *codec.size, codec.channels), codec.dtype)

    def fill(i: int) -> None:
        if isinstance(listing, Decoded):
            one = fitted(np.asarray(listing.images[i]), codec.size, codec.fit)
            images[i] = as_depth(as_channels(one, codec.channels), codec.bits)
            return
        try:
            images[i] = load_picture(listing.read(i), codec)
        except (Unreadable, OSError, Problem) as error:
            said = str(error).removeprefix("picture: ")
            raise Problem(f"{listing.names[i]}: {said}") from None

    if isinstance(listing, Encoded) and listing.lost:
        name, trouble = listing.lost[0]
        raise Problem(f"{name}: {trouble}. Remove it.")
    spread(count, fill, "reading pictures")
    labels = [""] * count if listing.labels is None else [listing.classes[k] for k in listing.labels]
    return images, list(listing.names), labels
