"""Normal numbers without their tails."""

from math import erf, sqrt

import torch
from jaxtyping import Float
from torch import Tensor


def truncated(z: Float[Tensor, "*n"], threshold: float) -> Float[Tensor, "*n"]:
    """Draws z from N(0, 1) as draws from N(0, 1) given that it lies within ±threshold (> 0): what drawing again until
    each does would give (Brock et al. 2019, arXiv:1809.11096, section 3.1). Each number keeps its rank, so that an item
    stays akin to itself at every threshold; ∞ leaves them as they are."""
    if threshold == float("inf"):
        return z
    wide = z.double()
    # Φ(z) is spread over [Φ(-t), Φ(t)]; as z and the normal are symmetric, 2Φ(z) - 1 = erf(z / √2) is just scaled
    narrow = sqrt(2) * torch.erfinv(torch.erf(wide / sqrt(2)) * erf(threshold / sqrt(2)))
    return narrow.clamp(-threshold, threshold).to(z.dtype)  # for a z so far out that its erf is 1
