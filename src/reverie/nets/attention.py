"""Causal self-attention. Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762, section 3.2."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class Cache:
    """Keys and values of the tokens that a decoder has seen, so that a further token costs one row of each layer.

    Room for `context` tokens of `batch` sequences of equal length; `seen` of them are filled."""

    def __init__(self, layers: int, batch: int, heads: int, context: int, like: Tensor, depth: int):
        shape = (layers, 2, batch, heads, context, depth)
        self.kept = torch.empty(shape, dtype=like.dtype, device=like.device)
        self.seen = 0

    def extend(
        self, layer: int, k: Float[Tensor, "b h t d"], v: Float[Tensor, "b h t d"]
    ) -> tuple[Float[Tensor, "b h s d"], Float[Tensor, "b h s d"]]:
        """Keys and values of all tokens up to these, of one layer. The tokens count as seen after `advance`."""
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

    `dropout` is of the attention's weights. Raises ValueError where the heads do not divide the width."""

    def __init__(self, width: int, heads: int, dropout: float = 0.0, bias: bool = True):
        super().__init__()
        if width % heads:
            raise ValueError(f"heads {heads}: does not divide the width, {width}. Pass one that does")
        self.heads, self.dropout = heads, dropout
        self.qkv = nn.Linear(width, 3 * width, bias)
        self.out = nn.Linear(width, width, bias)

    def forward(self, x: Float[Tensor, "b t d"], cache: Cache | None = None, layer: int = 0) -> Float[Tensor, "b t d"]:
        split = self.qkv(x).unflatten(2, (3, self.heads, -1))  # (B, T, 3, H, D/H)
        q, k, v = split.permute(2, 0, 3, 1, 4).unbind(0)  # (B, H, T, D/H) each
        if cache is not None:
            k, v = cache.extend(layer, k, v)
        y = F.scaled_dot_product_attention(
            q,
            k,
            v,
            attn_mask=None if cache is None else causal_mask(q, k),
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=cache is None,
        )
        mixed: Tensor = self.out(y.transpose(1, 2).flatten(2))
        return mixed


def causal_mask(q: Tensor, k: Tensor) -> Tensor | None:
    """True where a query may look, for the last T of S tokens: (T, S). None for a single one, which sees all."""
    new, every = q.shape[2], k.shape[2]
    if new == 1:
        return None
    return torch.ones(new, every, dtype=torch.bool, device=q.device).tril(every - new)
