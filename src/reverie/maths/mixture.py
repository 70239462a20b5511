"""Mixtures of Gaussians by expectation maximisation. Dempster, Laird & Rubin 1977, "Maximum Likelihood from Incomplete
Data via the EM Algorithm", Journal of the Royal Statistical Society B 39(1)."""

from math import log, pi
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

MOST = 40  # iterations of expectation maximisation
ROUNDS = 10  # of k-means, before it


class Gaussians(NamedTuple):
    """A density: Σ_k weight_k N(x; mean_k, L_k L_kᵀ). A weight may be 0."""

    weights: Float[Tensor, " k"]
    means: Float[Tensor, "k d"]
    factors: Float[Tensor, "k d d"]  # L: lower triangular


def log_joint(x: Float[Tensor, "n d"], mixture: Gaussians) -> Float[Tensor, "n k"]:
    """log weight_k + log N(x; mean_k, L_k L_kᵀ), in nats. One component at a time: memory holds one copy of x."""
    identity = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    columns = []
    for weight, mean, factor in zip(*mixture):
        inverse = torch.linalg.solve_triangular(factor, identity, upper=False)  # one product then whitens all items
        distance = ((x - mean) @ inverse.T).square().sum(1)
        volume = factor.diagonal().log().sum() + 0.5 * x.shape[1] * log(2 * pi)
        columns.append(weight.log() - 0.5 * distance - volume)
    return torch.stack(columns, 1)


def log_density(x: Float[Tensor, "n d"], mixture: Gaussians) -> Float[Tensor, " n"]:
    """In nats."""
    return log_joint(x, mixture).logsumexp(1)


def drawn(uniform: Float[Tensor, " n"], normal: Float[Tensor, "n d"], mixture: Gaussians) -> Float[Tensor, "n d"]:
    """A draw for each item: the component from a number in [0, 1), its place from normal ones."""
    below = mixture.weights.cumsum(0)
    below = below / below[-1]  # 1 at the end, whatever was rounded: no component of weight 0 is ever chosen
    chosen = (uniform[:, None] >= below).sum(1)
    return mixture.means[chosen] + (mixture.factors[chosen] @ normal[:, :, None]).squeeze(2)


def maximised(x: Float[Tensor, "n d"], shares: Float[Tensor, "n k"], prior: float) -> Gaussians:
    """The M step: the mixture that makes x most probable if so large a share of each item is of each component.
    `prior`: as if so many more items of covariance I lay around each mean, without which a component of few items has a
    singular covariance."""
    identity = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    counts = shares.sum(0)
    means = (shares.T @ x) / counts.clamp(min=1e-10)[:, None]
    factors = []
    for k, mean in enumerate(means):
        apart = (x - mean) * shares[:, k, None].sqrt()
        scatter = apart.T @ apart + prior * identity
        factors.append(torch.linalg.cholesky(scatter / (counts[k] + prior).clamp(min=1e-10)))
    return Gaussians(counts / counts.sum(), means, torch.stack(factors))


def far_apart(x: Float[Tensor, "n d"], count: int) -> Float[Tensor, "k d"]:
    """So many items, each drawn with the square of its distance from those before; fewer where no more differ. Arthur &
    Vassilvitskii 2007, "k-means++". Draws from torch's global generator."""
    chosen = [int(torch.randint(len(x), ()))]
    nearest = (x - x[chosen[0]]).square().sum(1)
    while len(chosen) < count and nearest.sum() > 0:
        below = nearest.double().cumsum(0)
        place = torch.rand((), dtype=below.dtype, device=below.device) * below[-1]
        chosen.append(int(torch.searchsorted(below, place, right=True).clamp(max=len(x) - 1)))
        nearest = torch.minimum(nearest, (x - x[chosen[-1]]).square().sum(1))
    return x[chosen]


def grouped(x: Float[Tensor, "n d"], count: int) -> Float[Tensor, "n k"]:
    """Shares to begin with: each item whole in one of so many groups, by k-means. Draws from torch's global
    generator."""
    centres = far_apart(x, count)
    for _ in range(ROUNDS):
        distance = centres.square().sum(1) - 2 * x @ centres.T
        shares = torch.nn.functional.one_hot(distance.argmin(1), count).to(x.dtype)
        sizes = shares.sum(0)[: len(centres), None]
        centres = torch.where(sizes > 0, (shares.T @ x)[: len(centres)] / sizes.clamp(min=1), centres)
    return shares


def fitted(
    x: Float[Tensor, "n d"], shares: Float[Tensor, "n k"], prior: float, gain: float
) -> tuple[Gaussians, list[float]]:
    """The mixture that begins at `shares`, and after each iteration the mean nats of an item (without a prior,
    falling): ends where they fall by less than `gain`."""
    mixture = maximised(x, shares, prior)
    nats: list[float] = []
    for _ in range(MOST):
        joint = log_joint(x, mixture)
        density = joint.logsumexp(1)
        nats.append(-float(density.mean()))
        if len(nats) > 1 and nats[-2] - nats[-1] < gain:
            break
        mixture = maximised(x, (joint - density[:, None]).exp(), prior)
    return mixture, nats
