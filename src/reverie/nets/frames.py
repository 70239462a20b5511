"""What an item is to a network that reads step by step: vectors (B, T, D), and how many of the T are there.

Tokens become learned vectors, sounds log-mel frames, series their rows, pictures their rows of pixels or patches. What
stands beyond an item's length, and where a value is missing, has no influence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.core import Batch, Field, Spec
from reverie.maths.masking import moved_in_time, spec_augment

from .checks import picture
from .feed import own_scale
from .mel import LogMel


class Steps(NamedTuple):
    """Vectors, in order; those from an item's length on mean nothing."""

    x: Float[Tensor, "b t d"]
    lengths: Int[Tensor, " b"] | None = None  # from 1 to T; None: all T of every item

    @property
    def there(self) -> Bool[Tensor, "b t"] | None:
        """True where a vector is; None: everywhere."""
        if self.lengths is None:
            return None
        return torch.arange(self.x.shape[1], device=self.x.device) < self.lengths[:, None]


@dataclass(frozen=True)
class Look:
    """How items are read. Of what an item is not, nothing is looked at."""

    embedding: int  # width of a token's vector
    mels: int  # bands of a sound
    hop: float  # seconds between its frames, each of 2.5 times that length
    join: int  # frames of a sound, or rows of a series, side by side in one vector
    patch: int = 0  # side of a picture's patches; 0: rows of pixels
    shift: int = 0  # frames by which a sound is moved at most
    mask_time: float = 0.0  # share of a sound's frames that a mask covers at most
    mask_bands: float = 0.0  # share of its bands


class Front(nn.Module):
    """What all of them are: `width` of the vectors (D), and `longest`, how many there are at most."""

    width: int
    longest: int


class Tokens(Front):
    """(B, T) of integers -> √D times learned vectors of D numbers, drawn from N(0, 1/D): of the size of sinusoidal
    places, and learned √D times as fast (Vaswani et al. 2017, arXiv:1706.03762, section 3.4). A batch is cut to its
    longest."""

    def __init__(self, field: Field, width: int):
        super().__init__()
        self.width, self.longest = width, field.shape[0]
        self.vectors = nn.Embedding(field.categories, width)
        nn.init.normal_(self.vectors.weight, 0.0, width**-0.5)

    def forward(self, x: Tensor, lengths: Tensor | None, there: Tensor | None, vary: bool) -> Steps:
        x, lengths = cut(x, lengths)
        return Steps(self.vectors(x) * self.width**0.5, lengths)


