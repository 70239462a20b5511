"""Ragged sequences without their padding: the tokens that are there lie one after another, (N, D).

Every layer but attention works on them so. Attention lays a group of items of nearly the same length out at a time, so
that it computes little that nothing needs, and no result depends on how far a batch was padded."""

from __future__ import annotations

from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

GROUP = 32  # items that attention lays out together


class Group:
    """Some items side by side: where their tokens lie in a padded (b, t) of their own."""

    def __init__(self, lengths: Int[Tensor, " b"], time: Int[Tensor, " n"]):
        self.items, self.longest = len(lengths), int(lengths.max())
        row = torch.arange(self.items, device=lengths.device).repeat_interleave(lengths)
        self.flat = row * self.longest + time
        self.tokens = len(self.flat)
        there = torch.arange(self.longest, device=lengths.device) < lengths[:, None]
        full = self.tokens == self.items * self.longest
        self.mask = None if full else there[:, None, None]  # keys that a query may look at: (b, 1, 1, t), None: all

    def lay(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "b t d"]:
        """0 where nothing is."""
        size = self.items * self.longest
        wide = x if self.tokens == size else x.new_zeros(size, x.shape[1]).index_copy(0, self.flat, x)
        return wide.view(self.items, self.longest, -1)

    def pack(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "n d"]:
        wide = x.flatten(0, 1)
        return wide if self.tokens == len(wide) else wide.index_select(0, self.flat)


class Packed:
    """Where the tokens of a batch lie: those of item 0 first. From the lengths (B,), each at least 1."""

    def __init__(self, lengths: Int[Tensor, " b"], group: int = GROUP):
        rows = torch.arange(len(lengths), device=lengths.device)
        ends = lengths.cumsum(0)
        self.item = rows.repeat_interleave(lengths)  # (N,)
        self.time = torch.arange(len(self.item), device=lengths.device) - (ends - lengths)[self.item]  # (N,)
        self.lengths, self.split = lengths, torch.split(lengths, group)
        self.counts = [int(part.sum()) for part in self.split]

    @cached_property
    def groups(self) -> list[Group]:
        return [Group(*both) for both in zip(self.split, self.parts(self.time))]

    def of(self, tokens: Int[Tensor, "b t"]) -> Int[Tensor, " n"]:
        """The tokens that are there."""
        return tokens[self.item, self.time]

    def parts(self, x: Tensor) -> tuple[Tensor, ...]:
        """(N, …) -> the rows of each group."""
        return torch.split(x, self.counts)


def drop(x: Tensor, share: float, training: bool) -> Tensor:
    """Dropout (Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural Networks from Overfitting") by random
    bytes, five times as fast on a processor as by Bernoulli numbers. `share` is rounded to a 256th, what is left scaled
    by exactly what is kept of it."""
    kept = 256 - round(share * 256)
    if not training or kept == 256:
        return x
    words = torch.empty(-(-x.numel() // 8), dtype=torch.int64, device=x.device).random_(-(2**63), None)
    mask = (words.view(torch.uint8)[: x.numel()] < kept).view(x.shape).to(x.dtype)
    return x * mask.mul_(256 / max(1, kept))
