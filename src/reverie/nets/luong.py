"""Recurrent translation with attention. Luong, Pham & Manning 2015, "Effective Approaches to Attention-based Neural
Machine Translation", arXiv:1508.04025."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from .packed import Packed, drop

State = tuple[
    list[tuple[Tensor, Tensor]], Tensor
]  # hidden and cell (B, D) of each layer, and what was said last (B, D)


class Luong(nn.Module):
    """Reads source tokens and says of each target token what an output layer needs for the one after it.

    Stacked LSTMs, global attention with the "general" score (equation 8), input feeding (section 3.3). The encoder
    reads both ways, each in half the width, which has been usual since Bahdanau, Cho & Bengio 2015, arXiv:1409.0473;
    Luong's reads one way. What is said is as wide as an embedding, so that the output layer can be the target's
    (Press & Wolf 2017, arXiv:1608.05859)."""

    def __init__(self, vocabularies: tuple[int, int], tied: bool, width: int, layers: int, dropout: float):
        super().__init__()
        if width % 2:
            raise ValueError(f"width {width}: odd. The encoder reads both ways: pass an even one")
        self.width, self.dropout = width, dropout
        self.source = nn.Embedding(vocabularies[0], width)
        self.target = self.source if tied else nn.Embedding(vocabularies[1], width)
        self.encoder = nn.LSTM(
            width, width // 2, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0, bidirectional=True
        )
        self.decoder = nn.ModuleList(nn.LSTMCell(width if k else 2 * width, width) for k in range(layers))
        self.score = nn.Linear(width, width, bias=False)
        self.join = nn.Linear(2 * width, width, bias=False)
        for p in self.parameters():  # section 4.1
            nn.init.uniform_(p, -0.1, 0.1)

    def encode(self, tokens: Int[Tensor, "b s"], lengths: Int[Tensor, " b"]) -> tuple[Memory, State]:
        """What the source says at each place, and the state that its two ends leave the decoder."""
        x = drop(self.source(tokens), self.dropout, self.training)
        packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        y, ends = self.encoder(packed)
        y, _ = pad_packed_sequence(y, batch_first=True)
        h, c = (e.unflatten(0, (-1, 2)).transpose(1, 2).flatten(2).unbind(0) for e in ends)  # layers times (B, D)
        there = torch.arange(y.shape[1], device=lengths.device) < lengths[:, None]
        return Memory(y, self.score(y), there), (list(zip(h, c)), torch.zeros_like(h[0]))

    def step(self, x: Float[Tensor, "r d"], state: State, memory: Memory) -> State:
        """Embedded tokens, one of each row; the rows of an item lie side by side."""
        y, cells = torch.cat([x, state[1]], 1), []
        for k, (cell, (h, c)) in enumerate(zip(self.decoder, state[0])):
            h, c = cell(drop(y, self.dropout, self.training) if k else y, (h, c))
            cells.append((h, c))
            y = h
        context = memory.look(y)
        return cells, torch.tanh(self.join(torch.cat([context, y], 1)))

    def forward(
        self, source: Int[Tensor, "b s"], sources: Packed, given: Int[Tensor, "b t"], targets: Packed
    ) -> Float[Tensor, "n d"]:
        """`given`: the start token, then the target without its last one. The longest come first: as others end, fewer
        rows are computed."""
        lengths, order = targets.lengths.sort(descending=True, stable=True)
        live = (torch.arange(int(lengths[0]), device=lengths.device)[:, None] < lengths).sum(1)  # (T,)
        memory, state = self.encode(source[order], sources.lengths[order])
        x = drop(self.target(given[order]), self.dropout, self.training).unbind(1)
        said = []
        for t, rows in enumerate(live.tolist()):
            if rows < len(state[1]):
                memory, state = memory.first(rows), ([(h[:rows], c[:rows]) for h, c in state[0]], state[1][:rows])
            state = self.step(x[t][:rows], state, memory)
            said.append(state[1])
        place = (live.cumsum(0) - live)[targets.time] + order.argsort()[targets.item]
        return drop(torch.cat(said)[place], self.dropout, self.training)

    def writer(self, source: Int[Tensor, "b s"], lengths: Int[Tensor, " b"]) -> Writing:
        return Writing(self, *self.encode(source, lengths))


class Memory:
    """What the decoder looks at: of each item the encoder's outputs, (B, S, D), and these as keys, and which are
    there."""

    def __init__(self, values: Float[Tensor, "b s d"], keys: Float[Tensor, "b s d"], there: Bool[Tensor, "b s"]):
        self.values, self.keys, self.there = values, keys, there

    def look(self, x: Float[Tensor, "r d"]) -> Float[Tensor, "r d"]:
        """The mean of the outputs, each weighed by its softmax score: equations 7 and 8."""
        q = x.view(len(self.keys), -1, x.shape[1])
        scores = (q @ self.keys.transpose(1, 2)).masked_fill(~self.there[:, None], -torch.inf)
        return (scores.softmax(2) @ self.values).view(x.shape)

    def first(self, rows: int) -> Memory:
        return Memory(self.values[:rows], self.keys[:rows], self.there[:rows])

    def keep(self, items: Int[Tensor, " b"]) -> Memory:
        return Memory(self.values[items], self.keys[items], self.there[items])


class Writing:
    """A `Luong` as beam search sees it."""

    def __init__(self, net: Luong, memory: Memory, state: State):
        self.net, self.memory, self.state = net, memory, state

    def step(self, tokens: Int[Tensor, " r"]) -> Float[Tensor, "r v"]:
        (cells, said), rows = self.state, len(tokens)
        if len(said) < rows:  # the first step: the rows of an item begin alike
            times = rows // len(said)
            cells = [(h.repeat_interleave(times, 0), c.repeat_interleave(times, 0)) for h, c in cells]
            said = said.repeat_interleave(times, 0)
        self.state = self.net.step(self.net.target(tokens), (cells, said), self.memory)
        return F.linear(self.state[1], self.net.target.weight).log_softmax(1)

    def keep(self, rows: Int[Tensor, " r"], items: Int[Tensor, " b"]) -> None:
        cells, said = self.state
        self.state = [(h[rows], c[rows]) for h, c in cells], said[rows]
        if len(items) < len(self.memory.keys):
            self.memory = self.memory.keep(items)
