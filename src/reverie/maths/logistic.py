"""Probabilities of whole steps under mixtures of logistic densities, in nats.

Salimans et al. 2017, arXiv:1701.05517, section 2.1, for a pixel's levels; Ballé et al. 2018, arXiv:1802.01436,
equation 29, for a density that noise one step wide has been added to. sigmoid(u) - sigmoid(l) is
sigmoid(u) · sigmoid(-l) · (1 - e^(l - u)), whose logarithm is finite however far from the mean."""

import torch
import torch.nn.functional as F
from torch import Tensor


def log_steps(
    x: Tensor, step: float, mean: Tensor, log_scale: Tensor, logits: Tensor, ends: tuple[float, float] | None = None
) -> Tensor:
    """log P(x - step / 2 < X < x + step / 2) of a mixture whose components are the last axis: x (…), the rest
    (…, K), broadcast -> (…). With `ends` the lowest and the highest x take all that lies beyond them too."""
    inverse = (-log_scale).exp()
    centre = (x[..., None] - mean) * inverse
    half = 0.5 * step * inverse
    below, above = F.logsigmoid(centre + half), F.logsigmoid(half - centre)
    width = (-torch.expm1(-2 * half)).clamp(min=torch.finfo(half.dtype).tiny).log()
    if ends:
        low, high = ((x - end).abs()[..., None] < 0.25 * step for end in ends)
        width = torch.where(low | high, 0.0, width)
        below, above = torch.where(high, 0.0, below), torch.where(low, 0.0, above)
    return (below + above + width + logits.log_softmax(-1)).logsumexp(-1)
