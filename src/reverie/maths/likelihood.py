"""Log-probabilities and divergences, in nats."""

from math import log, pi

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def kl_to_standard_normal(mu: Float[Tensor, "b d"], log_var: Float[Tensor, "b d"]) -> Float[Tensor, " b"]:
    """KL(N(mu, exp(log_var)) ‖ N(0, I)), summed over dimensions. Kingma & Welling 2014, appendix B."""
    return 0.5 * (mu.square() + log_var.exp() - 1 - log_var).sum(1)


def log_normal(
    x: Float[Tensor, "*b d"], mu: Float[Tensor, "*b d"], log_var: Float[Tensor, "*b d"]
) -> Float[Tensor, "*b"]:
    """log N(x; mu, exp(log_var)), summed over the last axis."""
    return -0.5 * ((x - mu).square() * (-log_var).exp() + log_var + log(2 * pi)).sum(-1)


def log_bernoulli(x: Float[Tensor, "*b d"], logits: Float[Tensor, "*b d"]) -> Float[Tensor, "*b"]:
    """log Bernoulli(x; sigmoid(logits)) for x in [0, 1], summed over the last axis.

    For x between 0 and 1 it is the expectation over binary draws with that intensity, not a density of x."""
    return -F.binary_cross_entropy_with_logits(logits, x.expand_as(logits), reduction="none").sum(-1)


def log_mean_exp(x: Float[Tensor, "k b"]) -> Float[Tensor, " b"]:
    """log of the mean of exp over the first axis: an importance-sampling estimate (Burda et al. 2015, equation 8)."""
    return torch.logsumexp(x, 0) - log(len(x))
