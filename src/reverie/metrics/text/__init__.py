"""Measures of texts: how well held-out text is predicted, and how varied, how lifelike and how new samples are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import fsum, log, log2
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from reverie.metrics import Sets, blocks, share, without

from .seen import OF_DATA, Seen, Texts, flat

SAMPLES = 200
LEAST = 1
RUN = 6  # characters: what two texts are likened by
SHORT = 3  # characters of the runs whose variety a training run watches


@runtime_checkable
class Counted(Protocol):
    """Items that know how much text they are: what bits a character divide by."""

    tokens: int
    characters: int
    bytes: int


def bits_per_character(nats: float, characters: float) -> float:
    """Nats of a text, summed over its tokens, and its length in characters -> bits a character."""
    if characters <= 0:
        raise ValueError(f"{characters} characters: nothing was predicted")
    return nats / log(2) / characters


def bits_per_byte(nats: float, size: float) -> float:
    """The same over UTF-8 bytes: comparable between vocabularies and alphabets."""
    return bits_per_character(nats, size)


def distinct(texts: Iterable[str], n: int) -> float:
    """Share of different runs of n words among all, runs within a text only. Li et al. 2016, arXiv:1510.03055. It falls
    as texts grow: compare at equal numbers of words. 0 where there is no run."""
    seen: Counter[tuple[str, ...]] = Counter()
    for text in texts:
        words = text.split()
        seen.update(zip(*(words[k:] for k in range(n))))
    return len(seen) / seen.total() if seen else 0.0


def trimmed(texts: Sequence[str], words: int) -> list[str]:
    """The first texts that hold so many words, the last one cut."""
    out, left = [], words
    for text in texts:
        if left <= 0:
            break
        kept = text.split()[:left]
        out.append(" ".join(kept))
        left -= len(kept)
    return out


class Bigrams:
    """Character bigram model with add-one smoothing over the characters of its texts and one for all others: the plain
    baseline that a language model must beat. Of each text, every character but the first is predicted."""

    def __init__(self, texts: Iterable[str]):
        self.pairs: Counter[tuple[str, str]] = Counter()
        self.firsts: Counter[str] = Counter()
        alphabet: set[str] = set()
        for text in texts:
            self.pairs.update(pairwise(text))
            self.firsts.update(text[:-1])
            alphabet.update(text)
        self.alphabet = len(alphabet) + 1

    def bits(self, texts: Iterable[str]) -> float:
        """Bits a character. Raises ValueError where no text has two characters."""
        pairs: Counter[tuple[str, str]] = Counter()
        for text in texts:
            pairs.update(pairwise(text))
        if not pairs:
            raise ValueError("no text has two characters: nothing to predict")
        cost = sum(
            count * log2((self.firsts[a] + self.alphabet) / (self.pairs[a, b] + 1)) for (a, b), count in pairs.items()
        )
        return cost / pairs.total()


def divergence(one: Iterable[str], two: Iterable[str]) -> float:
    """Jensen-Shannon divergence of the character bigrams of two sets of texts, in bits, in [0, 1]. Lin 1991. Biased
    upwards on short texts: compare at equal lengths. 1 where a set has no bigram."""
    p, q = (Counter(pair for text in texts for pair in pairwise(text)) for texts in (one, two))
    if not p or not q:
        return 1.0
    shares = [(p[pair] / p.total(), q[pair] / q.total()) for pair in p.keys() | q.keys()]
    # fsum, as the order of a set of strings is another in each process
    total = fsum(x * log2(2 * x / (a + b)) / 2 for a, b in shares for x in (a, b) if x)
    return min(1.0, max(0.0, total))


def prepare(sets: Sets, like: Seen | None = None) -> Seen:
    made = Seen(sets)
    share(made, like, OF_DATA)
    return made


def neighbours(seen: Seen, count: int, k: int) -> Tensor:
    """Which k training texts hold most of each of the first samples: (count, k)."""
    return nearest(seen.fake[:count], seen.train, k)


def cut(texts: Sequence[str], characters: int) -> list[str]:
    """The first texts that hold so many characters, the last one cut."""
    out, left = [], characters
    for text in texts:
        if left <= 0:
            break
        out.append(text[:left])
        left -= len(text)
    return out


def nearest(queries: Sequence[str], bank: Texts, k: int = 3) -> Tensor:
    """Which k texts of the bank hold most of each query's runs of 6 characters, the best first: (n, k) int64."""
    wanted = [runs(text) for text in queries]
    shared = [[len(query & held) for query in wanted] for held in map(runs, flat(bank))]
    found = torch.tensor(shared, dtype=torch.float64).view(-1, len(wanted)).T
    return found.sort(dim=1, descending=True, stable=True).indices[:, :k]


def suspects(seen: Seen, count: int) -> list[tuple[int, int]]:
    """The samples of which most stands in the training text, and the training text that holds most of each."""
    if not seen.length:
        return []
    bank = seen.sets.train if seen.sets.bank is None else seen.sets.bank
    worst = sorted(range(len(seen.copied)), key=lambda i: -seen.copied[i])[:count]
    names = [seen.long[i] for i in worst]
    near = nearest([seen.fake[i] for i in names], blocks(bank), 1)
    return list(zip(names, near[:, 0].tolist()))


def runs(text: str) -> set[str]:
    return {text[at : at + RUN] for at in range(max(1, len(text) - RUN + 1))}


def cheap(real: Sequence[str], fake: Sequence[str]) -> tuple[str, float]:
    """Name and value of what a run watches while it trains, where its model has no likelihood. Lower is better."""
    return "bigram_js", divergence(fake, real)


def left_out(real: Sequence[str], fake: Sequence[str], groups: Sequence[Tensor]) -> list[float]:
    """`cheap` without each of the groups, index sets into both, in turn."""
    return without(cheap, real, fake, groups)


def spread(real: Sequence[str], fake: Sequence[str]) -> float:
    """Share of different runs of 3 characters among all of generated texts, over that of real ones of the same length
    in all: about 1 of real against real, near 0 where all say the same over and over. 1 where real text has none."""
    length = min(sum(map(len, texts)) for texts in (real, fake))
    shares = [different(cut(texts, length)) for texts in (real, fake)]
    return shares[1] / shares[0] if shares[0] else 1.0


def different(texts: Sequence[str]) -> float:
    """Share of different runs of 3 characters among all, runs within a text only; 0 where there is none."""
    seen = Counter(text[at : at + SHORT] for text in texts for at in range(len(text) - SHORT + 1))
    return len(seen) / seen.total() if seen else 0.0
