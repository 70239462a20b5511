"""Decoder-only transformer as in GPT-2: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners",
section 2.3. With other positions, norms and dense networks as in Llama: Touvron et al. 2023, arXiv:2302.13971, section
2.2.

Normalisation stands before each sub-block and once at the end, and the output layer is the token embedding itself
(Press & Wolf 2017, arXiv:1608.05859).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from .attention import Cache, CausalSelfAttention
from .rotary import turns
from .stepping import Steps

EPS = 1e-5  # of every norm, inside the root


@dataclass(frozen=True)
class Form:
    """What a transformer is made of; as it stands, GPT-2's."""

    positions: Literal["learnt", "rotary"] = "learnt"  # a vector added to the token's, or turned queries and keys
    norm: Literal["layer", "rms"] = "layer"
    dense: Literal["gelu", "gelu_erf", "swiglu"] = "gelu"
    groups: int = 0  # heads of keys and values; 0: as many as of queries
    bias: bool = True  # in linear layers and layer norms


def normed(width: int, form: Form) -> nn.Module:
    """Ba et al. 2016, arXiv:1607.06450; or, without mean and bias, Zhang & Sennrich 2019, arXiv:1910.07467, equation
    4."""
    return nn.LayerNorm(width, EPS, bias=form.bias) if form.norm == "layer" else nn.RMSNorm(width, EPS)


class Block(nn.Module):
    """Attention, then a dense network, each added to what came in: (B, T, D) -> (B, T, D).

    The dense network has four times the width with GELU (Hendrycks & Gimpel 2016, arXiv:1606.08415: its tanh form, or
    itself), or is SwiGLU: three matrices of about as many numbers, so 8/3 of the width, in eights."""

    def __init__(self, width: int, heads: int, dropout: float = 0.0, form: Form = Form()):
        super().__init__()
        self.gated, self.dropout = form.dense == "swiglu", dropout
        self.gelu = "none" if form.dense == "gelu_erf" else "tanh"
        wide = 8 * round(width / 3) if self.gated else 4 * width
        self.norm1 = normed(width, form)
        self.attention = CausalSelfAttention(width, heads, dropout, form.bias, form.groups)
        self.norm2 = normed(width, form)
        self.up = nn.Linear(width, 2 * wide if self.gated else wide, form.bias)  # of SwiGLU: the gate's, then the other
        self.down = nn.Linear(wide, width, form.bias)

    def forward(
        self,
        x: Float[Tensor, "b t d"],
        cache: Cache | None = None,
        layer: int = 0,
        turn: Float[Tensor, "2 t c"] | None = None,
    ) -> Float[Tensor, "b t d"]:
        x = x + self.drop(self.attention(self.norm1(x), cache, layer, turn))
        return x + self.drop(self.down(self.bent(self.up(self.norm2(x)))))

    def bent(self, x: Float[Tensor, "*b u"]) -> Float[Tensor, "*b w"]:
        """GELU, or SwiGLU: Shazeer 2020, arXiv:2002.05202, equation 6."""
        if not self.gated:
            return F.gelu(x, approximate=self.gelu)
        gate, x = x.chunk(2, -1)
        return F.silu(gate) * x

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
        form: Form = Form(),
    ):
        super().__init__()
        self.context, self.dropout = context, dropout
        self.heads, self.groups = heads, form.groups or heads
        self.tokens = nn.Embedding(vocabulary, width)
        learnt, depth = form.positions == "learnt", width // heads
        self.places = nn.Embedding(context, width) if learnt else None
        self.blocks = nn.ModuleList(Block(width, heads, dropout, form) for _ in range(layers))
        self.norm = normed(width, form)
        self.turns: Tensor | None
        self.register_buffer("turns", None if learnt else turns(context, depth), persistent=False)  # of float64

    def forward(self, tokens: Int[Tensor, "b t"], told: Tensor | None = None) -> Float[Tensor, "b t v"]:
        return self.logits(self.features(tokens, told=told))

    def features(
        self, tokens: Int[Tensor, "b t"], cache: Cache | None = None, told: Float[Tensor, "b 1 d"] | None = None
    ) -> Float[Tensor, "b t d"]:
        """What the output layer sees; `told` is added to every token's embedding. With a cache, the tokens go on from
        those that it has seen."""
        seen = cache.seen if cache is not None else 0
        x, turn = self.tokens(tokens), None
        end = seen + tokens.shape[1]
        if self.places is not None:
            x = x + self.places.weight[seen:end]
        if self.turns is not None:
            turn = self.turns[:, seen:end].to(x.dtype)
        if told is not None:
            x = x + told
        if self.dropout:
            x = F.dropout(x, self.dropout, self.training)
        for layer, block in enumerate(self.blocks):
            x = block(x, cache, layer, turn)
        if cache is not None:
            cache.advance(tokens.shape[1])
        last: Tensor = self.norm(x)
        return last

    def logits(self, features: Float[Tensor, "*b d"]) -> Float[Tensor, "*b v"]:
        return F.linear(features, self.tokens.weight)

    def cache(self, batch: int) -> Cache:
        """An empty one, for as many sequences, and for use without gradients."""
        depth = self.tokens.embedding_dim // self.heads
        return Cache(len(self.blocks), batch, self.groups, self.context, self.tokens.weight, depth)

    def reader(self, count: int, told: Tensor | None = None) -> Reader:
        """Of so many sequences, for use without gradients."""
        return Reader(self, count, told)


class Reader:
    """Goes on from what it has read. A token sees up to a whole context before it: when that is full, its last half is
    read again as a context of its own, so that learnt positions never run out."""

    def __init__(self, network: Transformer, count: int, told: Tensor | None):
        self.network, self.told, self.cache = network, told, network.cache(count)
        self.steps = Steps(network, self.cache, told)
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
        if tokens.shape[1] == 1:
            return self.steps.step(tokens[:, 0])
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
