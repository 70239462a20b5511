"""Log-probabilities and divergences, in nats."""

from math import log, pi

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def kl_to_standard_normal(mu: Float[Tensor, "b d"], log_var: Float[Tensor, "b d"]) -> Float[Tensor, " b"]:
    """KL(N(mu, exp(log_var)) ‖ N(0, I)), summed over dimensions. Kingma & Welling 2014, appendix B."""
    return kl_terms(mu, log_var).sum(1)


def kl_terms(mu: Float[Tensor, "b d"], log_var: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    """The same of each dimension."""
    return 0.5 * (mu.square() + log_var.exp() - 1 - log_var)


def charged(kl: Float[Tensor, "b d"], free: float) -> Float[Tensor, ""]:
    """The sum of nats, of each dimension on average over the items at least `free`. Kingma et al. 2016,
    arXiv:1606.04934, equation 15 (free bits)."""
    return kl.mean(0).clamp(min=free).sum() * len(kl) if free else kl.sum()


def log_normal(
    x: Float[Tensor, "*b d"], mu: Float[Tensor, "*b d"], log_var: Float[Tensor, "*b d"]
) -> Float[Tensor, "*b"]:
    """log N(x; mu, exp(log_var)), summed over the last axis."""
    return -0.5 * ((x - mu).square() * (-log_var).exp() + log_var + log(2 * pi)).sum(-1)


def log_bernoulli(x: Float[Tensor, "*b d"], logits: Float[Tensor, "*b d"]) -> Float[Tensor, "*b"]:
    """log Bernoulli(x; sigmoid(logits)) for x in [0, 1], summed over the last axis.

    For x between 0 and 1 it is the expectation over binary draws with that intensity, not a density of x."""
    return -F.binary_cross_entropy_with_logits(logits, x.expand_as(logits), reduction="none").sum(-1)


def log_discretised_logistic(
    x: Float[Tensor, "*b d"],
    mean: Float[Tensor, "*b d"],
    log_scale: Float[Tensor, "*#b d"],
    half: Float[Tensor, "*#b d"],
) -> Float[Tensor, "*b"]:
    """log of the probability that a logistic variable falls into the cell of x, summed over the last axis. Cells reach
    `half` to either side of the levels 0, 2 half, …, 1, the outermost to infinity: probabilities of all levels add up
    to 1. Kingma et al. 2016, arXiv:1606.04934; Salimans et al. 2017, arXiv:1701.05517, equation 2.

    With a and b the ends of the cell in scales, sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)),
    which no rounding makes 0."""
    down = (-log_scale).exp()
    above, below = (x - mean + half) * down, (x - mean - half) * down
    first, last = x < half, x > 1 - half
    inside = torch.log(-torch.expm1(-2 * half * down)).expand_as(x)
    terms = F.logsigmoid(above).masked_fill(last, 0.0) + F.logsigmoid(-below).masked_fill(first, 0.0)
    return (terms + inside.masked_fill(first | last, 0.0)).sum(-1)


def log_mean_exp(x: Float[Tensor, "k b"]) -> Float[Tensor, " b"]:
    """log of the mean of exp over the first axis: an importance-sampling estimate (Burda et al. 2015, equation 8)."""
    return torch.logsumexp(x, 0) - log(len(x))
