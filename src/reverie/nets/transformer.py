"""Decoder-only transformer as in GPT-2. Radford et al. 2019, "Language Models are Unsupervised Multitask Learners",
section 2.3.

Layer normalisation stands before each sub-block and once at the end, positions are learnt, and the output layer is the
token embedding itself (Press & Wolf 2017, arXiv:1608.05859).
"""

from __future__ import annotations

from math import sqrt

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from .attention import Cache, CausalSelfAttention


class Block(nn.Module):
    """Attention, then a dense network of four times the width with GELU (its tanh form: Hendrycks & Gimpel 2016,
    arXiv:1606.08415), each added to what came in: (B, T, D) -> (B, T, D)."""

    def __init__(self, width: int, heads: int, dropout: float = 0.0, bias: bool = True):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, bias=bias)
        self.attention = CausalSelfAttention(width, heads, dropout, bias)
        self.norm2 = nn.LayerNorm(width, bias=bias)
        self.up = nn.Linear(width, 4 * width, bias)
        self.down = nn.Linear(4 * width, width, bias)
        self.dropout = dropout

    def forward(self, x: Float[Tensor, "b t d"], cache: Cache | None = None, layer: int = 0) -> Float[Tensor, "b t d"]:
        x = x + self.drop(self.attention(self.norm1(x), cache, layer))
        return x + self.drop(self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh")))

    def drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training) if self.dropout else x


class Transformer(nn.Module):
    """Tokens -> logits of the token after each: (B, T) -> (B, T, V), for T up to `context`."""

    def __init__(
        self,
        vocabulary: int,
        context: int,
        width: int,
        layers: int,
        heads: int,
        dropout: float = 0.0,
        bias: bool = True,
    ):
        super().__init__()
        self.context, self.heads, self.dropout = context, heads, dropout
        self.tokens = nn.Embedding(vocabulary, width)
        self.places = nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads, dropout, bias) for _ in range(layers))
        self.norm = nn.LayerNorm(width, bias=bias)

    def forward(self, tokens: Int[Tensor, "b t"], told: Tensor | None = None) -> Float[Tensor, "b t v"]:
        return self.logits(self.features(tokens, told=told))

    def features(
        self, tokens: Int[Tensor, "b t"], cache: Cache | None = None, told: Float[Tensor, "b 1 d"] | None = None
    ) -> Float[Tensor, "b t d"]:
        """What the output layer sees; `told` is added to every token's embedding. With a cache, the tokens go on from
        those that it has seen."""
        seen = cache.seen if cache is not None else 0
        x = self.tokens(tokens) + self.places.weight[seen : seen + tokens.shape[1]]
        if told is not None:
            x = x + told
        if self.dropout:
            x = F.dropout(x, self.dropout, self.training)
        for layer, block in enumerate(self.blocks):
            x = block(x, cache, layer)
        if cache is not None:
            cache.advance(tokens.shape[1])
        normed: Tensor = self.norm(x)
        return normed

    def logits(self, features: Float[Tensor, "*b d"]) -> Float[Tensor, "*b v"]:
        return F.linear(features, self.tokens.weight)

    def cache(self, batch: int) -> Cache:
        """An empty one, for as many sequences, and for use without gradients."""
        width = self.tokens.embedding_dim
        return Cache(len(self.blocks), batch, self.heads, self.context, self.tokens.weight, width // self.heads)

    def reader(self, count: int, told: Tensor | None = None) -> Reader:
        """Of so many sequences, for use without gradients."""
        return Reader(self, count, told)


class Reader:
    """Goes on from what it has read. A token sees up to a whole context before it: when that is full, its last half is
    read again as a context of its own, so that learnt positions never run out."""

    def __init__(self, network: Transformer, count: int, told: Tensor | None):
        self.network, self.told, self.cache = network, told, network.cache(count)
        self.parts: list[Tensor] = []  # what was read
        self.end = self.first = 0  # of all tokens: how many, and where the context begins

    def read(self, tokens: Int[Tensor, "b t"]) -> Float[Tensor, "b v"]:
        context, started = self.network.context, self.end > 0
        self.parts.append(tokens)
        self.end += tokens.shape[1]
        if self.end - self.first > context:
            self.first = self.end - (max(1, context // 2) if started else context)
            self.cache.clear()
            tokens = torch.cat(self.parts, 1)[:, self.first :]
            self.parts, self.end, self.first = [tokens], tokens.shape[1], 0
        return self.network.logits(self.network.features(tokens, self.cache, self.told)[:, -1])


@torch.no_grad()
def gpt2_(network: Transformer, deviation: float = 0.02) -> None:
    """Weights from N(0, deviation²), biases zero; the two layers of a block that add to the residual stream from a
    deviation smaller by sqrt(2 layers), the number of such additions (section 2.3). In place; draws from torch's global
    generator."""
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Linear | nn.Embedding):
            adds = name.endswith((".attention.out", ".down"))
            layer.weight.normal_(0.0, deviation / sqrt(2 * len(network.blocks)) if adds else deviation)
        if isinstance(layer, nn.Linear) and layer.bias is not None:
            layer.bias.zero_()
