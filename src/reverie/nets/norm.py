"""Batch normalisation without running averages. Ioffe & Szegedy 2015, "Batch Normalization", arXiv:1502.03167.

A forward pass writes nothing: a running average would move once a shard, and so differ between one process and two.
What sampling needs is computed once, by the paper's algorithm 2, from the finished weights.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.errors import Problem


class BatchNorm(nn.Module):
    """What both shapes share: in training mode the batch's own statistics, else the population's.

    The variance has `eps` added; weight and bias are one a channel, or none where something else scales and shifts.
    Raises Problem for a batch in training mode with a single value a channel."""

    mean: Tensor
    var: Tensor
    weight: Any  # a parameter (C,), or None
    bias: Any

    def __init__(self, channels: int, eps: float = 1e-5, affine: bool = True):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels)) if affine else None  # gamma
        self.bias = nn.Parameter(torch.zeros(channels)) if affine else None  # beta
        self.register_buffer("mean", torch.zeros(channels))  # E[x], filled by `population_statistics`
        self.register_buffer("var", torch.ones(channels))  # Var[x], unbiased

    def normalise(self, x: Tensor) -> Tensor:
        if self.training:
            if x.numel() == x.shape[1]:
                raise Problem("--batch: batch norm compares items, and got one value a channel. Pass --batch 2 or more")
            return F.batch_norm(x, None, None, self.weight, self.bias, training=True, eps=self.eps)
        return F.batch_norm(x, self.mean, self.var, self.weight, self.bias, training=False, eps=self.eps)

    def extra_repr(self) -> str:
        return f"{len(self.mean)}, eps={self.eps}, affine={self.weight is not None}"


class BatchNorm1d(BatchNorm):
    """Over the items: (B, C) -> (B, C)."""

    least_items = 2  # in a shard: of one, every value is its own mean

    def forward(self, x: Float[Tensor, "b c"]) -> Float[Tensor, "b c"]:
        return self.normalise(x)


class BatchNorm2d(BatchNorm):
    """Over items and places: (B, C, H, W) -> (B, C, H, W)."""

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        return self.normalise(x)


def population_statistics(network: nn.Module, batches: Iterable[Callable[[], None]]) -> None:
    """Fills `mean` and `var` of every batch-norm layer in the network with averages over the forward passes that
    calling each of `batches` makes: E[x] = E_B[mu_B], Var[x] = E_B[m/(m-1) var_B] (algorithm 2, lines 9-11).

    During a pass these layers normalise by the batch, as in training; every other layer keeps its mode, and afterwards
    so do these. Raises ValueError if a layer is never reached."""
    layers = {name: layer for name, layer in network.named_modules() if isinstance(layer, BatchNorm)}
    if not layers:
        return
    sums = {layer: (torch.zeros_like(layer.mean), torch.zeros_like(layer.var)) for layer in layers.values()}
    passes = dict.fromkeys(layers.values(), 0)

    def collect(layer: BatchNorm, args: tuple[Tensor, ...]) -> None:
        (x,) = args
        var, mean = torch.var_mean(x, dim=[d for d in range(x.ndim) if d != 1], correction=1)
        sums[layer][0].add_(mean)
        sums[layer][1].add_(var)
        passes[layer] += 1

    with torch.no_grad(), normalising_by_batch(layers.values()):
        hooks = [layer.register_forward_pre_hook(collect) for layer in layers.values()]
        try:
            for batch in batches:
                batch()
        finally:
            for hook in hooks:
                hook.remove()
        for name, layer in layers.items():
            if not passes[layer]:
                raise ValueError(f"{name}: no batch reached this layer. Pass at least one batch that runs through it")
            layer.mean.copy_(sums[layer][0] / passes[layer])
            layer.var.copy_(sums[layer][1] / passes[layer])


@contextmanager
def normalising_by_batch(layers: Iterable[BatchNorm]) -> Iterator[None]:
    """Training mode for these layers alone."""
    was = {layer: layer.training for layer in layers}
    for layer in was:
        layer.training = True
    try:
        yield
    finally:
        for layer, training in was.items():
            layer.training = training
