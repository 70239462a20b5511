"""Causal self-attention. Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762, section 3.2."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from .pages import large
from .rotary import turned

CHUNK = 32  # tokens by which a cache grows


class Cache:
    """Keys and values of the tokens that a decoder has seen, so that a further token costs one row of each layer.

    Of `batch` sequences of equal length, `seen` tokens each, up to `context`. Keys are kept turned, where positions are
    rotary. There is `room` for a few more: a layer's whole room lies in one piece, beyond `seen` it is zero or of
    before `clear`, and products over all of it take a quarter to a half of the time that they take over a part."""

    def __init__(self, layers: int, batch: int, heads: int, context: int, like: Tensor, depth: int):
        self.context, self.seen, self.room = context, 0, 0
        self.kept = [like.new_empty(2, batch, heads, 0, depth) for _ in range(layers)]

    def reserve(self, tokens: int) -> None:
        """Makes room for as many more."""
        needed = self.seen + tokens
        if needed > self.room:
            self.room = min(self.context, -(-needed // CHUNK) * CHUNK)
            for layer, old in enumerate(self.kept):
                new = large(old.new_empty(*old.shape[:3], self.room, old.shape[4]))
                new[:, :, :, : self.seen] = old[:, :, :, : self.seen]
                new[:, :, :, self.seen :] = 0
                self.kept[layer] = new

    def extend(
        self, layer: int, k: Float[Tensor, "b h t d"], v: Float[Tensor, "b h t d"]
    ) -> tuple[Float[Tensor, "b h s d"], Float[Tensor, "b h s d"]]:
        """Keys and values of all tokens up to these, of one layer. The tokens count as seen after `advance`."""
        self.reserve(k.shape[2])
        end = self.seen + k.shape[2]
        keys, values = self.kept[layer].unbind(0)
        keys[:, :, self.seen : end], values[:, :, self.seen : end] = k, v
        return keys[:, :, :end], values[:, :, :end]

    def advance(self, tokens: int) -> None:
        self.seen += tokens

    def clear(self) -> None:
        self.seen = 0


class CausalSelfAttention(nn.Module):
    """Each token looks at itself and those before it, in `heads` ways at once: (B, T, D) -> (B, T, D).

    `groups` heads of keys and values, each shared by as many heads of queries (Ainslie et al. 2023, "GQA",
    arXiv:2305.13245; 0: each has its own). `dropout` is of the attention's weights. Raises ValueError where the heads
    do not divide the width, or the groups the heads."""

    def __init__(self, width: int, heads: int, dropout: float = 0.0, bias: bool = True, groups: int = 0):
        super().__init__()
        if width % heads:
            raise ValueError(f"heads {heads}: does not divide the width, {width}. Pass one that does")
        groups = groups or heads
        if heads % groups:
            raise ValueError(f"groups {groups}: does not divide the heads, {heads}. Pass one that does, or 0")
        self.heads, self.groups, self.dropout = heads, groups, dropout
        self.qkv = nn.Linear(width, (heads + 2 * groups) * (width // heads), bias)
        self.out = nn.Linear(width, width, bias)

    def forward(
        self,
        x: Float[Tensor, "b t d"],
        cache: Cache | None = None,
        layer: int = 0,
        turn: Float[Tensor, "2 t c"] | None = None,
    ) -> Float[Tensor, "b t d"]:
        """`turn`: cosines and sines of the tokens' places (`rotary.turns`), where these are rotary."""
        split = self.qkv(x).unflatten(2, (self.heads + 2 * self.groups, -1)).transpose(1, 2)  # (B, H + 2G, T, D/H)
        q, k, v = split.split((self.heads, self.groups, self.groups), 1)
        if turn is not None:
            q, k = turned(q, turn).type_as(v), turned(k, turn).type_as(v)
        if cache is not None:
            k, v = cache.extend(layer, k, v)
        y = F.scaled_dot_product_attention(
            q,
            self.shared(k),
            self.shared(v),
            attn_mask=None if cache is None else causal_mask(q, k),
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=cache is None,
        )
        mixed: Tensor = self.out(y.transpose(1, 2).flatten(2))
        return mixed

    def shared(self, x: Float[Tensor, "b g t d"]) -> Float[Tensor, "b h t d"]:
        """One for each head of queries: those of a group stand beside each other."""
        return x if self.groups == self.heads else x.repeat_interleave(self.heads // self.groups, 1)


def causal_mask(q: Tensor, k: Tensor) -> Tensor | None:
    """True where a query may look, for the last T of S tokens: (T, S). None for a single one, which sees all."""
    new, every = q.shape[2], k.shape[2]
    if new == 1:
        return None
    return torch.ones(new, every, dtype=torch.bool, device=q.device).tril(every - new)
