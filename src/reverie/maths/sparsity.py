"""What makes a code sparse."""

from math import log

import torch
from jaxtyping import Float
from torch import Tensor


def top(x: Float[Tensor, "b d"], k: int) -> Float[Tensor, "b d"]:
    """The k largest numbers of each item, all others 0. Makhzani & Frey 2014, arXiv:1312.5663, equation 2; exactly k of
    them also where some are equal."""
    if k >= x.shape[1]:
        return x
    values, places = x.topk(k, dim=1, sorted=False)
    return torch.zeros_like(x).scatter(1, places, values)


def kl_to_target(mean: Float[Tensor, " d"], target: float) -> Float[Tensor, " d"]:
    """KL(Bernoulli(target) ‖ Bernoulli(mean)) of each unit, in nats: 0 where its mean activation is the target. Ng
    2011, CS294A lecture notes, section 2. `target` in (0, 1); a mean of 0 or 1 costs as the nearest number within."""
    least = torch.finfo(mean.dtype).eps
    mean = mean.clamp(least, 1 - least)
    return target * (log(target) - mean.log()) + (1 - target) * (log(1 - target) - torch.log1p(-mean))
