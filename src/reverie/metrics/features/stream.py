"""Features of as many pictures as there are, in bounded memory: a cache of real pictures' features, all features of a
set, or its statistics with a few."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from reverie.cache_folder import cache_folder
from reverie.errors import Problem

from ..distances import Statistics
from .pictures import Extractor, recut

LIMIT = 10_000  # features of a set that are kept, for measures that need them one by one: 51 MB of 1280 dimensions


class Streamed(NamedTuple):
    """What is kept of a set: statistics of all its features, and the features of some of its pictures."""

    statistics: Statistics
    kept: Float[Tensor, "k d"]


def of(images: np.ndarray, extractor: Extractor) -> Tensor:
    """`extractor(images)`, kept in the user's cache under what the pictures hold and the extractor's name: for real
    pictures, which are judged again and again. A cache that can't be read or written is done without."""
    key = blake2b(f"{extractor.name} {images.dtype} {images.shape}".encode(), digest_size=16)
    key.update(np.ascontiguousarray(images).data)
    path = cache_folder() / "features" / extractor.name / f"{key.hexdigest()}.npy"
    try:
        kept = np.load(path, allow_pickle=False)
        if kept.shape == (len(images), extractor.dim) and kept.dtype == np.float32:
            return torch.from_numpy(kept)
    except (OSError, ValueError, EOFError):
        pass
    found = extractor(images)
    part = path.with_name(f".{path.stem}.{os.getpid()}.part.npy")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(part, found.numpy(), allow_pickle=False)
        os.replace(part, path)
    except OSError:
        with suppress(OSError):
            part.unlink()
    return found


def gather(images: np.ndarray | Iterable[np.ndarray], extractor: Extractor, keep: bool = False) -> Tensor:
    """(n, dim) of pictures that come whole or block by block; with `keep`, through the cache. How they were cut into
    blocks does not change a bit."""
    found = [of(part, extractor) if keep else extractor(part) for part in recut(images)]
    return torch.cat(found) if found else torch.empty(0, extractor.dim)


def stream(
    images: np.ndarray | Iterable[np.ndarray],
    extractor: Extractor,
    keep: int | np.ndarray = LIMIT,
    cached: bool = False,
    source: str = "",
) -> Streamed:
    """Statistics of all pictures and the features of the first `keep`, or of those of these numbers, which rise, in
    memory that does not grow with how many pictures there are; with `cached`, through the cache. `source` says in the
    statistics what they are of. Another order moves the statistics by rounding alone, another cut into blocks by
    nothing. Raises Problem on no pictures, and on features that are not finite."""
    total: Statistics | None = None
    wanted = np.arange(keep) if isinstance(keep, int) else keep
    kept, begin = [torch.empty(0, extractor.dim)], 0
    for part in recut(images):
        found = of(part, extractor) if cached else extractor(part)
        statistics = Statistics.of(found)
        total = statistics if total is None else total + statistics
        first, last = np.searchsorted(wanted, (begin, begin + len(found)))
        kept.append(found[wanted[first:last] - begin])  # a copy, so that the rest is freed
        begin += len(found)
    if total is None:
        raise Problem("0 pictures: no features. Give at least one")
    return Streamed(replace(total, extractor=extractor.name, source=source), torch.cat(kept))
