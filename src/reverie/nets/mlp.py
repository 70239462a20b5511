"""Dense networks."""

from collections.abc import Callable
from itertools import pairwise

from torch import nn


def mlp(*widths: int, activation: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    """Linear layers with an activation between them, none after the last: mlp(784, 500, 40). (B, in) -> (B, out)."""
    layers: list[nn.Module] = []
    for wide_in, wide_out in pairwise(widths):
        layers += [nn.Linear(wide_in, wide_out), activation()]
    return nn.Sequential(*layers[:-1])
