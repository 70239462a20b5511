"""A learnt density for every number of a code by itself, smoothed by noise one step wide.

Ballé, Laparra & Simoncelli 2017, arXiv:1611.01704, section 3: with noise for rounding, the density of the noisy code
at a whole number is the probability of that number after rounding. Mixtures of logistics in place of their
piecewise-linear densities: a probability is a difference of two sigmoids, which whole numbers can state exactly
(`maths.fixed`)."""

from math import log

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reverie.core import Tables
from reverie.maths.fixed import NUMBER, ONE, PLACE, fixed, mixture, shares
from reverie.maths.logistic import log_steps

AXIS = 8  # a code's axis of 1, on which `fixed` measures, is 2^8 steps wide
NARROWEST, WIDEST = 4, 256  # steps to each side of the mean that a table reaches; it doubles until little is left out
LEFT_OUT = 2.0**-10  # probability of all other values, at most, unless the table is the widest


class Factorised(nn.Module):
    """A mixture of logistics for each channel, or for each channel and place: (channels, 1, 1, K) or (channels, h, w,
    K)."""

    def __init__(self, shape: tuple[int, int, int], grid: tuple[int, int], logistics: int):
        super().__init__()
        self.grid = grid
        spread = torch.linspace(-1, 1, logistics) if logistics > 1 else torch.zeros(1)
        self.mean = nn.Parameter(spread.expand(*shape, logistics).clone())
        self.log_scale = nn.Parameter(torch.zeros(*shape, logistics))
        self.logits = nn.Parameter(torch.zeros(*shape, logistics))

    def nats(self, y: Float[Tensor, "b c h w"]) -> Float[Tensor, " b"]:
        """-log p of a noisy code; of a rounded one, what its whole numbers cost."""
        return -log_steps(y, 1.0, self.mean, self.log_scale, self.logits).flatten(1).sum(1)

    def drawn(self, noise: Float[Tensor, "b 2 n"]) -> Float[Tensor, "b n"]:
        """Whole numbers with these probabilities, from numbers in [0, 1): which logistic, and where in it."""
        which, where = noise.unflatten(2, (len(self.mean), *self.grid)).unbind(1)
        upto = self.logits.softmax(-1).cumsum(-1)
        k = (which[..., None] >= upto).sum(-1, keepdim=True).clamp(max=upto.shape[-1] - 1)  # (b, c, h, w, 1)
        mean, log_scale = (p.expand(len(noise), -1, *self.grid, -1).gather(-1, k) for p in (self.mean, self.log_scale))
        value = mean[..., 0] + log_scale[..., 0].exp() * where.clamp(1e-6, 1 - 1e-6).logit()
        return value.round().flatten(1)

    def tables(self) -> Tables:
        """Of every number of the code, flattened: the same in whole numbers."""
        mean, log_scale, logits = (fixed(p).flatten(0, -2) for p in (self.mean, self.log_scale, self.logits))
        share = shares(logits)
        centre = ((mean * share).sum(-1) // share.sum(-1) + (1 << NUMBER - 1)) >> NUMBER
        reach = NARROWEST
        while True:
            value = centre[:, None] + torch.arange(-reach, reach + 2)
            place = (2 * value - 1) << PLACE - AXIS - 1  # of the lower end of a step
            below = mixture(place, mean >> AXIS, log_scale - fixed(torch.tensor(AXIS * log(2))), logits)
            rest = below[:, :1] + (1 << ONE) - below[:, -1:]
            if reach >= WIDEST or int(rest.max()) <= LEFT_OUT * 2**ONE:
                break
            reach *= 2
        channels, *places = self.mean.shape[:-1]
        rows = torch.arange(len(centre)).view(channels, *places).expand(channels, *self.grid).flatten()
        return Tables(torch.cat([below.diff(), rest], 1) + 1, centre - reach, rows, open=True)
