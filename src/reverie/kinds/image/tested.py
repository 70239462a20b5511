"""Pictures of one place to train on, and those of another to judge by."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from reverie.errors import Problem
from reverie.kinds import Prepared
from reverie.kinds.find import located
from reverie.kinds.split import parts

from . import cache
from .codec import Codec
from .fresh import read
from .items import Pictures
from .sources import fingerprint, labels_of, repeated

if TYPE_CHECKING:
    from .sources import Images


def tested(source: Images, stored: cache.Stored, codec: Codec) -> Prepared:
    """Those of `--test` are brought to the form of the others. Raises Problem where these have classes that those lack,
    or are told numbers."""
    options, place, labels = source.options, source.options.test, labels_of(stored, codec)
    if options.attributes:
        raise Problem(f"--test {place}: its pictures have no attributes. Leave it or --attributes out")
    plain = replace(options, test="", held_out=0.0)
    other = read([str(located(place))], codec, plain)
    if labels is not None and not other.truth:
        raise Problem(f"--test {place}: its pictures are not of the classes {', '.join(codec.classes)}. Sort them so")
    own = np.zeros(len(stored.images), bool) if stored.test is None else stored.test
    train, aside = np.flatnonzero(~own), np.empty(0, np.int64)
    if options.predict:
        source.classes(stored, codec)
        found = parts(len(train), plain, classes=stored.labels[train])  # type: ignore[index]
        train, aside = train[found.train], train[found.calibration]
    held: Pictures = other.items  # type: ignore[assignment]
    notes = [*stored.notes, *other.notes]
    if own.any():
        notes.append(f"{own.sum():,} pictures of the data's own test part are left aside")
    notes += repeated(stored.images, train, held.images, held.rows)
    kept = f", {len(aside):,} to calibrate by" if len(aside) else ""
    notes.append(f"{len(train):,} pictures to train on{kept}; {len(held):,} held out: those of {place}")
    digest = hashlib.blake2b(fingerprint(stored, codec, options).encode(), digest_size=16)
    digest.update(cache.content_of(held.images, None, None, ()).encode() + json.dumps(list(other.labels)).encode())
    return Prepared(
        codec,
        Pictures(stored.images, labels, train, codec),
        held,
        digest.hexdigest(),
        tuple(notes),
        Pictures(stored.images, labels, aside, codec) if len(aside) else None,
    )
