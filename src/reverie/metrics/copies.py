"""Which pictures are copies of a training picture, also saved anew as JPEG, mirrored, or moved by a pixel?

Two stages. Thumbnails of 8×8 cells, of each picture in 18 forms (mirrored or not, moved by -1, 0 or 1 pixel each way),
are compared with those of *all* training pictures, and the likeliest few are kept. These are compared pixel by pixel in
all 18 forms, without the border that moving leaves open. What is left of the picture when the best form of the best
candidate is taken away, as a share of its own contrast, is its residual: 0 for a copy, about 1 for a stranger.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from . import Rows, blocks

CELLS = 8  # of a thumbnail, each way
LONGEST = 64  # pixels of a side that are compared: larger pictures are averaged down to it
CANDIDATES = 4  # training pictures that are looked at closely
ROWS, QUERIES = 8192, 256  # of a distance matrix at a time
SURE, COPY = 0.1, 0.3  # residuals: of a copy at any rate, and of one where no other training picture is nearly as near
RATIO = 0.4  # of its residual to that of the last candidate: how much nearer a copy is than the others
EXACT = 0.03  # a residual that rounding leaves, mirrored or moved though it may be
SAME = 0.5 / 255  # root mean square difference below which pictures are the same, whatever their contrast
FLAT = 2 / 255  # contrast below which a picture shows nothing that could be copied


class Found(NamedTuple):
    """Of each query: what is left of it beside its nearest training picture, which that is, and what is left beside the
    least near of the candidates: pictures of simple things have many that are nearly as near, a copy has one."""

    residual: Float[Tensor, " q"]
    source: Int[Tensor, " q"]
    other: Float[Tensor, " q"]

    @property
    def copied(self) -> Tensor:
        alone = (self.residual <= COPY) & (self.residual <= RATIO * self.other)
        return (self.residual <= SURE) | alone

    @property
    def exact(self) -> Tensor:
        return self.residual <= EXACT


def scaled(pictures: np.ndarray) -> Float[Tensor, "n c h w"]:
    """(N, H, W, C) of 8 or 16 bits -> [0, 1], sides averaged down to at most 64 pixels."""
    top = 255 if pictures.dtype == np.uint8 else 65535
    x = torch.from_numpy(np.ascontiguousarray(pictures).astype(np.float32)).permute(0, 3, 1, 2) / top
    longest = max(x.shape[2:])
    if longest <= LONGEST:
        return x.contiguous()
    size = [max(1, round(side * LONGEST / longest)) for side in x.shape[2:]]
    return F.interpolate(x, size=size, mode="area")


def thumbnail(x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d"]:
    return F.adaptive_avg_pool2d(x, CELLS).flatten(1)


def thumbnails(pictures: Rows) -> Float[Tensor, "n d"]:
    """Of each picture as it is."""
    marks = [thumbnail(inner(scaled(block))) for block in blocks(pictures, ROWS, "thumbnails")]
    return torch.cat(marks) if marks else torch.empty(0, 0)


def forms(x: Float[Tensor, "n c h w"]) -> Float[Tensor, "f n c u v"]:
    """Every form a copy may have, its border cut off: 2 × 9 of (h - 2, w - 2) pixels; unmoved and unmirrored first."""
    height, width = x.shape[2:]
    around = F.pad(x, (1, 1, 1, 1), mode="replicate")
    moves = sorted(((a, b) for a in (0, 1, 2) for b in (0, 1, 2)), key=lambda m: abs(m[0] - 1) + abs(m[1] - 1))
    out = []
    for turned in (around, around.flip(3)):
        out += [turned[:, :, a : a + height, b : b + width] for a, b in moves]
    return inner(torch.stack(out))


def inner(x: Tensor) -> Tensor:
    """Without the border of one pixel; pictures of less than 4 pixels keep theirs."""
    return x[..., 1:-1, 1:-1] if min(x.shape[-2:]) >= 4 else x


class Bank:
    """Pictures that may have been copied, and their thumbnails: small enough to be held for all of a training set."""

    def __init__(self, pictures: Rows):
        self.pictures = pictures
        self.marks = thumbnails(pictures)

    def __len__(self) -> int:
        return len(self.marks)


def nearest(queries: Rows, bank: Bank, skip: bool = False) -> Found:
    """Of pictures (N, H, W, C), by all of the bank. With `skip` the bank is the queries themselves, which are then not
    compared with themselves. Memory holds a block of each at a time."""
    found = [near(queries, begin, bank, skip) for begin in range(0, len(queries), QUERIES)]
    if not found:
        return Found(torch.empty(0), torch.empty(0, dtype=torch.int64), torch.empty(0))
    return Found(*(torch.cat(part) for part in zip(*found)))


def near(queries: Rows, first: int, bank: Bank, skip: bool) -> Found:
    """Of the block of queries that begins at `first`."""
    index = torch.arange(first, min(first + QUERIES, len(queries)))
    shapes = forms(scaled(queries[index.numpy()]))
    marks = thumbnail(shapes.flatten(0, 1)).view(len(shapes), len(index), -1).swapaxes(0, 1)  # (q, 18, d)
    distance = torch.full((len(index), CANDIDATES), torch.inf)
    names = torch.zeros(len(index), CANDIDATES, dtype=torch.int64)
    for begin in range(0, len(bank), ROWS):
        found = apart(marks, bank.marks[begin : begin + ROWS])
        if skip:
            found.masked_fill_(index[:, None] == torch.arange(begin, begin + found.shape[1]), torch.inf)
        best = found.topk(min(CANDIDATES, found.shape[1]), dim=1, largest=False)
        values, order = torch.cat([distance, best.values], 1).sort(dim=1, stable=True)
        distance = values[:, :CANDIDATES]
        names = torch.cat([names, best.indices + begin], 1).gather(1, order[:, :CANDIDATES])
    if not len(bank):
        nothing = torch.full((len(index),), torch.inf)
        return Found(nothing, names[:, 0], nothing)
    return closest(shapes, bank.pictures, distance, names)


def apart(marks: Float[Tensor, "q f d"], there: Float[Tensor, "n d"]) -> Float[Tensor, "q n"]:
    """Squared distance of each query's nearest form to each thumbnail."""
    flat = marks.flatten(0, 1)
    found = flat.square().sum(1)[:, None] - 2 * flat @ there.T
    return found.view(len(marks), -1, len(there)).amin(1) + there.square().sum(1)


def closest(shapes: Tensor, bank: Rows, distance: Tensor, names: Tensor) -> Found:
    """The candidate that leaves least of each query, compared pixel by pixel in every form."""
    there = inner(scaled(bank[names.flatten().numpy()])).view(*names.shape, *shapes.shape[2:])  # (q, k, c, h, w)
    contrast = (shapes[0] - shapes[0].mean((-2, -1), keepdim=True)).square().flatten(1).mean(1).sqrt()
    left = torch.full(names.shape, torch.inf)
    for form in shapes:
        left = left.minimum((form[:, None] - there).square().flatten(2).mean(2).sqrt())
    share = (left / contrast[:, None]).masked_fill(contrast[:, None] < FLAT, torch.inf)
    share = share.masked_fill(left < SAME, 0.0).masked_fill(distance.isinf(), torch.inf)
    best = share.argmin(1, keepdim=True)
    last = share.masked_fill(share.isinf(), -1.0).amax(1)
    other = torch.where((share < torch.inf).sum(1) > 1, last, torch.inf)
    return Found(share.gather(1, best)[:, 0], names.gather(1, best)[:, 0], other)
