"""A transformer one token at a time: what its `features` and `logits` say of a single further token, in few calls.

A step of a small network costs what its calls cost, not its arithmetic. So weights are looked up once, modules are
passed by, and one query a head needs no kernel made for many."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from .product import Product, product
from .rotary import turned

if TYPE_CHECKING:
    from .attention import Cache
    from .transformer import Block, Transformer


class Layer(NamedTuple):
    """A block."""

    norm1: Product
    qkv: Product
    out: Product
    norm2: Product
    wide: Product  # the dense network's first layer, bent
    down: Product


class Steps:
    """Of a network in eval mode and of a cache that the network may fill, too. For use without gradients."""

    def __init__(self, network: Transformer, cache: Cache, told: Float[Tensor, "b 1 d"] | None = None):
        self.cache, self.heads, self.groups = cache, network.heads, network.groups
        self.told = None if told is None else told[:, 0]
        self.tokens = network.tokens.weight.detach()
        self.places = None if network.places is None else network.places.weight.detach()
        self.turns = None if network.turns is None else network.turns.to(self.tokens.dtype)
        self.norm = bare(network.norm)
        rows = cache.kept[0].shape[1]
        self.layers = [layer(block, rows) for block in network.blocks]  # type: ignore[arg-type]

    def step(self, tokens: Int[Tensor, " b"]) -> Float[Tensor, "b v"]:
        """One further token of each sequence -> logits of the one after it."""
        place, turn = self.cache.seen, None
        x = self.tokens[tokens]
        if self.places is not None:
            x += self.places[place]
        if self.told is not None:
            x += self.told
        if self.turns is not None:
            turn = self.turns[:, place : place + 1]
        self.cache.reserve(1)
        for layer, kept in zip(self.layers, self.cache.kept):
            qkv = layer.qkv(layer.norm1(x))
            x = layer.out(self.attended(qkv, kept, place, turn)).add_(x)
            x = layer.down(layer.wide(layer.norm2(x))).add_(x)
        self.cache.advance(1)
        return F.linear(self.norm(x), self.tokens)

    def attended(
        self,
        qkv: Float[Tensor, "b c"],
        kept: Float[Tensor, "2 b g s e"],
        place: int,
        turn: Float[Tensor, "2 1 e"] | None,
    ) -> Float[Tensor, "b d"]:
        """The queries of one token look at all keys up to their own place; those of a group side by side."""
        count, (h, g) = len(qkv), (self.heads, self.groups)
        every = qkv.view(count, h + 2 * g, -1)
        q, kv = every[:, :h], every[:, h:]
        if turn is not None:
            both = turned(every[:, : h + g], turn)
            q, kv = both[:, :h], torch.cat([both[:, h:], every[:, h + g :]], 1)
        kept[:, :, :, place] = kv.view(count, 2, g, -1).transpose(0, 1)
        keys, values = kept.flatten(1, 2)
        asked = (q * q.shape[-1] ** -0.5).view(count * g, h // g, -1)
        scores = torch.bmm(asked, keys.mT)  # (B G, H/G, room)
        scores[:, :, place + 1 :] = -torch.inf
        return torch.bmm(scores.softmax(-1), values).view(count, -1)


def layer(block: Block, rows: int) -> Layer:
    attention = block.attention
    qkv, out, down = (product(part, rows) for part in (attention.qkv, attention.out, block.down))
    if block.gated:
        gates = product(block.up, rows)
        return Layer(bare(block.norm1), qkv, out, bare(block.norm2), lambda x: block.bent(gates(x)), down)
    return Layer(bare(block.norm1), qkv, out, bare(block.norm2), product(block.up, rows, block.gelu), down)


def bare(norm: nn.Module) -> Product:
    """The function that a norm is, its weights at hand."""
    shape, weight = list(norm.weight.shape), norm.weight.detach()  # type: ignore[arg-type,operator]
    if isinstance(norm, nn.LayerNorm):
        bias = None if norm.bias is None else norm.bias.detach()
        return partial(torch.layer_norm, normalized_shape=shape, weight=weight, bias=bias, eps=norm.eps)
    assert isinstance(norm, nn.RMSNorm)
    return partial(torch.rms_norm, normalized_shape=shape, weight=weight, eps=norm.eps)
