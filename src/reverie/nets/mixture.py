"""A density on codes that no gradient learns: what a model without a prior of its own samples from."""

from collections.abc import Callable, Iterator
from math import log, pi
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reverie.core import Batch, Passes
from reverie.maths.mixture import Gaussians, drawn, fitted, grouped, log_density

CODES = 5_000  # that it is fitted to, at most: a run fits one at every look
AXES = 64  # along which codes follow the mixture; along all others one normal distribution
PRIOR = 1.0  # items that stand in each component for the covariance of all codes
GAIN = 0.01  # nats a code by which an iteration must better the fit
LEAST = 1e-4  # deviation of a dimension, of the largest: one that is constant keeps a finite density


class Mixture(nn.Module):
    """A mixture of Gaussians on codes (B, size), standard normal until it is fitted. Of codes of more than AXES
    dimensions, on their principal components; what is left of them is normal, alike in all directions: still a density
    (as Tipping & Bishop 1999, "Mixtures of Probabilistic Principal Component Analysers", with one set of axes)."""

    centre: Tensor
    axes: Tensor
    scales: Tensor
    rest: Tensor
    weights: Tensor
    means: Tensor
    factors: Tensor
    count: Tensor
    nats: Tensor

    def __init__(self, size: int, components: int):
        super().__init__()
        self.size, rank = size, min(size, AXES)
        first = torch.zeros(components)
        first[0] = 1.0
        buffers = {
            "centre": torch.zeros(size),
            "axes": torch.eye(size, rank),  # columns: directions of unit length
            "scales": torch.ones(rank),  # deviation of all codes along each
            "rest": torch.ones(()),  # deviation along any direction off the axes
            "weights": first,
            "means": torch.zeros(components, rank),
            "factors": torch.eye(rank).repeat(components, 1, 1),
            "count": torch.zeros((), dtype=torch.int64),  # codes that it was fitted to
            "nats": torch.zeros(()),  # of one of them, on the mean
        }
        for name, value in buffers.items():
            self.register_buffer(name, value)

    @property
    def gaussians(self) -> Gaussians:
        """On codes along the axes, each in units of its deviation."""
        return Gaussians(self.weights, self.means, self.factors)

    # -------------------------------------------------------------------------------------------------------- the fit

    def fit(self, codes: Float[Tensor, "n d"]) -> None:
        """In place; draws from torch's global generator. Fewer components than there is room for where codes are too
        few to say a covariance each. Codes that are not finite leave it as it was: the trainer says what went wrong."""
        if not codes.isfinite().all():
            return
        self.turn(codes)
        along = self.along(codes)
        few = len(codes) // (2 * (along.shape[1] + 1))  # each component needs more codes than it has dimensions
        used = max(1, min(len(self.weights), few))
        shares = grouped(along * self.scales, used)  # as near as codes lie: in units of deviation all look alike
        mixture, _ = fitted(along, shares, PRIOR, GAIN)
        self.weights.zero_()
        for mine, found in zip(self.gaussians, mixture):
            mine[:used] = found
        self.count.fill_(len(codes))
        self.nats.copy_(self.nll(codes).mean())

    def turn(self, codes: Float[Tensor, "n d"]) -> None:
        """Centre, axes and scales: the principal components of the codes."""
        rank, centre = len(self.scales), codes.mean(0)
        apart = codes - centre
        if self.size > AXES:
            _, _, axes = torch.svd_lowrank(apart, min(rank + 10, *apart.shape), niter=4)
            self.axes.copy_(completed(axes[:, :rank], rank))
            along = (apart @ self.axes).square().mean(0)
            left = apart.square().sum(1).mean() - along.sum()
            rest = (left.clamp(min=0) / (self.size - rank)).sqrt()
        else:
            along, axes = torch.linalg.eigh(apart.T @ apart / len(codes))
            self.axes.copy_(axes)
            rest = codes.new_ones(())
        scales = along.clamp(min=0).sqrt()
        least = (LEAST * scales.max()).clamp(min=1e-8)
        self.centre.copy_(centre)
        self.scales.copy_(scales.clamp(min=least))
        self.rest.copy_(rest.clamp(min=least))

    def along(self, codes: Float[Tensor, "n d"]) -> Float[Tensor, "n r"]:
        """Places along the axes, in units of the deviation of all codes."""
        return (codes - self.centre) @ self.axes / self.scales

    # --------------------------------------------------------------------------------------------------- what it is for

    def nll(self, codes: Float[Tensor, "b d"]) -> Float[Tensor, " b"]:
        """Nats of each code."""
        along = self.along(codes)
        nats = self.scales.log().sum() - log_density(along, self.gaussians)
        free = self.size - len(self.scales)
        if not free:
            return nats
        left = (codes - self.centre).square().sum(1) - (along * self.scales).square().sum(1)
        return nats + 0.5 * left.clamp(min=0) / self.rest**2 + free * (self.rest.log() + 0.5 * log(2 * pi))

    def noise(self, generator: torch.Generator) -> Float[Tensor, " d1"]:
        """All the chance of one code: a number in [0, 1) that chooses its component, then normal ones."""
        return torch.cat([torch.rand(1, generator=generator), torch.randn(self.size, generator=generator)])

    def draw(self, noise: Float[Tensor, "b d1"]) -> Float[Tensor, "b d"]:
        """Noise -> codes: (B, 1 + size) -> (B, size)."""
        normal = noise[:, 1:]
        own = normal @ self.axes  # normal too, as the axes are orthogonal
        along = drawn(noise[:, 0], own, self.gaussians)
        codes = self.centre + (along * self.scales) @ self.axes.T
        return codes if self.size == len(self.scales) else codes + self.rest * (normal - own @ self.axes.T)

    def said(self) -> str:
        """What a person should know of it."""
        if not self.count:
            return "samples are of codes from a standard normal distribution: no density was fitted yet"
        used = int((self.weights > 0).sum())
        density = f"a mixture of {used} Gaussian{'s' if used > 1 else ''}"
        fit = f"fitted after training to {int(self.count):,} codes ({float(self.nats):.4g} nats a code)"
        return f"samples are of codes from {density}, {fit}"


def completed(axes: Float[Tensor, "d k"], rank: int) -> Float[Tensor, "d r"]:
    """Orthonormal columns with so many more, where fewer codes than axes leave some undecided."""
    if axes.shape[1] == rank:
        return axes
    whole, _ = torch.linalg.qr(torch.cat([axes, torch.randn(len(axes), rank - axes.shape[1]).to(axes)], 1))
    return torch.cat([axes, whole[:, axes.shape[1] :]], 1)


def codes(encode: Callable[[Batch], Any], stream: Passes) -> Float[Tensor, "n d"]:
    """Codes of training items: of all where they are at most CODES, each once; else of so many drawn evenly (the first
    items of a folder may all be of one class)."""
    return torch.cat([encode(batch) for batch in batches(stream)])[:CODES]


def batches(stream: Passes) -> Iterator[Batch]:
    count = 0
    for batch in stream.whole():
        count += len(batch)
        if count > CODES:
            break
    else:
        yield from stream.whole()
        return
    count, k = 0, 0
    while count < CODES:
        batch = stream(k)
        yield batch
        count, k = count + len(batch), k + 1
