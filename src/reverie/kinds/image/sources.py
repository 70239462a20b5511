"""A source of pictures: says what it holds, and makes it ready to train on."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from reverie.errors import Problem
from reverie.kinds import DataOptions, Prepared, Summary
from reverie.kinds.split import Parts, parts
from reverie.kinds.split import key as split_key

from . import arrays, cache, tables, trees
from .codec import LONGEST, Codec
from .listing import Decoded, Encoded
from .picture import FITS
from .places import Place, locate
from .prepare import array_ready, decoded, key_of, wished

READERS: dict[str, Callable[[Place, DataOptions], Encoded | Decoded]] = {
    "folder": trees.read_folder,
    "zips": trees.read_zips,
    "idx": arrays.read_idx,
    "npy": arrays.read_npy,
    "npz": arrays.read_npz,
    "parquet": tables.read_parquet,
    "arrow": tables.read_arrow,
}
COLUMNED = ("parquet", "arrow", "npz")  # forms whose pictures lie under a name
MOST_HELD_OUT = 10_000  # of a drawn part: more makes no measure better
_SPLIT = 20240229  # seeds which pictures are held out: the same for every run, so that runs can be compared


class Images:
    """Pictures at a path. Opening decodes nothing."""

    kind = "image"

    def __init__(self, where: str, options: DataOptions):
        self.where, self.options = where, options
        _check(options)
        wished(options, ())
        if not os.path.exists(where):
            raise Problem(f"{where}: no such file or folder. Is it spelt right?")

    @cached_property
    def place(self) -> Place:
        """What form the pictures have. Raises Problem where there are none."""
        found = locate(Path(self.where), self.where)
        if found is not None:
            if self.options.column and found.form not in COLUMNED:
                what = f"--column {self.options.column}: of tables and .npz, and {self.where} is neither"
                raise Problem(f"{what}. Leave it out")
            return found
        if os.path.isdir(self.where):
            what = "an empty folder" if not os.listdir(self.where) else "a folder without pictures"
        else:
            what = "a file that holds no pictures as reverie reads them"
        cure = "Give PNG, JPEG, WebP, TIFF, BMP or GIF files, a zip of them, IDX, .npy, .npz or Parquet"
        raise Problem(f"{self.where}: {what}. {cure}.")

    def listing(self) -> Encoded | Decoded:
        """Every picture's name, class and part; pixels only of forms that have nothing else."""
        return READERS[self.place.form](self.place, self.options)

    def summary(self) -> Summary:
        from .summary import summarise

        return summarise(self)

    def prepare(self, size: tuple[int, ...] = ()) -> Prepared:
        """Decodes, or takes from the cache what was decoded before. `size` (H, W) is the model's wish, which
        `DataOptions.size` overrules. Raises Problem."""
        from .items import Pictures

        wish = wished(self.options, size)
        key = key_of(self.place, self.options, wish)
        stored = cache.load(key) or self._decode(wish, key)
        codec = Codec.from_json(stored.codec)
        if self.options.test:
            from .tested import tested

            return tested(self, stored, codec)
        labels = labels_of(stored, codec)
        aside = None
        if self.options.predict:
            found = self._parts(stored, codec)
            train, out, said = found.train, found.held_out, list(found.notes)
            if len(found.calibration):
                aside = Pictures(stored.images, labels, found.calibration, codec)
        else:
            train, out, note = split(len(stored.images), stored.test, self.options.held_out)
            said = [note]
        notes = [*stored.notes, *said, *repeated(stored.images, train, stored.images, out)]
        mark = fingerprint(stored, codec, self.options)
        told = None
        if self.options.attributes:
            codec, told, mark = self._attributes(stored, codec, train, mark)
            notes.append(f"told of each picture: {codec.attributes.said()}")  # type: ignore[union-attr]
        return Prepared(
            codec,
            Pictures(stored.images, labels, train, codec, told),
            Pictures(stored.images, labels, out, codec, told),
            mark,
            tuple(notes),
            aside,
        )

    def _attributes(
        self, stored: cache.Stored, codec: Codec, train: np.ndarray, mark: str
    ) -> tuple[Codec, np.ndarray, str]:
        """The codec with the attributes, the numbers of every picture, and a fingerprint of both. Raises Problem."""
        from . import attributes

        names = self.options.attributes
        if self.options.predict:
            raise Problem(f"--attributes {','.join(names)}: of models that make pictures. Leave it or --predict out")
        listing = self.listing()
        if len(listing) != len(stored.images):
            raise Problem(
                f"--attributes {','.join(names)}: {len(listing) - len(stored.images):,} pictures of {self.where} can't "
                "be read. Remove them: --skip-bad keeps no count of whose attributes are whose"
            )
        values = attributes.read(self.place, listing, names)
        found, told = attributes.fit(values, names, train)
        digest = hashlib.blake2b(f"{mark}{names}".encode() + values.tobytes(), digest_size=16)
        return replace(codec, attributes=found), told, digest.hexdigest()

    def _parts(self, stored: cache.Stored, codec: Codec) -> Parts:
        """Of pictures whose class is predicted. Raises Problem."""
        self.classes(stored, codec)
        return parts(len(stored.images), self.options, own=stored.test, classes=stored.labels)

    def classes(self, stored: cache.Stored, codec: Codec) -> None:
        """Raises Problem where there is no class to predict."""
        if len(codec.classes) < 2 or stored.labels is None:
            one = f"one class only ({codec.classes[0]})" if codec.classes else "no classes"
            raise Problem(
                f"{self.where}: {one}: nothing to tell apart. Put the pictures of each class in a folder of its own"
            )

    def _decode(self, wish: tuple[int, int] | None, key: str) -> cache.Stored:
        listing = self.listing()
        if isinstance(listing, Decoded):
            return array_ready(listing, self.options, wish, key)
        return decoded(listing, self.where, self.options, wish, key)


