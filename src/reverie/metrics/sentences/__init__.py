"""Measures of sentences: how lifelike, how varied and how new samples are. What they share with texts is theirs."""

from __future__ import annotations

from torch import Tensor

from reverie.metrics import Sets, blocks, share
from reverie.metrics.text import cheap, left_out, nearest, spread
from reverie.metrics.text.seen import OF_DATA, Seen

__all__ = ["LEAST", "SAMPLES", "cheap", "left_out", "neighbours", "prepare", "spread", "suspects"]

SAMPLES = 1_000
LEAST = 100
SEARCHED = 100  # samples whose nearest training sentence is looked for


def prepare(sets: Sets, like: Seen | None = None) -> Seen:
    made = Seen(sets)
    share(made, like, OF_DATA)
    return made


def neighbours(seen: Seen, count: int, k: int) -> Tensor:
    """Which k training sentences hold most of each of the first samples: (count, k)."""
    return nearest(seen.fake[:count], seen.train, k)


def suspects(seen: Seen, count: int) -> list[tuple[int, int]]:
    """The samples that stand in the training set word for word, the longest first, and where; then, of the first
    SEARCHED, others beside the training sentence that holds most of them."""
    if not seen.fake:
        return []
    bank = seen.train if seen.sets.bank is None else [one for part in blocks(seen.sets.bank) for one in part]
    place = {text: i for i, text in reversed(list(enumerate(bank)))}
    same = sorted((i for i, text in enumerate(seen.fake) if text in place), key=lambda i: -len(seen.fake[i]))[:count]
    rest = [i for i in range(min(SEARCHED, len(seen.fake))) if i not in same][: count - len(same)]
    near = nearest([seen.fake[i] for i in rest], bank, 1)[:, 0].tolist() if rest else []
    return [(i, place[seen.fake[i]]) for i in same] + list(zip(rest, near))
