"""N-grams of tokens, each weighed by what its presence says of every class. Wang & Manning 2012, "Baselines and
Bigrams: Simple, Good Sentiment and Topic Classification"."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

ABSENT = 2**63 - 1  # the code of no n-gram


class Counted(NamedTuple):
    """Some items: their tokens, how many of these are there, and which classes or labels hold."""

    tokens: Int[Tensor, "b t"]
    lengths: Int[Tensor, " b"] | None
    holds: Bool[Tensor, "b n"]


class Prior(nn.Module):
    """What is said before any item is seen, added to what it says: (B, members, outs) -> (B, members, outs)."""

    def __init__(self, members: int, outs: int):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(members, outs))

    def forward(self, x: Float[Tensor, "b k o"]) -> Float[Tensor, "b k o"]:
        return x + self.bias


class Ngrams(nn.Module):
    """(B, T) of tokens -> (B, outs + vectors): over an item's different n-grams of up to `longest` tokens, the sum of
    w r, of each n-gram and output, and that of learned vectors over the root of their number. r is 1 until `learn` sets
    it; w is learned, from `start` on. Which n-grams count, `places` at most, say `learn` and `find`; others are passed
    over. Raises ValueError where 64 bits can't tell all n-grams apart."""

    codes: Tensor
    ratios: Tensor

    def __init__(self, categories: int, longest: int, places: int, outs: int, vectors: int = 0, start: float = 0.0):
        super().__init__()
        most = next(n for n in range(longest, 0, -1) if categories**n <= ABSENT)
        if most < longest:
            raise ValueError(f"span {longest}: too long for a vocabulary of {categories:,}. Pass {most} or less")
        self.base, self.longest, self.places = categories, longest, places
        self.width = outs + vectors
        self.register_buffer("codes", torch.full((places,), ABSENT))  # ascending; ABSENT where nothing is
        self.register_buffer("ratios", torch.ones(places, outs))
        self.weight = nn.Parameter(torch.full((places, outs), start))
        self.vectors = nn.Embedding(places, vectors) if vectors else None
        if self.vectors is not None:
            nn.init.normal_(self.vectors.weight, 0.0, vectors**-0.5)

    def forward(self, tokens: Int[Tensor, "b t"], lengths: Int[Tensor, " b"] | None) -> Float[Tensor, "b d"]:
        codes, there = self.distinct(tokens, lengths)
        place = torch.searchsorted(self.codes, codes).clamp(max=self.places - 1)
        known = (there & (self.codes[place] == codes))[..., None].to(self.weight.dtype)
        said = (F.embedding(place, self.weight) * F.embedding(place, self.ratios) * known).sum(1)
        if self.vectors is None:
            return said
        count = known.sum(1).clamp(min=1)
        return torch.cat([said, (self.vectors(place) * known).sum(1) / count.sqrt()], 1)

    def distinct(
        self, tokens: Int[Tensor, "b t"], lengths: Int[Tensor, " b"] | None
    ) -> tuple[Int[Tensor, "b k"], Bool[Tensor, "b k"]]:
        """The codes of an item's n-grams, ascending, and True where one stands for the first time. A code is the
        n-gram's digits to the base of the vocabulary: as no token that is there is 0, all differ."""
        at, found, code = torch.arange(tokens.shape[1], device=tokens.device), [tokens], tokens
        for n in range(2, self.longest + 1):
            code = code[:, :-1] * self.base + tokens[:, n - 1 :]
            found.append(code)
        if lengths is not None:
            found = [x.masked_fill(at[: x.shape[1]] + n >= lengths[:, None], ABSENT) for n, x in enumerate(found)]
        codes = torch.cat(found, 1).sort(1).values
        new = torch.ones_like(codes, dtype=torch.bool)
        new[:, 1:] = codes[:, 1:] != codes[:, :-1]
        return codes, new & (codes < ABSENT)

    @torch.no_grad()
    def learn(self, items: Iterable[Counted], alpha: float, one: bool) -> Float[Tensor, " n"]:
        """Which n-grams count: those that are in most training items; and of each its r, counted once an item, with
        `alpha` added to each count. Gives the log prior of each class or label: with w = 1, its sum with the n-grams' r
        is multinomial naive Bayes.

        `one` class among several: r is log p(n-gram | class) less its mean over the classes, which leaves their softmax
        as it is; of two classes it is ± half the paper's log-count ratio. Labels: that ratio, of items for which the
        label holds to those for which it does not."""
        codes, held, every, holds = self.counts(items)
        kept = every.argsort(descending=True, stable=True)[: self.places].sort().values
        held, every, total = held[kept].double(), every[kept, None].double(), len(holds)
        often = holds.sum(0).double().clamp(min=0.5)  # a class without items is unlikely, not impossible
        log_p = shares(held, alpha)
        if one:
            ratios, prior = log_p - log_p.mean(1, keepdim=True), often.log() - often.log().mean()
        else:
            ratios = log_p - shares(every - held, alpha)
            prior = torch.log(often / (total - often).clamp(min=0.5))
        self.place(codes[kept])
        self.ratios[: len(kept)] = ratios.to(self.ratios.dtype)
        return prior.to(self.ratios.dtype)

    @torch.no_grad()
    def find(self, items: Iterable[Counted]) -> None:
        """Which n-grams count, and nothing more: for numbers, of which there are no classes to tell apart."""
        codes, _, every, _ = self.counts(items)
        self.place(codes[every.argsort(descending=True, stable=True)[: self.places].sort().values])

    def place(self, codes: Int[Tensor, " k"]) -> None:
        self.codes.fill_(ABSENT)
        self.codes[: len(codes)] = codes

    def counts(self, items: Iterable[Counted]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Every n-gram's code (K,), ascending; in how many items with each class it is (K, n), and in how many at all
        (K,); which classes each item has (N, n)."""
        codes, held, every, holds = [], [], [], []
        for tokens, lengths, has in items:
            found, new = self.distinct(tokens, lengths)
            some, place = torch.unique(found[new], return_inverse=True)
            own = has[new.nonzero()[:, 0]].long()
            codes.append(some)
            held.append(torch.zeros_like(some[:, None]).repeat(1, own.shape[1]).index_add_(0, place, own))
            every.append(place.bincount(minlength=len(some)))
            holds.append(has)
        merged, place = torch.unique(torch.cat(codes), return_inverse=True)
        parts = torch.cat(held), torch.cat(every)
        sums = [torch.zeros(len(merged), *x.shape[1:], dtype=x.dtype, device=x.device) for x in parts]
        both = [whole.index_add_(0, place, x) for whole, x in zip(sums, parts)]
        return merged, both[0], both[1], torch.cat(holds)


def shares(counts: Float[Tensor, "k n"], alpha: float) -> Float[Tensor, "k n"]:
    """log p(n-gram | class), smoothed by Laplace."""
    return torch.log((counts + alpha) / (counts + alpha).sum(0))
