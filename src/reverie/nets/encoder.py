"""Transformer encoder. Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762, with layer normalisation
before each sub-block as in Dosovitskiy et al. 2021, arXiv:2010.11929, equations 1 to 4. Dense layers start as there:
uniform after Glorot & Bengio 2010, biases zero."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from .init import glorot_

EPS = 1e-6  # of the layer norms, as in the vision transformer


class SelfAttention(nn.Module):
    """Each vector looks at all that are there, in `heads` ways at once: (B, T, D) -> (B, T, D). Raises ValueError where
    the heads do not divide the width."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        if width % heads:
            raise ValueError(f"heads {heads}: does not divide the width, {width}. Pass one that does")
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        for part in self.qkv.weight.data.chunk(3):  # queries, keys and values, each for themselves
            nn.init.xavier_uniform_(part)
        nn.init.zeros_(self.qkv.bias)
        glorot_(self.out)

    def forward(self, x: Float[Tensor, "b t d"], there: Bool[Tensor, "b t"] | None = None) -> Float[Tensor, "b t d"]:
        q, k, v = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # (B, H, T, D/H) each
        mask = None if there is None else there[:, None, None]  # (B, 1, 1, T)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        mixed: Tensor = self.out(y.transpose(1, 2).flatten(2))
        return mixed


class Layer(nn.Module):
    """Attention, then a dense network of `hidden` units with GELU (Hendrycks & Gimpel 2016, arXiv:1606.08415), each
    added to what came in: (B, T, D) -> (B, T, D). `dropout` is of the hidden units and of what is added."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, EPS), nn.LayerNorm(width, EPS)
        self.attention = SelfAttention(width, heads)
        self.up, self.down, self.dropout = nn.Linear(width, hidden), nn.Linear(hidden, width), dropout
        glorot_(self.up)
        glorot_(self.down)

    def forward(self, x: Float[Tensor, "b t d"], there: Bool[Tensor, "b t"] | None = None) -> Float[Tensor, "b t d"]:
        x = x + self.drop(self.attention(self.norm1(x), there))
        return x + self.drop(self.down(self.drop(F.gelu(self.up(self.norm2(x))))))

    def drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training) if self.dropout else x


class Encoder(nn.Module):
    """Layers, and a last norm: (B, T, D) -> (B, T, D). What is not there has no influence on what is."""

    def __init__(self, width: int, heads: int, hidden: int, layers: int, dropout: float = 0.0):
        super().__init__()
        self.layers = nn.ModuleList(Layer(width, heads, hidden, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width, EPS)

    def forward(self, x: Float[Tensor, "b t d"], there: Bool[Tensor, "b t"] | None = None) -> Float[Tensor, "b t d"]:
        for layer in self.layers:
            x = layer(x, there)
        normed: Tensor = self.norm(x)
        return normed


def sinusoids(longest: int, width: int) -> Float[Tensor, "t d"]:
    """Row t: sin(t / 10000^(2i/width)) and cos of the same in turn, i = 0, 1 …. Vaswani et al. 2017, section 3.5."""
    place = torch.arange(longest, dtype=torch.float64)[:, None]
    angle = place * 10_000.0 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    both = torch.stack([angle.sin(), angle.cos()], 2).flatten(1)
    return both[:, :width].to(torch.get_default_dtype())
