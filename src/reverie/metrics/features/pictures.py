"""What every extractor begins with: pictures of any form as RGB, of one size by a stated rule, a few at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import prod
from typing import Protocol, runtime_checkable

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from reverie.errors import Problem

BLOCK = 25  # pictures that a network sees at a time, always as many: what stays in a processor's cache is fastest
PIECE, PIECE_BYTES = 1000, 1 << 26  # pictures of a set that are held at a time; fewer where they are large
VALUES = 1 << 24  # of pictures in float32 before they are resized, at a time: 64 MiB


@runtime_checkable
class Extractor(Protocol):
    """(N, H, W, C) uint8 or uint16 pictures, C in 1 … 4 -> (N, dim) float32 features, on the CPU."""

    @property
    def name(self) -> str: ...

    @property
    def dim(self) -> int: ...

    def __call__(self, images: np.ndarray) -> Tensor: ...


def pixels(images: np.ndarray) -> Float[Tensor, "n 3 h w"]:
    """(N, H, W, C) integers -> RGB in [0, 255]. 16 bits are scaled to that range without rounding, grey is repeated,
    transparency (C = 2 or 4) is composited on white. Raises Problem on another shape or type."""
    if images.ndim != 4 or images.shape[3] not in (1, 2, 3, 4) or images.dtype not in (np.uint8, np.uint16):
        raise Problem(
            f"{images.dtype} of shape {images.shape}: not pictures. Give (N, H, W, C) of uint8 or uint16, C from 1 to 4"
        )
    x = torch.from_numpy(np.ascontiguousarray(images).astype(np.float32)).permute(0, 3, 1, 2)
    if images.dtype == np.uint16:
        x = x / 257  # 65535 -> 255
    if x.shape[1] in (2, 4):
        alpha = x[:, -1:] / 255
        x = alpha * x[:, :-1] + (1 - alpha) * 255
    return x.expand(-1, 3, -1, -1)


def resized(x: Float[Tensor, "n c h w"], side: int) -> Float[Tensor, "n c s s"]:
    """Stretched to side × side: bilinear, anti-aliased when shrinking, corners not aligned, not rounded."""
    return F.interpolate(x, size=(side, side), mode="bilinear", antialias=True, align_corners=False)


def at_side(images: np.ndarray, side: int) -> Float[Tensor, "n 3 s s"]:
    """Pictures as RGB in [0, 255] of one size: large ones a few at a time."""
    few = max(1, VALUES // max(1, 3 * images[:1].size))
    parts = [resized(pixels(images[k : k + few]), side) for k in range(0, len(images), few)]
    return torch.cat(parts) if len(parts) != 1 else parts[0]


def blockwise(images: np.ndarray, dim: int, function: Callable[[np.ndarray], Tensor]) -> Tensor:
    """(N, dim) float32 by a function of BLOCK pictures, without gradients. The last block is filled up with its last
    picture: kernels round by the size of a block, so that a picture alone would differ in the last digits (2.7e-6 of
    the largest feature, measured; float32's own error is 3.0e-6) from the same picture among others."""
    out = torch.empty(len(images), dim)
    with torch.inference_mode():
        for begin in range(0, len(images), BLOCK):
            block = images[begin : begin + BLOCK]
            rest = BLOCK - len(block)
            whole = np.concatenate([block, np.repeat(block[-1:], rest, axis=0)]) if rest else block
            out[begin : begin + BLOCK] = function(whole)[: len(block)]
    return out


def recut(blocks: np.ndarray | Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The same pictures in the same order, so many at a time that what follows does not see how they came: whole
    BLOCKs, up to PIECE pictures, and no more than PIECE_BYTES where a BLOCK is smaller. Raises Problem where two blocks
    hold pictures of different shape or type."""
    held: list[np.ndarray] = []
    count = size = 0
    form: tuple[tuple[int, ...], np.dtype] | None = None
    for block in [blocks] if isinstance(blocks, np.ndarray) else blocks:
        if form is None:
            form = block.shape[1:], block.dtype
            size = BLOCK * max(1, min(PIECE, PIECE_BYTES // max(1, block.itemsize * prod(block.shape[1:]))) // BLOCK)
        if form != (block.shape[1:], block.dtype):
            raise Problem(f"pictures {block.shape[1:]} {block.dtype} after {form[0]} {form[1]}: one size and type only")
        begin = 0
        while len(block) - begin >= size - count:  # a whole piece, of what is held and what has come
            end = begin + size - count
            yield np.concatenate([*held, block[begin:end]]) if held else block[begin:end]
            begin, held, count = end, [], 0
        if begin < len(block):
            held.append(block[begin:])
            count += len(block) - begin
    if held:
        yield np.concatenate(held) if len(held) > 1 else held[0]
