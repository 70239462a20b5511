"""Encoder and decoder of a transformer. Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762."""

from __future__ import annotations

from math import log
from typing import Literal, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from .packed import Packed, drop

Keys = tuple[Tensor, Tensor]  # keys and values (B, H, S, D/H)


def sinusoids(time: Int[Tensor, " n"], width: int, like: Tensor) -> Float[Tensor, "n d"]:
    """Section 3.5: sine and cosine of wavelengths from 2 pi to 10,000 · 2 pi; here all sines come first, which is
    another order of the same numbers."""
    rates = torch.exp(torch.arange(0, width, 2, device=time.device, dtype=like.dtype) * (-log(10_000) / width))
    angle = time[:, None] * rates
    return torch.cat([angle.sin(), angle.cos()], 1)


class Attention(nn.Module):
    """Multi-head attention, section 3.2.2, which has no biases. Dropout is not of its weights: section 5.4 names the
    outputs of sub-layers and the embeddings only."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.width, self.heads = width, heads
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)

    def split(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b h t e"]:
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)

    def mix(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, causal: bool = False) -> Tensor:
        """(B, T, D) each -> (B, T, D)."""
        q, k, v = self.split(q), self.split(k), self.split(v)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        return y.transpose(1, 2).flatten(2)

    def forward(self, x: Float[Tensor, "n d"], at: Packed, causal: bool) -> Float[Tensor, "n d"]:
        """Tokens on those of their own item; where `causal`, on those up to themselves: what fills a group comes after
        them and needs no mask."""
        mixed = []
        for group, part in zip(at.groups, at.parts(self.qkv(x))):
            q, k, v = group.lay(part).chunk(3, 2)
            mixed.append(group.pack(self.mix(q, k, v, None if causal else group.mask, causal)))
        y: Tensor = self.out(torch.cat(mixed))
        return y

    def across(self, x: Float[Tensor, "n d"], at: Packed, memory: Float[Tensor, "m d"], to: Packed) -> Tensor:
        """Tokens on those of the same item's memory: (N, D)."""
        mixed, parts = [], zip(at.groups, at.parts(self.query(x)), to.groups, to.parts(self.remember(memory)))
        for group, part, other, kv in parts:
            k, v = other.lay(kv).chunk(2, 2)
            mixed.append(group.pack(self.mix(group.lay(part), k, v, other.mask)))
        y: Tensor = self.out(torch.cat(mixed))
        return y

    def query(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        return F.linear(x, self.qkv.weight[: self.width])

    def remember(self, x: Float[Tensor, "m d"]) -> Float[Tensor, "m two_d"]:
        """Keys and values side by side."""
        return F.linear(x, self.qkv.weight[self.width :])

    def one(self, q: Float[Tensor, "r d"], keys: Keys, mask: Tensor | None = None) -> Float[Tensor, "r d"]:
        """A token of each of R rows on the keys of B items: the R / B rows of an item look at it together."""
        split = self.split(q.view(len(keys[0]), -1, self.width))
        y = F.scaled_dot_product_attention(split, *keys, attn_mask=mask)
        mixed: Tensor = self.out(y.transpose(1, 2).reshape(q.shape))
        return mixed


class Around(nn.Module):
    """What stands around a sub-layer: dropout, the sum with what came in, and layer norm; after them, as in the paper,
    or before the sub-layer (Xiong et al. 2020, arXiv:2002.04745)."""

    def __init__(self, width: int, dropout: float, norm: Literal["after", "before"]):
        super().__init__()
        self.norm, self.dropout, self.before = nn.LayerNorm(width), dropout, norm == "before"

    def enter(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(x) if self.before else x
        return y

    def leave(self, x: Tensor, y: Tensor) -> Tensor:
        total = x + drop(y, self.dropout, self.training)
        return total if self.before else self.norm(total)


class Feed(nn.Module):
    """Section 3.3: two linear maps with a ReLU between them."""

    def __init__(self, width: int, feed: int):
        super().__init__()
        self.up, self.down = nn.Linear(width, feed), nn.Linear(feed, width)

    def forward(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        y: Tensor = self.down(F.relu(self.up(x), inplace=True))
        return y


class Encoder(nn.Module):
    """One layer of the encoder."""

    def __init__(self, width: int, heads: int, feed: int, dropout: float, norm: Literal["after", "before"]):
        super().__init__()
        self.attention, self.feed = Attention(width, heads), Feed(width, feed)
        self.first, self.last = (Around(width, dropout, norm) for _ in range(2))

    def forward(self, x: Float[Tensor, "m d"], at: Packed) -> Float[Tensor, "m d"]:
        x = self.first.leave(x, self.attention(self.first.enter(x), at, False))
        return self.last.leave(x, self.feed(self.last.enter(x)))


class Decoder(nn.Module):
    """One layer of the decoder."""

    def __init__(self, width: int, heads: int, feed: int, dropout: float, norm: Literal["after", "before"]):
        super().__init__()
        self.attention, self.memory, self.feed = Attention(width, heads), Attention(width, heads), Feed(width, feed)
        self.first, self.second, self.last = (Around(width, dropout, norm) for _ in range(3))

    def forward(self, x: Float[Tensor, "n d"], at: Packed, memory: Float[Tensor, "m d"], to: Packed) -> Tensor:
        x = self.first.leave(x, self.attention(self.first.enter(x), at, True))
        x = self.second.leave(x, self.memory.across(self.second.enter(x), at, memory, to))
        return self.last.leave(x, self.feed(self.last.enter(x)))

    def write(
        self, x: Float[Tensor, "r d"], before: Keys | None, keys: Keys, mask: Tensor | None
    ) -> tuple[Float[Tensor, "r d"], Keys]:
        """The next token of each row, given those before it, (R, H, t, D/H), which grow by it."""
        q, k, v = self.attention.qkv(self.first.enter(x)).chunk(3, 1)
        k, v = (self.attention.split(part[:, None]) for part in (k, v))
        if before is not None:
            k, v = torch.cat([before[0], k], 2), torch.cat([before[1], v], 2)
        x = self.first.leave(x, self.attention.one(q, (k, v)))
        x = self.second.leave(x, self.memory.one(self.memory.query(self.second.enter(x)), keys, mask))
        return self.last.leave(x, self.feed(self.last.enter(x))), (k, v)


class Translator(nn.Module):
    """Reads source tokens and says of each target token what an output layer needs for the one after it.

    Embeddings are scaled by sqrt(width); source and target share one where `tied`, and the target's is the output layer
    (section 3.4; Press & Wolf 2017, arXiv:1608.05859). Without a norm after each sub-layer, each stack ends in one."""

    def __init__(
        self, vocabularies: tuple[int, int], tied: bool, width: int, layers: int, heads: int, feed: int, dropout: float,
        norm: Literal["after", "before"],
    ):  # fmt: skip
        super().__init__()
        if width % heads or width % 2:
            raise ValueError(f"width {width}: not even, or no multiple of heads {heads}. Pass an even multiple of them")
        self.width, self.dropout = width, dropout
        self.source = nn.Embedding(vocabularies[0], width)
        self.target = self.source if tied else nn.Embedding(vocabularies[1], width)
        shape = (width, heads, feed, dropout, norm)
        self.encoder = nn.ModuleList(Encoder(*shape) for _ in range(layers))
        self.decoder = nn.ModuleList(Decoder(*shape) for _ in range(layers))
        self.read, self.told = (nn.LayerNorm(width) if norm == "before" else nn.Identity() for _ in range(2))
        for name, p in self.named_parameters():  # Glorot & Bengio 2010, and embeddings that come to deviation 1
            if name in ("source.weight", "target.weight"):
                nn.init.normal_(p, 0.0, width**-0.5)
            elif p.ndim > 1:
                nn.init.xavier_uniform_(p)
            elif name.endswith("bias"):
                nn.init.zeros_(p)

    def embed(self, table: nn.Embedding, tokens: Int[Tensor, " n"], time: Int[Tensor, " n"]) -> Float[Tensor, "n d"]:
        x = table(tokens)
        return drop(x * self.width**0.5 + sinusoids(time, self.width, x), self.dropout, self.training)

    def encode(self, tokens: Int[Tensor, "b s"], at: Packed) -> Float[Tensor, "m d"]:
        x = self.embed(self.source, at.of(tokens), at.time)
        for layer in self.encoder:
            x = layer(x, at)
        memory: Tensor = self.read(x)
        return memory

    def forward(
        self, source: Int[Tensor, "b s"], sources: Packed, given: Int[Tensor, "b t"], targets: Packed
    ) -> Float[Tensor, "n d"]:
        """`given`: the start token, then the target without its last one."""
        memory = self.encode(source, sources)
        x = self.embed(self.target, targets.of(given), targets.time)
        for layer in self.decoder:
            x = layer(x, targets, memory, sources)
        told: Tensor = self.told(x)
        return told

    def writer(self, source: Int[Tensor, "b s"], lengths: Int[Tensor, " b"]) -> Writing:
        return Writing(self, source, lengths)


class Writing:
    """A `Translator` as beam search sees it: the source's keys and values are computed once, the target's kept."""

    def __init__(self, net: Translator, source: Int[Tensor, "b s"], lengths: Int[Tensor, " b"]):
        at = Packed(lengths, len(lengths))  # one group: rows of any item are written side by side
        memory, (group,) = net.encode(source, at), at.groups
        self.net, self.time, self.mask = net, 0, group.mask
        self.layers = cast("list[Decoder]", list(net.decoder))
        self.keys: list[Keys] = []
        self.before: list[Keys | None] = [None] * len(net.decoder)
        for layer in self.layers:
            k, v = group.lay(layer.memory.remember(memory)).chunk(2, 2)
            self.keys.append((layer.memory.split(k).contiguous(), layer.memory.split(v).contiguous()))

    def step(self, tokens: Int[Tensor, " r"]) -> Float[Tensor, "r v"]:
        net = self.net
        x = net.embed(net.target, tokens, torch.full_like(tokens, self.time))
        for k, layer in enumerate(self.layers):
            x, self.before[k] = layer.write(x, self.before[k], self.keys[k], self.mask)
        self.time += 1
        return F.linear(net.told(x), net.target.weight).log_softmax(1)

    def keep(self, rows: Int[Tensor, " r"], items: Int[Tensor, " b"]) -> None:
        self.before = [(k[rows], v[rows]) for k, v in self.before]  # type: ignore[misc]
        if len(items) < len(self.keys[0][0]):
            self.keys = [(k[items], v[items]) for k, v in self.keys]
            self.mask = None if self.mask is None else self.mask[items]
