"""From logits to a draw: what is chosen at sampling time of a model that gives one token's distribution at a time."""

from collections.abc import Iterable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

NOTHING = -1  # in place of a token, where an item has none at this turn


def probabilities(
    logits: Float[Tensor, "b v"], temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0, min_p: float = 0.0
) -> Float[Tensor, "b v"]:
    """softmax(logits / temperature), then of the `top_k` likeliest tokens (0: all), of their nucleus `top_p`, and of
    those at least `min_p` times as probable as the likeliest; rows sum to 1. Temperature 0 is its limit: all on the
    likeliest, in equal parts where several are.

    Raises ValueError for temperature < 0, top_k < 0, top_p outside (0, 1], min_p outside [0, 1]."""
    if not (0 <= temperature < float("inf") and top_k >= 0 and 0 < top_p <= 1 and 0 <= min_p <= 1):
        raise ValueError(
            f"temperature {temperature}, top_k {top_k}, top_p {top_p}, min_p {min_p}: pass a temperature of 0 or more, "
            "a top_k of 0 or more, a top_p above 0 and up to 1, a min_p from 0 to 1"
        )
    if temperature != 1:
        logits = logits - logits.amax(-1, keepdim=True)  # a small temperature must not overflow
        if temperature < torch.finfo(logits.dtype).tiny:
            kept = (logits == 0).to(logits.dtype)
            return kept / kept.sum(-1, keepdim=True)
        logits = logits / temperature
    if 0 < top_k < logits.shape[-1]:
        logits = keep_top_k(logits, top_k)
    p = logits.softmax(-1)
    if top_p < 1:
        p = keep_top_p(p, top_p)
    return keep_min_p(p, min_p) if min_p else p


def keep_top_k(logits: Float[Tensor, "b v"], k: int) -> Float[Tensor, "b v"]:
    """The k largest of each row, and whatever equals the smallest of them; -inf in place of the rest. Fan et al. 2018,
    arXiv:1805.04833. k in [1, v]."""
    least = logits.topk(k).values[:, -1:]
    return logits.masked_fill(logits < least, -torch.inf)


def keep_top_p(p: Float[Tensor, "b v"], mass: float) -> Float[Tensor, "b v"]:
    """The nucleus: the fewest likeliest tokens that hold at least `mass`, and whatever is as likely as the last of
    them; 0 in place of the rest, rows summing to 1 again. Holtzman et al. 2020, arXiv:1904.09751, equation 2."""
    ordered = p.sort(descending=True).values
    held = ordered.cumsum(-1, dtype=torch.float64)
    last = (held < mass).sum(-1, keepdim=True).clamp(max=p.shape[-1] - 1)
    kept = p.masked_fill(p < ordered.gather(-1, last), 0)
    return kept / kept.sum(-1, keepdim=True)


def keep_min_p(p: Float[Tensor, "b v"], share: float) -> Float[Tensor, "b v"]:
    """Tokens at least `share` times as probable as the likeliest; 0 in place of the rest, rows summing to 1 again.
    Nguyen et al. 2024, arXiv:2407.01082, section 3."""
    kept = p.masked_fill(p < share * p.amax(-1, keepdim=True), 0)
    return kept / kept.sum(-1, keepdim=True)


def penalised(logits: Float[Tensor, "b v"], seen: Bool[Tensor, "b v"], penalty: float) -> Float[Tensor, "b v"]:
    """Logits of tokens that were seen divided by the penalty where they are above 0, multiplied by it where below.
    Keskar et al. 2019, arXiv:1909.05858, section 4.1, which divides; below 0 that would make them likelier."""
    lower = torch.where(logits > 0, logits / penalty, logits * penalty)
    return torch.where(seen, lower, logits)


def inverse_cdf(p: Float[Tensor, "b v"], uniform: Float[Tensor, " b"]) -> Int[Tensor, " b"]:
    """The token of each row at which the running sum of its probabilities first exceeds `uniform` (b,), in [0, 1): a
    draw from p where that is uniform, and a function of its own row alone. Rows need not sum to 1; a token of
    probability 0 is never drawn."""
    sums = p.cumsum(-1, dtype=torch.float64)
    return torch.searchsorted(sums, uniform.double()[:, None] * sums[:, -1:], right=True)[:, 0]


def collected(turns: Iterable[Int[Tensor, " b"]], like: Tensor, width: int = 0) -> Int[Tensor, "b w"]:
    """What each item was given at each turn as its row of tokens, without the turns that gave it nothing, and 0 from
    its end on. `like`: a tensor of as many rows; `width` of the rows (0: as wide as the longest)."""
    every = list(turns)
    if not every:
        return torch.zeros(len(like), width, dtype=torch.long, device=like.device)
    found = torch.stack(every, 1)
    there = found != NOTHING
    place = (there.cumsum(1) - 1).clamp(min=0)
    width = width or int(there.sum(1).max())
    made = torch.zeros(len(found), width, dtype=torch.long, device=found.device)
    keep = there & (place < width)
    row = torch.arange(len(found), device=found.device)[:, None].expand_as(found)
    made[row[keep], place[keep]] = found[keep]
    return made
