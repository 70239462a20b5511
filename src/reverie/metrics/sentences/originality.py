"""Are the samples new, or sentences of the training set word for word?"""

from __future__ import annotations

from collections import Counter

from scipy.stats import fisher_exact

from reverie.metrics import Metric, blocks, size_name, wilson
from reverie.metrics.text.seen import Seen, flat


def measure(seen: Seen) -> list[Metric]:
    """How many samples are training sentences. The floor is how many real sentences would be: copies of a sentence are
    all held out or none, so that it is counted on the training set, each sentence against the others. p is that of
    Fisher's exact test, one-sided, that samples are no oftener so than real sentences."""
    bank = counted(seen.train if seen.sets.bank is None else flat(blocks(seen.sets.bank)))
    own = [plain(text) for text in seen.fake]
    if not own or not bank:
        return []
    count, whole = len(own), bank.total()
    hits, twice = sum(text in bank for text in own), sum(n for n in bank.values() if n > 1)
    p = float(fisher_exact([[hits, count - hits], [twice, whole - twice]], "greater").pvalue)
    low, high = wilson(hits, count)
    protocol = f"share of samples that stand word for word among {whole:,} training sentences; floor: of these, those "
    protocol += "that stand there once more; p: Fisher's exact test, one-sided"
    name = f"copied_sentences_{size_name(count)}"
    return [Metric(name, hits / count, "share", count, protocol, low, high, twice / whole, p=p)]


def counted(texts: list[str]) -> Counter[str]:
    return Counter(map(plain, texts))


def plain(text: str) -> str:
    """White space does not make a sentence another."""
    return " ".join(text.split())
