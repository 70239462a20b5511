"""Rotary position embedding. Su, Lu, Pan, Murtadha, Wen & Liu 2021, "RoFormer", arXiv:2104.09864, section 3.2.2."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

BASE = 10_000.0  # of the angles' frequencies: theta_i = BASE^(-2i/d)


def turns(places: int, depth: int) -> Float[Tensor, "2 places depth"]:
    """Cosines and sines of m · theta_i for the places m = 0 … , in float64, each twice: numbers i and i + depth/2 of a
    head are one point of a plane, which the paper's equation 14 turns by m · theta_i. The first sines are negative, so
    that `turned` needs no sign. Raises ValueError where the depth is odd."""
    if depth % 2:
        raise ValueError(f"heads of {depth} numbers: rotary positions need an even count. Pass another width or heads")
    theta = BASE ** (-torch.arange(0, depth, 2, dtype=torch.float64) / depth)
    angles = torch.arange(places, dtype=torch.float64)[:, None] * theta  # (places, depth/2)
    return torch.stack([torch.cat([angles.cos()] * 2, 1), torch.cat([-angles.sin(), angles.sin()], 1)])


def turned(x: Float[Tensor, "*b t d"], turn: Float[Tensor, "2 _ d"]) -> Float[Tensor, "*b t d"]:
    """x_m -> R_m x_m, equation 15: the product of a query and a key then hangs on how far apart they stand, alone."""
    cos, sin = turn
    out: Tensor = x * cos + x.roll(x.shape[-1] // 2, -1) * sin
    return out
