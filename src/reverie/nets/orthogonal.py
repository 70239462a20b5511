"""Orthogonal weights: at the start (Saxe, McClelland & Ganguli 2014, arXiv:1312.6120) and while learning (Brock et al.
2019, arXiv:1809.11096, section 3.1)."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from .spectral import Spectral


def orthogonal_(network: nn.Module) -> None:
    """Rows or columns, whichever are fewer, of length 1 and at right angles, in every weight; biases zero. In place."""
    for layer in weighted(network):
        nn.init.orthogonal_(layer.weight)
        zero_bias_(layer)


def normal_(network: nn.Module, deviation: float = 0.02) -> None:
    """Every weight from N(0, deviation²), biases zero. In place."""
    for layer in weighted(network):
        nn.init.normal_(layer.weight, 0.0, deviation)
        zero_bias_(layer)


def glorot_(network: nn.Module) -> None:
    """Every weight uniform, of variance 2 / (fan_in + fan_out), biases zero. In place."""
    for layer in weighted(network):
        nn.init.xavier_uniform_(layer.weight)
        zero_bias_(layer)


def weighted(network: nn.Module) -> list[Spectral | nn.Embedding]:
    return [layer for layer in network.modules() if isinstance(layer, (Spectral, nn.Embedding))]


def zero_bias_(layer: nn.Module) -> None:
    bias = getattr(layer, "bias", None)
    if bias is not None:
        nn.init.zeros_(bias)


def orthogonal_penalty(weights: Iterable[Tensor]) -> Tensor:
    """Σ ‖W Wᵀ ⊙ (1 - I)‖²_F (equation 3): how far the filters, W's rows, are from right angles; their lengths are
    free. Of more rows than columns from the smaller Wᵀ W, whose norm is the same, and the rows' own lengths."""
    total = torch.zeros(())
    for weight in weights:
        w = weight.flatten(1)
        gram = w.t() @ w if w.shape[0] > w.shape[1] else w @ w.t()
        total = total.to(w) + gram.square().sum() - w.square().sum(1).square().sum()
    return total