class Sounds(Front):
    """(B, samples) -> log-mel frames, varied by SpecAugment and moved in time where `vary`. A batch is cut to its
    longest. Raises ValueError."""

    def __init__(self, field: Field, look: Look):
        super().__init__()
        self.look, self.mel = look, LogMel(field.rate, look.mels, 2.5 * look.hop, look.hop)
        self.width, self.longest = look.mels * look.join, groups(field.shape[0] // self.mel.hop + 1, look.join)

    def forward(self, x: Tensor, lengths: Tensor | None, there: Tensor | None, vary: bool) -> Steps:
        x, lengths = cut(x, lengths)
        if lengths is not None:
            x = x.masked_fill(torch.arange(x.shape[1], device=x.device) >= lengths[:, None], 0.0)
        frames = self.mel(x, lengths).transpose(1, 2)
        counts = None if lengths is None else lengths // self.mel.hop + 1
        if vary:
            frames = self.varied(frames, counts)
        return grouped(frames, counts, self.look.join)

    def varied(self, frames: Tensor, counts: Tensor | None) -> Tensor:
        look = self.look
        if counts is None:
            counts = torch.full_like(frames[:, 0, 0], frames.shape[1], dtype=torch.long)
        if look.shift:
            frames = moved_in_time(frames, counts, look.shift)
        if look.mask_time or look.mask_bands:
            frames = spec_augment(frames, counts, look.mask_time, look.mask_bands)
        return frames


class Rows(Front):
    """(B, L, C) of numbers -> rows, each followed by which of it is missing, where some may be. A batch is cut to its
    longest."""

    def __init__(self, field: Field, group: int):
        super().__init__()
        self.missing, self.group = field.missing, group
        self.width, self.longest = field.shape[1] * (1 + field.missing) * group, groups(field.shape[0], group)

    def forward(self, x: Tensor, lengths: Tensor | None, there: Tensor | None, vary: bool) -> Steps:
        x, lengths = cut(x, lengths)
        known = present(x, lengths, None if there is None else there[:, : x.shape[1]])
        parts = [torch.where(known, x, 0.0)]
        if self.missing:
            parts.append((~known).to(x.dtype))
        return grouped(torch.cat(parts, 2), lengths, self.group)


class PixelRows(Front):
    """(B, C, H, W) -> H vectors of C · W."""

    def __init__(self, field: Field):
        super().__init__()
        channels, self.longest, breadth = field.shape
        self.width = channels * breadth

    def forward(self, x: Tensor, lengths: Tensor | None, there: Tensor | None, vary: bool) -> Steps:
        return Steps(x.transpose(1, 2).flatten(2))


class Patches(Front):
    """(B, C, H, W) -> squares of side P, row by row: ⌈H / P⌉ · ⌈W / P⌉ vectors of C · P². Where P does not divide a
    side, 0 (middle grey) fills it up below and at the right. Dosovitskiy et al. 2021, arXiv:2010.11929, section 3.1."""

    def __init__(self, field: Field, side: int):
        super().__init__()
        channels, height, breadth = field.shape
        self.side, self.width = side, channels * side * side
        self.longest = groups(height, side) * groups(breadth, side)

    def forward(self, x: Tensor, lengths: Tensor | None, there: Tensor | None, vary: bool) -> Steps:
        p = self.side
        x = F.pad(x, (0, -x.shape[3] % p, 0, -x.shape[2] % p))
        b, c, high, wide = x.shape
        squares = x.reshape(b, c, high // p, p, wide // p, p)
        return Steps(squares.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2))


def front(spec: Spec, look: Look, model: str) -> tuple[str, Front]:
    """Name of the one field that an item has, and what reads it. Raises ValueError."""
    if len(spec.fields) != 1:
        raise ValueError(f"fields {list(spec.fields)}: {model} reads one sequence or picture. Pass --model feedforward")
    name, field = spec.only
    if (look.shift or look.mask_time or look.mask_bands) and not field.rate:
        raise ValueError("shift, mask_time and mask_bands are of sounds: nothing else has them. Pass 0 for all three")
    if field.categories and len(field.shape) == 1:
        return name, Tokens(field, look.embedding)
    if field.rate and len(field.shape) == 1:
        return name, Sounds(field, look)
    if not field.categories and len(field.shape) == 2:
        return name, Rows(field, look.join)
    if not field.categories and len(field.shape) == 3:
        picture(spec, model)
        return name, Patches(field, look.patch) if look.patch else PixelRows(field)
    what = "categories" if field.categories else "numbers"
    takes = "tokens (T,), sounds (T,), series (L, C) and pictures (C, H, W)"
    raise ValueError(f"{name} {field.shape} of {what}: {model} reads {takes}. Pass --model feedforward")


def own_future(spec: Spec) -> bool:
    """Whether the future (H, C) of the channels of a series (L, C) is asked for."""
    field, (_, answer) = next(iter(spec.fields.values())), spec.predicted
    numbers = not field.categories and not answer.categories
    return numbers and len(field.shape) == len(answer.shape) == 2 and field.shape[1] == answer.shape[1]


def window_scale(batch: Batch, name: str) -> tuple[Tensor, Tensor]:
    """Mean and deviation (B, 1, C) of a series, over what is there of it."""
    x = batch[name]
    return own_scale(x, present(x, batch.lengths.get(name), batch.masks.get(name)))


def in_own_scale(batch: Batch, name: str) -> Float[Tensor, "b l c"]:
    """A series by its own mean and deviation."""
    mean, deviation = window_scale(batch, name)
    return (batch[name] - mean) / deviation


def put_back(y: Float[Tensor, "b h c"], batch: Batch, name: str) -> Float[Tensor, "b h c"]:
    """What is said of a series in its own scale, in the codec's."""
    mean, deviation = window_scale(batch, name)
    return y * deviation + mean


def present(
    x: Float[Tensor, "b t c"], lengths: Int[Tensor, " b"] | None, there: Bool[Tensor, "b t c"] | None
) -> Bool[Tensor, "b t c"]:
    """Which values of a series are there."""
    known = torch.ones_like(x, dtype=torch.bool) if there is None else there
    if lengths is None:
        return known
    return known & (torch.arange(x.shape[1], device=x.device) < lengths[:, None])[..., None]


def cut(x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """A batch (B, T) as long as its longest item; one without any value counts as of one."""
    if lengths is None:
        return x, None
    lengths = lengths.clamp(min=1)
    return x[:, : int(lengths.max())], lengths


def grouped(x: Float[Tensor, "b t d"], lengths: Int[Tensor, " b"] | None, group: int) -> Steps:
    """Every `group` vectors side by side, the last ones filled up by 0. What is beyond an item's length is 0."""
    if lengths is not None:
        x = x.masked_fill((torch.arange(x.shape[1], device=x.device) >= lengths[:, None])[..., None], 0.0)
    if group > 1:
        x = F.pad(x, (0, 0, 0, -x.shape[1] % group))
        x = x.reshape(x.shape[0], x.shape[1] // group, group * x.shape[2])
    return Steps(x, None if lengths is None else (lengths + group - 1) // group)


def groups(count: int, group: int) -> int:
    return -(-count // group)
