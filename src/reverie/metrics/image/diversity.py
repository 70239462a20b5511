"""Are the samples varied? How far apart they lie in feature space, how many repeat another sample, and, where the data
has classes, which of them are met and how varied each is."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from reverie.metrics import BLOCK, Metric, Rows, blocks, size_name, wilson
from reverie.metrics.copies import Bank, nearest
from reverie.metrics.neighbours import apart, vote

from .seen import Seen

NEIGHBOURS = 10  # training pictures that vote for a picture's class
EXPECTED = 10  # pictures of a class below which its absence says nothing
MISSING = 0.1  # of the held-out share: below it a class counts as missing (misshapen samples vote for another)
SHOWN = 50  # classes that have numbers of their own, at most


class Judged(NamedTuple):
    """Classes (n,) of pictures by one judge, and how it judges."""

    real: Tensor
    fake: Tensor
    how: str


def measure(seen: Seen) -> list[Metric]:
    if not seen.enough:
        return []
    found = [spread(seen), repeats(seen)]
    judged = classes(seen)
    return found + (by_class(seen, judged) if judged else [])


def spread(seen: Seen) -> Metric:
    """Mean distance of two samples, over that of two held-out pictures: 1 where they are as varied, 0 where all are
    alike."""
    usual = apart(seen.real)

    def share(features: Tensor | None) -> float | None:
        return None if features is None else apart(features) / usual if usual else 0.0

    value = share(seen.fake)
    assert value is not None
    count = len(seen.fake)
    protocol = f"{seen.extractor.name}; mean distance of two of {count} samples over that of two of {len(seen.real)} "
    protocol += "held-out; floor: training pictures in the samples' place; reference: the untrained model's"
    name = f"spread_{size_name(count)}"
    return Metric(name, value, "of held-out", count, protocol, floor=share(seen.train), reference=share(seen.untrained))


def repeats(seen: Seen) -> Metric:
    """Share of samples that are a copy of another sample."""
    fake, real = seen.some, seen.held_out

    def share(rows: Rows) -> Tensor:
        return nearest(rows, Bank(rows), skip=True).copied.double()

    found, usual = share(fake), share(real)
    low, high = wilson(float(found.sum()), len(found))
    protocol = f"{len(found)} samples, each beside all others, also mirrored or moved by a pixel; "
    protocol += f"floor: of {len(usual)} held-out"
    value, floor = float(found.mean()), float(usual.mean())
    return Metric(f"repeats_{size_name(len(found))}", value, "share", len(found), protocol, low, high, floor)


def classes(seen: Seen) -> Judged | None:
    """By a judge of one's own where there is one, else by the vote of the nearest training pictures."""
    sets = seen.sets
    if sets.classify is not None:
        real, fake = (
            torch.cat([torch.as_tensor(sets.classify(part)).argmax(1) for part in blocks(rows, BLOCK)])
            for rows in (seen.held_out, seen.some)
        )
        return Judged(real, fake, "classes by the classifier that was named")
    if sets.labels is None or len(sets.classes) < 2 or seen.train is None:
        return None
    labels = torch.as_tensor(sets.labels)
    real, fake = (vote(x, seen.train, labels, NEIGHBOURS) for x in (seen.real, seen.fake))
    how = f"classes by vote of the {NEIGHBOURS} nearest of {len(labels)} training pictures ({seen.extractor.name})"
    return Judged(real, fake, how)


def by_class(seen: Seen, judged: Judged) -> list[Metric]:
    """How many classes are met, each one's share, and how varied its samples are."""
    names, count = seen.sets.classes, len(judged.fake)
    usual, shares = (part.bincount(minlength=len(names)).double() / len(part) for part in (judged.real, judged.fake))
    told = (usual * count >= EXPECTED).nonzero()[:, 0].tolist()
    if not told:
        return []
    met = sum(float(shares[c]) >= MISSING * float(usual[c]) for c in told)
    how = f"{judged.how}; met: at least {MISSING:.0%} of the held-out share; of classes that {count} samples of real "
    how += f"data would show {EXPECTED} times or more"
    out = [Metric(f"modes_{size_name(count)}", float(met), "classes", count, how, reference=float(len(told)))]
    for c in told[:SHOWN]:
        hits = int((judged.fake == c).sum())
        low, high = wilson(hits, count)
        protocol = f"{judged.how}; floor: of {len(judged.real)} held-out pictures"
        share, floor = float(shares[c]), float(usual[c])
        out.append(Metric(f"share[{names[c]}]", share, "share", count, protocol, low, high, floor))
        mine, real = seen.fake[judged.fake == c], seen.real[judged.real == c]
        if min(len(mine), len(real)) >= EXPECTED and (whole := apart(real)):
            protocol = f"{judged.how}; mean distance of two samples of it over that of two held-out pictures of it"
            out.append(Metric(f"spread[{names[c]}]", apart(mine) / whole, "of held-out", len(mine), protocol))
    return out
