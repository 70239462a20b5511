"""How far generated items lie apart, beside real ones: what falls where a generator collapses."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from . import features


def pairwise(x: Float[Tensor, "n d"]) -> float:
    """Mean distance of all pairs of different rows; 0 of fewer than two."""
    return float(torch.pdist(x.double()).mean()) if len(x) > 1 else 0.0


def spread(real: np.ndarray, fake: np.ndarray) -> float:
    """Mean distance of pairs of generated pictures over that of real ones, on the features of `image.cheap`: about 1 of
    real against real, 0 where all are the same picture; 1 where the real ones are. Each (N, H, W, C) integers."""
    extractor = features.cheap()
    beside = pairwise(features.of(real, extractor))
    return pairwise(extractor(fake)) / beside if beside else 1.0
