"""How like the data's the statistics of samples are: characters, words, pairs of words, and the number of words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import fsum, log2, sqrt
from statistics import fmean, stdev

from reverie.metrics import Metric, Z, blocks, size_name
from reverie.metrics.text import likeness, trimmed
from reverie.metrics.text.seen import Seen, flat

LEAST = 100  # words on each side below which shares of words say nothing


def measure(seen: Seen) -> list[Metric]:
    """The floor is what training sentences, or of pairs held-out ones, score in the samples' place; the reference what
    the untrained model's do."""
    return [*likeness.measure(seen), *words(seen), *known(seen), *long(seen)]


def words(seen: Seen) -> list[Metric]:
    """Are words used as often as in the data?"""
    sets = [texts for texts in (seen.real, seen.fake, seen.train or None, seen.untrained) if texts is not None]
    count = min(sum(len(text.split()) for text in texts) for texts in sets)
    if count < LEAST:
        return []
    real = trimmed(seen.real, count)

    def against(texts: list[str] | None) -> float | None:
        return divergence(trimmed(texts, count), real) if texts else None

    value = against(seen.fake)
    assert value is not None
    protocol = f"Jensen-Shannon divergence of words, first {count} words of samples and "
    protocol += f"{seen.sets.what} sentences; floor: training sentences in their place; reference: the "
    protocol += "untrained model's samples"
    floor, reference = against(seen.train), against(seen.untrained)
    return [
        Metric(f"word_js_{size_name(count)}", value, "bits", len(seen.fake), protocol, None, None, floor, reference)
    ]


def divergence(one: Iterable[str], two: Iterable[str]) -> float:
    """Jensen-Shannon divergence of the words of two sets of sentences, in bits, in [0, 1]. Lin 1991. Biased upwards for
    few words: compare at equal numbers of them."""
    p, q = (Counter(word for text in texts for word in text.split()) for texts in (one, two))
    shares = [(p[word] / p.total(), q[word] / q.total()) for word in p.keys() | q.keys()]
    total = fsum(x * log2(2 * x / (a + b)) / 2 for a, b in shares for x in (a, b) if x)
    return min(1.0, max(0.0, total))


def known(seen: Seen) -> list[Metric]:
    """Do words follow each other as in real sentences? Of good ones, as many pairs are known as of held-out ones."""
    bank = seen.train if seen.sets.bank is None else flat(blocks(seen.sets.bank))
    pairs = {pair for text in bank for pair in pairwise(text.split())}
    value, floor = (found(texts, pairs) for texts in (seen.fake, seen.real))
    if value is None or floor is None:
        return []
    protocol = f"share of the pairs of neighbouring words that stand in {len(bank):,} training sentences; floor: of "
    protocol += f"{len(seen.real):,} {seen.sets.what} sentences (higher is not better)"
    return [Metric(f"known_pairs_{size_name(len(seen.fake))}", value, "share", len(seen.fake), protocol, floor=floor)]


def found(texts: Sequence[str], pairs: set[tuple[str, str]]) -> float | None:
    """Share of the texts' pairs of words that are among these; None where they have none."""
    own = [pair in pairs for text in texts for pair in pairwise(text.split())]
    return fmean(own) if own else None


def long(seen: Seen) -> list[Metric]:
    """Words of a sentence."""
    counts, real = ([len(text.split()) for text in texts] for texts in (seen.fake, seen.real))
    if len(counts) < 2 or not real:
        return []
    value, half = fmean(counts), Z * stdev(counts) / sqrt(len(counts))
    protocol = f"mean words of a sample; floor: of {len(real):,} {seen.sets.what} sentences"
    name = f"words_{size_name(len(counts))}"
    return [Metric(name, value, "words", len(counts), protocol, value - half, value + half, floor=fmean(real))]
