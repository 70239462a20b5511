"""Beam search: the most probable sequence of a model that writes token by token, sought among the best few so far."""

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor


@runtime_checkable
class Writer(Protocol):
    """Says how probable each next token is, of several items with equally many rows each, those of an item side by
    side."""

    def step(self, tokens: Int[Tensor, " r"]) -> Float[Tensor, "r v"]:
        """The last token of each row -> log-probabilities of the one after it."""
        ...

    def keep(self, rows: Int[Tensor, " r"], items: Int[Tensor, " b"]) -> None:
        """Row i goes on from what row rows[i] was, item j is what item items[j] was: those that are done are left
        out."""
        ...


def penalty(length: int, alpha: float) -> float:
    """By which the log-probability of a sequence of that many tokens, its end among them, is divided:
    ((5 + length) / 6)^alpha. Wu et al. 2016, arXiv:1609.08144, equation 14. With alpha 0 nothing is, with 1 it is
    nearly the mean over the tokens."""
    return float(((5 + length) / 6) ** alpha)


@torch.no_grad()
def search(
    writer: Writer, first: Int[Tensor, " b"], beam: int, longest: int, alpha: float = 0.0, end: int = 0
) -> tuple[Int[Tensor, "b t"], Float[Tensor, " b"]]:
    """The best sequences that follow the `first` token of each item, up to `longest` tokens with their `end`, which
    also fills what is after it, and their scores: log-probability over `penalty`, of an `alpha` of 0 or more.

    Of every item the `beam` likeliest beginnings go on. One that ends while it is among them is a candidate; an item is
    done when it has `beam` candidates, or when nothing that goes on could still be better. What has not ended before
    the last place is ended there. A beam of 1 is greedy, one that holds every sequence is exact."""
    device = first.device
    best = torch.full((len(first), longest), end, device=device)
    score = torch.full((len(first),), -torch.inf, device=device)
    item, count = torch.arange(len(first), device=device), torch.zeros_like(first)  # of what is not done yet: (B,)
    last, written = first.repeat_interleave(beam), first.new_empty(len(first), beam, 0)
    alive = torch.full((len(first), beam), -torch.inf, device=device)  # log-probabilities; at first, all are one
    alive[:, 0] = 0.0
    for length in range(1, longest + 1):
        log_p = writer.step(last).view(len(item), beam, -1).float()
        vocabulary = log_p.shape[2]
        if length == longest:  # whatever is alive ends here
            total, at = (alive + log_p[:, :, end]).sort(1, descending=True)
            at = at * vocabulary + end
        else:  # at least `beam` of twice as many go on: each beginning ends but once
            total, at = (alive[:, :, None] + log_p).flatten(1).topk(min(2 * beam, beam * vocabulary), 1)
        parent, token = at // vocabulary, at % vocabulary
        ends = (token == end) & (total > -torch.inf)
        candidate = ends[:, :beam]
        count = count + candidate.sum(1)
        value, rank = (total[:, :beam].masked_fill(~candidate, -torch.inf) / penalty(length, alpha)).max(1)
        better = value > score[item]
        won = item[better]
        score[won] = value[better]
        best[won, : length - 1] = written[better, parent[better, rank[better]]]
        best[won, length - 1 :] = end
        if length == longest:
            break
        alive, rank = total.masked_fill(token == end, -torch.inf).topk(beam, 1)
        bound = alive[:, 0] / penalty(longest, alpha)  # log-probabilities only fall
        on = ((bound > score[item]) & (count < beam)).nonzero()[:, 0]
        if not len(on):
            break
        alive, parent, token = alive[on], parent.gather(1, rank)[on], token.gather(1, rank)[on]
        written = torch.cat([written[on[:, None], parent], token[:, :, None]], 2)
        writer.keep((on[:, None] * beam + parent).flatten(), on)
        item, count, last = item[on], count[on], token.flatten()
    return best, score