def _check(options: DataOptions) -> None:
    if options.fit not in FITS:
        raise Problem(f"--aspect {options.fit}: no such way to fit a picture. There are: {', '.join(FITS)}")
    if max(options.size, default=0) > LONGEST:
        asked = "x".join(map(str, options.size))
        raise Problem(f"--size {asked}: a side of more than {LONGEST:,} pixels. Give a smaller one")
    if not 0 <= options.held_out < 1:
        raise Problem(f"--held-out {options.held_out}: give a share from 0 to below 1, such as 0.1.")
    if options.predict not in ("", "labels"):
        raise Problem(f"--predict {options.predict}: pictures say classes and nothing else. Pass --predict labels")


def labels_of(stored: cache.Stored, codec: Codec) -> np.ndarray | None:
    return stored.labels if len(codec.classes) > 1 else None


def fingerprint(stored: cache.Stored, codec: Codec, options: DataOptions) -> str:
    """The same for the same pictures and options, wherever they lie and whenever they were written."""
    share = None if stored.test is not None else options.held_out
    text = json.dumps([stored.content, codec.to_json(), split_key(options) if options.predict else share])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def split(count: int, test: np.ndarray | None, share: float) -> tuple[np.ndarray, np.ndarray, str]:
    """Rows to train on and rows held out: the data's own test part, else a share drawn by a fixed seed; at least 1 of 2
    pictures and at most 10,000. A share of 0 holds out nothing."""
    if test is not None and test.any() and not test.all():
        train, out = np.flatnonzero(~test), np.flatnonzero(test)
        return train, out, f"{len(train):,} pictures to train on, {len(out):,} held out: the data's own parts"
    import torch

    some = 1 if share and count >= 2 else 0
    kept = min(max(some, round(count * share)), MOST_HELD_OUT, count - 1)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(_SPLIT)).numpy()
    train, out = np.sort(order[kept:]), np.sort(order[:kept])
    return train, out, f"{len(train):,} pictures to train on, {len(out):,} held out, drawn by a fixed seed"


def repeated(images: np.ndarray, train: np.ndarray, others: np.ndarray, out: np.ndarray) -> list[str]:
    """What to say of pictures that are held out and trained on as well: a model that learns by heart looks better."""
    if not len(out) or not cache.fits(images.nbytes):
        return []
    seen = {hashlib.blake2b(images[i].data, digest_size=8).digest() for i in train}
    both = sum(hashlib.blake2b(others[i].data, digest_size=8).digest() in seen for i in out)
    return [f"{both:,} of the {len(out):,} held-out pictures are in the training part too"] if both else []
