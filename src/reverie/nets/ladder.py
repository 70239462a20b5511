"""Layers of latents, each given the one above it, and their posterior from the top down. Sønderby et al. 2016, "Ladder
Variational Autoencoders", arXiv:1602.02282; Kingma et al. 2016, arXiv:1606.04934."""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from .mlp import mlp


class Ladder(nn.Module):
    """z_1 is what a decoder sees; p(z_i|z_{i+1}) is normal, p(z_L) standard normal. Codes are the latents of all
    layers, the bottom one first, each in the coordinates in which its prior is standard normal: z_i = mu + sigma code.
    So the prior of a whole code is N(0, I), whatever the number of layers; a divergence from it is what it was, since
    none hangs on coordinates. With one layer a code is z_1 itself, and there are no parameters."""

    def __init__(self, sizes: Sequence[int], between: int):
        """`sizes` of the layers, bottom first; `between`: units of the dense layer between two of them, 0: none."""
        super().__init__()
        self.sizes, self.size = list(sizes), sum(sizes)
        inner = (between,) if between else ()
        self.up = nn.ModuleList(mlp(2 * low, *inner, 2 * high) for low, high in pairwise(sizes))
        self.down = nn.ModuleList(mlp(high, *inner, 2 * low) for low, high in pairwise(sizes))

    def forward(
        self, bottom: Float[Tensor, "b n"], noise: Float[Tensor, "b d"]
    ) -> tuple[Float[Tensor, "b d"], Float[Tensor, "b d"], Float[Tensor, "b d"]]:
        """A code drawn from the posterior by standard normal `noise`, and the posterior's mean and log-variance, each
        layer's given the draw of the one above it. `bottom` is mean and log-variance that an encoder says of z_1, from
        the item alone: (b, 2 · sizes[0])."""
        if not self.up:
            mu, log_var = bottom.chunk(2, 1)
            return mu + (0.5 * log_var).exp() * noise, mu, log_var
        heights = [bottom]
        for up in self.up:
            heights.append(up(heights[-1]))
        found: list[tuple[Tensor, Tensor, Tensor]] = []
        z: Tensor | None = None
        for level, eps in reversed(list(enumerate(torch.split(noise, self.sizes, 1)))):
            mu, log_var = heights[level].chunk(2, 1)
            if z is not None:
                prior_mu, prior_log_var = self.down[level](z).chunk(2, 1)
                mu, log_var = product(mu, log_var, prior_mu, prior_log_var)
            code = mu + (0.5 * log_var).exp() * eps
            z = code if z is None else prior_mu + (0.5 * prior_log_var).exp() * code
            found.append((code, mu, log_var))
        codes, mus, log_vars = (torch.cat(parts, 1) for parts in zip(*reversed(found)))
        return codes, mus, log_vars

    def latents(self, codes: Float[Tensor, "b d"]) -> Float[Tensor, "b l"]:
        """z_1 of whole codes."""
        parts = list(torch.split(codes, self.sizes, 1))
        z = parts.pop()
        for code, down in zip(reversed(parts), reversed(self.down)):
            mu, log_var = down(z).chunk(2, 1)
            z = mu + (0.5 * log_var).exp() * code
        return z


def product(
    mu: Float[Tensor, "b d"],
    log_var: Float[Tensor, "b d"],
    prior_mu: Float[Tensor, "b d"],
    prior_log_var: Float[Tensor, "b d"],
) -> tuple[Float[Tensor, "b d"], Float[Tensor, "b d"]]:
    """What an item says of z, N(mu, exp(log_var)), times the prior: means weighted by precisions (Sønderby et al. 2016,
    equations 17 to 19). Mean and log-variance in the coordinates in which the prior is N(0, 1)."""
    excess = log_var - prior_log_var  # log of v, the variance beside the prior's: precisions are 1/v and 1
    shift = (mu - prior_mu) * (-0.5 * prior_log_var).exp()
    return shift * torch.sigmoid(-excess), F.logsigmoid(excess)  # 1 / (1 + v), and log of v / (1 + v)
