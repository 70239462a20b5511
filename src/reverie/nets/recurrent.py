"""Recurrent layers over items of different lengths, one way or both. Elman 1990, "Finding Structure in Time";
Hochreiter & Schmidhuber 1997, "Long Short-Term Memory"; Cho et al. 2014, arXiv:1406.1078; both ways: Schuster & Paliwal
1997, "Bidirectional Recurrent Neural Networks"."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

CELLS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class Layer(nn.Module):
    """(B, T, D) -> (B, T, width), or (B, T, 2 width) both ways: the state after each step, and beside it that of the
    way back.

    The way back reads each item turned around in place. That is what packed sequences compute, on a processor up to
    twice as fast (an LSTM; other cells 1.2 times): torch has its fast kernels for plain ones only."""

    def __init__(self, cell: str, inputs: int, width: int, both_ways: bool):
        super().__init__()
        made = CELLS[cell]
        self.on = made(inputs, width, batch_first=True)
        self.back = made(inputs, width, batch_first=True) if both_ways else None
        initialise_(self.on)
        if self.back is not None:
            initialise_(self.back)

    def forward(self, x: Float[Tensor, "b t d"], lengths: Int[Tensor, " b"] | None = None) -> Float[Tensor, "b t h"]:
        on: Tensor = self.on(x)[0]
        if self.back is None:
            return on
        return torch.cat([on, turned(self.back(turned(x, lengths))[0], lengths)], 2)


class Recurrent(nn.Module):
    """Layer on layer: (B, T, D) -> (B, T, `self.width`). Up to an item's length, no value hangs on what comes after it;
    beyond it they mean nothing. `dropout` is of what a layer hands to the next (Zaremba et al. 2014, arXiv:1409.2329).

    Torch's cells, and so `gru` applies the reset gate after the recurrent product, where the paper has it before."""

    def __init__(self, cell: str, inputs: int, width: int, layers: int, both_ways: bool, dropout: float):
        super().__init__()
        self.dropout, self.width = dropout, width * (1 + both_ways)
        wide = [inputs, *[self.width] * (layers - 1)]
        self.layers = nn.ModuleList(Layer(cell, n, width, both_ways) for n in wide)

    def forward(self, x: Float[Tensor, "b t d"], lengths: Int[Tensor, " b"] | None = None) -> Float[Tensor, "b t h"]:
        for k, layer in enumerate(self.layers):
            if k and self.dropout:
                x = F.dropout(x, self.dropout, self.training)
            x = layer(x, lengths)
        return x


def turned(x: Float[Tensor, "b t d"], lengths: Int[Tensor, " b"] | None) -> Float[Tensor, "b t d"]:
    """Each item's vectors in reverse order; what is beyond its length stays. Its own inverse."""
    if lengths is None:
        return x.flip(1)
    place = torch.arange(x.shape[1], device=x.device)
    last = lengths[:, None] - 1
    source = torch.where(place <= last, last - place, place)
    return x.gather(1, source[..., None].expand_as(x))


@torch.no_grad()
def initialise_(layer: nn.RNNBase) -> None:
    """Each gate's recurrent matrix orthogonal (Saxe et al. 2014, arXiv:1312.6120), its input matrix uniform after
    Glorot & Bengio 2010; biases 0, of an LSTM's forget gate 1 (Jozefowicz et al. 2015, "An Empirical Exploration of
    Recurrent Network Architectures"). In place; draws from torch's global generator."""
    h = layer.hidden_size
    for name, p in layer.named_parameters():
        if name.startswith("weight"):
            start = nn.init.orthogonal_ if name.startswith("weight_hh") else nn.init.xavier_uniform_
            for gate in torch.split(p, h):
                start(gate)
        else:
            p.zero_()
            if isinstance(layer, nn.LSTM) and name.startswith("bias_ih"):
                p[h : 2 * h] = 1.0  # torch's order: input, forget, cell, output
