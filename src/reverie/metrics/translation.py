"""How good translations are, as text: cased and detokenised, by sacreBLEU (Post 2018, arXiv:1804.08771)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import torch

from reverie.metrics import Metric, size_name, wilson

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric as Scorer

DRAWS = 1_000  # of as many sentences as there are, with repeats: what an interval is taken from
SEED = 20040725  # of those draws
TOKENISERS = {"zh": "zh", "ja": "char", "ko": "char", "th": "char", "lo": "char", "km": "char", "my": "char"}
HELD_OUT = "evenly spaced held-out sentences"


@runtime_checkable
class Translates(Protocol):
    """A codec that knows which languages its sentences are in."""

    languages: tuple[str, str]  # from, into: en, de


def language(codec: object) -> str:
    """Of the translations, where the codec knows; else ""."""
    return codec.languages[1] if isinstance(codec, Translates) else ""


def bleu(said: Sequence[str], truth: Sequence[str], copied: Sequence[str] | None = None, language: str = "") -> Metric:
    """BLEU of all sentences together, from 0 to 100 (Papineni et al. 2002), with a bootstrap interval (Koehn 2004).
    `copied`: the sources, which are the reference as translations of themselves. `language`, that of the translations,
    decides how words are told apart. Raises ValueError where there are not as many translations as sentences."""
    return measured("bleu", scorers(language)["bleu"], said, truth, copied)


def chrf(said: Sequence[str], truth: Sequence[str], copied: Sequence[str] | None = None) -> Metric:
    """chrF of all sentences together, from 0 to 100 (Popović 2015): runs of up to 6 characters, so that a word with
    another ending still counts. Otherwise as `bleu`."""
    return measured("chrf", scorers()["chrf"], said, truth, copied)


def exact(said: Sequence[str], truth: Sequence[str]) -> Metric:
    """The share of translations that are the reference, character for character."""
    right, count = sum(a.strip() == b.strip() for a, b in zip(said, truth)), len(truth)
    how = f"{HELD_OUT}; every character alike; 95 % Wilson interval"
    return Metric(f"exact_match_{size_name(count)}", right / count, "share", count, how, *wilson(right, count))


def closeness(said: str, truth: str) -> float:
    """chrF of one sentence, from 0 to 100."""
    scorer = scorers()["chrf"]
    return score(scorer, statistics(scorer, [said], [truth])[0])


def measured(
    name: str, scorer: Scorer, said: Sequence[str], truth: Sequence[str], copied: Sequence[str] | None
) -> Metric:
    stats, count = statistics(scorer, said, truth), len(truth)
    same = None if copied is None else score(scorer, statistics(scorer, copied, truth).sum(0))
    how = f"{HELD_OUT}; sacreBLEU {scorer.get_signature()}; 95 % by {DRAWS:,} bootstrap draws of sentences"
    how += "; reference: the source left as it is" if copied is not None else ""
    value, (low, high) = score(scorer, stats.sum(0)), interval(scorer, stats)
    return Metric(f"{name}_{size_name(count)}", value, "of 100", count, how, low, high, reference=same)


def scorers(language: str = "") -> dict[str, Scorer]:
    """BLEU, on words as `mteval-v13a` tells them apart or, of a language without spaces, on characters; and chrF."""
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    code = language.lower().replace("_", "-").split("-")[0]
    return {"bleu": BLEU(tokenize=TOKENISERS.get(code, "13a"), force=True), "chrf": CHRF()}


def statistics(scorer: Scorer, said: Sequence[str], truth: Sequence[str]) -> np.ndarray:
    """What each sentence brings to the score (N, k): counts, which are summed over sentences. Raises ValueError."""
    if not len(truth) or len(said) != len(truth):
        raise ValueError(f"{len(said)} translations of {len(truth)} sentences: give one of each, and at least one")
    return np.array(scorer._extract_corpus_statistics(list(said), [list(truth)]), dtype=np.int64)


def score(scorer: Scorer, counts: np.ndarray) -> float:
    """From counts (k,) summed over sentences."""
    return float(scorer._compute_score_from_stats(counts.tolist()).score)


def interval(scorer: Scorer, stats: np.ndarray) -> tuple[float, float]:
    """The middle 95 % of the scores of sets drawn from the same sentences (N, k)."""
    chance = torch.Generator().manual_seed(SEED)
    values = []
    for _ in range(DRAWS):
        drawn = torch.randint(len(stats), (len(stats),), generator=chance).numpy()
        values.append(score(scorer, stats[drawn].sum(0)))
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
