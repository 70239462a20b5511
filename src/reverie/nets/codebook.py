"""A codebook: vectors that stand for all others, each for those that lie nearest to it.

van den Oord, Vinyals & Kavukcuoglu 2017, arXiv:1711.00937, section 3 and appendix A.1.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

SLOTS = 16  # codes that can be revived at once
LEVELS = 8  # of priority, each held with half the probability of the one before: enough for some 200 shards


class Codebook(nn.Module):
    """K codes of D numbers. Statistics of one batch are sums, so that those of its shards add up to them.

    With `gradient` the codes are a parameter, for a loss to move; else they are moving averages of the outputs that
    they stand for, which `absorb` updates. A code whose count falls below `revive` times the even share is set to an
    output that its own code stands badly for."""

    counts: Tensor
    sums: Tensor

    def __init__(self, codes: int, depth: int, gradient: bool, decay: float, smoothing: float, revive: float):
        super().__init__()
        self.gradient, self.decay, self.smoothing, self.revive = gradient, decay, smoothing, revive
        vectors = torch.randn(codes, depth)
        self.register_buffer("counts", torch.ones(codes))  # N_i: outputs an update that chose code i
        if gradient:
            self.vectors = nn.Parameter(vectors)  # e_i
        else:
            self.register_buffer("vectors", vectors)
            self.register_buffer("sums", vectors.clone())  # m_i: of those outputs

    def nearest(self, z: Float[Tensor, "n d"]) -> Int[Tensor, " n"]:
        """The code of least distance to each output (equation 1); of equals, the first."""
        e = self.vectors
        return (e.square().sum(1) - 2 * z @ e.t()).argmin(1)  # |z - e|² without |z|², which all codes share

    def forward(self, index: Int[Tensor, "*b"]) -> Float[Tensor, "*b d"]:
        """The vectors of codes."""
        return F.embedding(index, self.vectors)

    def start(self, outputs: Float[Tensor, "m d"]) -> None:
        """Codes among outputs, each drawn with a probability in proportion to its squared distance from those before
        (Arthur & Vassilvitskii 2007, "k-means++"): drawn evenly, most would be of an empty background. As though each
        had been chosen once: the codes soon follow the encoder, which moves most at the start. Draws from torch's
        global generator."""
        chosen = torch.empty_like(self.vectors)
        error = torch.ones_like(outputs[:, 0])
        for k in range(len(chosen)):
            chosen[k] = outputs[int(drawn(error, 1))]
            away = (outputs - chosen[k]).square().sum(1)
            error = away if k == 0 else torch.minimum(error, away)
        self.counts.fill_(1.0)
        self.vectors.data.copy_(chosen)
        if not self.gradient:
            self.sums.copy_(chosen)

    def perplexity(self) -> Tensor:
        """e to the entropy of the codes' shares: K where all are used alike, 1 where one is. Of the last updates."""
        p = self.counts / self.counts.sum()
        entropy: Tensor = torch.special.entr(p).sum()
        return entropy.exp()

    def used(self) -> Tensor:
        """The share of codes that are not all but unused: at least a hundredth of the even share."""
        return (self.counts > 0.01 * self.counts.mean()).to(self.counts.dtype).mean()

    # ------------------------------------------------------------------------------------------------------- statistics

    def stats(self, z: Float[Tensor, "n d"], index: Int[Tensor, " n"]) -> dict[str, Tensor]:
        """Sums over outputs and the codes that they chose, for `absorb`: how many chose each code, and their sum.

        Beside them, candidates for codes that nobody uses. One must be chosen out of all shards by what survives adding
        up: so each shard puts an output of its own on each slot, at a level drawn at random. Where a level of a slot
        was drawn by one shard alone, its sum is that very output."""
        with torch.no_grad():
            z = z.detach()
            chosen = F.one_hot(index, len(self.counts)).to(z.dtype)
            made = {"counts": chosen.sum(0)}
            if not self.gradient:
                made["sums"] = chosen.t() @ z
            if self.revive:
                rows = drawn((z - self(index)).square().sum(1), SLOTS)
                level = (
                    (-(1 - torch.rand(SLOTS, device=z.device)).log2()).long().clamp(max=LEVELS - 1)
                )  # of a number above 0
                held = F.one_hot(level, LEVELS).to(z.dtype)  # (slots, levels)
                made |= {"held": held, "candidates": held[..., None] * z[rows, None]}
            return made

    @torch.no_grad()
    def absorb(self, stats: Mapping[str, Tensor]) -> None:
        """One update of the averages by the sums over a batch (equations 6-8), with counts smoothed towards the even
        share, so that no code of a small count flies away. Then revival."""
        self.counts.lerp_(stats["counts"].to(self.counts.dtype), 1 - self.decay)
        if not self.gradient:
            self.sums.lerp_(stats["sums"].to(self.sums.dtype), 1 - self.decay)
            total, k = self.counts.sum(), len(self.counts)
            smooth = (self.counts + self.smoothing) / (total + k * self.smoothing) * total
            self.vectors.copy_(self.sums / smooth[:, None])
        if self.revive:
            self.revived(stats["held"], stats["candidates"].to(self.vectors.dtype))

    def revived(self, held: Float[Tensor, "s l"], candidates: Float[Tensor, "s l d"]) -> None:
        """Sets the least used of the dead codes to the candidates, as though each had just been chosen once: one that
        stays unused is soon set anew."""
        share = self.counts.mean()
        order = self.counts.argsort(stable=True)[: len(held)]
        dead = order[self.counts[order] < self.revive * share]
        alone = held == 1
        free = alone.any(1).nonzero()[:, 0][: len(dead)]  # slots whose candidate is one output
        dead = dead[: len(free)]
        found = candidates[free, alone[free].to(torch.uint8).argmax(1)]  # the first such level
        count = share.clamp(max=1.0)
        self.vectors.data[dead] = found
        self.counts[dead] = count
        if not self.gradient:
            self.sums[dead] = count * found


def drawn(weights: Float[Tensor, " n"], count: int) -> Int[Tensor, " c"]:
    """Row numbers drawn with these weights, evenly where all are 0. From torch's global generator."""
    p = weights.double()
    sums = torch.where(p.sum() > 0, p, torch.ones_like(p)).cumsum(0)
    at = torch.rand(count, dtype=torch.float64, device=p.device) * sums[-1]
    return torch.searchsorted(sums, at, right=True).clamp(max=len(p) - 1)
