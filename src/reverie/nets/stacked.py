"""Recurrent layers, one over the other, whose state goes in and comes out: what a language model reads text with.

Cells: Elman 1990; Hochreiter & Schmidhuber 1997; Cho et al. 2014, arXiv:1406.1078. Dropout with one mask for all steps:
Gal & Ghahramani 2016, arXiv:1512.05287; with another at each step: Zaremba et al. 2014, arXiv:1409.2329.
"""

from __future__ import annotations

from math import sqrt

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from .recurrent import CELLS, initialise_


class Stack(nn.Module):
    """(B, T, D) -> (B, T, width): what the last layer says after each step, and the state of all layers after the last
    step: (parts, layers, B, width), of an LSTM two parts, its output and its cell.

    Torch's cells, and so `gru` applies the reset gate after the recurrent product, where Cho et al. have it before, and
    each cell has two biases. A layer a module: as fast as one stacked module, whose dropout is another at each step.
    What torch's fast kernels do not allow is Gal & Ghahramani's mask on the state that a layer hands to itself."""

    def __init__(self, cell: str, inputs: int, width: int, layers: int, dropout: float, by_step: bool):
        super().__init__()
        self.width, self.dropout, self.by_step = width, dropout, by_step
        self.parts = 2 if cell == "lstm" else 1
        wide = [inputs, *[width] * (layers - 1)]
        self.layers = nn.ModuleList(CELLS[cell](n, width, batch_first=True) for n in wide)
        for layer in self.layers:
            initialise_(layer)  # type: ignore[arg-type]

    def forward(self, x: Float[Tensor, "b t d"], state: Float[Tensor, "p l b h"] | None) -> tuple[Tensor, Tensor]:
        """`state`: what the layers begin from; None: zeros."""
        ends = []
        for k, layer in enumerate(self.layers):
            if k:
                x = self.drop(x)
            x, end = layer(x, self.of_layer(state, k))
            ends.append(torch.cat(end) if self.parts == 2 else end)
        return x, torch.stack(ends, 1)

    def of_layer(self, state: Tensor | None, k: int) -> Tensor | tuple[Tensor, ...] | None:
        """As torch's modules take it: (1, B, width), of an LSTM two of these."""
        if state is None:
            return None
        own = state[:, k : k + 1].contiguous()
        return (own[0], own[1]) if self.parts == 2 else own[0]

    def drop(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
        """Between layers."""
        return F.dropout(x, self.dropout, self.training) if self.by_step else locked(x, self.dropout, self.training)


class TokenNet(nn.Module):
    """Tokens -> logits of the token after each: (B, T) -> (B, T, V), and the state after the last.

    Tied: the output layer is the tokens' embedding (Press & Wolf 2017, arXiv:1608.05859; Inan et al. 2017,
    arXiv:1611.01462), behind a projection where the layers are of another width; vectors of deviation 1 / sqrt(D),
    which make small logits, are read times sqrt(D). Dropout by item is of the embeddings, between layers, and of what
    the output layer sees; by step, between layers alone."""

    def __init__(self, stack: Stack, vocabulary: int, embedding: int, tied: bool):
        super().__init__()
        self.stack, self.scale = stack, sqrt(embedding) if tied else 1.0
        self.tokens = nn.Embedding(vocabulary, embedding)
        nn.init.normal_(self.tokens.weight, 0.0, 1 / self.scale)
        self.project = nn.Linear(stack.width, embedding, bias=False) if tied and embedding != stack.width else None
        self.out = nn.Linear(embedding if tied else stack.width, vocabulary)
        if tied:
            self.out.weight = self.tokens.weight
        nn.init.zeros_(self.out.bias)

    def forward(
        self, tokens: Int[Tensor, "b t"], told: Float[Tensor, "b 1 d"] | None = None, state: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """`told` is added to every token's embedding; `state` is that of what was read before."""
        y, state = self.features(tokens, told, state)
        return self.logits(y), state

    def features(self, tokens: Tensor, told: Tensor | None, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """What the output layers see: (B, T, width)."""
        x = self.tokens(tokens) * self.scale
        if told is not None:
            x = x + told
        found: tuple[Tensor, Tensor] = self.stack(self.drop(x), state)
        return self.drop(found[0]), found[1]

    def logits(self, y: Float[Tensor, "*b h"]) -> Float[Tensor, "*b v"]:
        logits: Tensor = self.out(y if self.project is None else self.project(y))
        return logits

    def drop(self, x: Tensor) -> Tensor:
        stack = self.stack
        return x if stack.by_step else locked(x, stack.dropout, self.training)


class Reader:
    """Goes on from what it has read, without gradients."""

    def __init__(self, network: TokenNet, told: Tensor | None):
        self.network, self.told = network, told
        self.state: Tensor | None = None

    @torch.no_grad()
    def read(self, tokens: Int[Tensor, "b t"]) -> Float[Tensor, "b v"]:
        y, self.state = self.network.features(tokens, self.told, self.state)
        return self.network.logits(y[:, -1])


class FromZero(nn.Module):
    """The network of rows that nothing stands before: tokens -> logits alone."""

    def __init__(self, network: TokenNet):
        super().__init__()
        self.network = network

    def forward(self, tokens: Int[Tensor, "b t"]) -> Float[Tensor, "b t v"]:
        logits: Tensor = self.network(tokens)[0]
        return logits


def locked(x: Float[Tensor, "b t d"], share: float, training: bool) -> Float[Tensor, "b t d"]:
    """Dropout with one mask for all steps of an item."""
    if not (share and training):
        return x
    return x * F.dropout(x.new_ones(len(x), 1, x.shape[2]), share)
