"""Are the samples varied? How far apart they lie in feature space, how many repeat another sample, and, where the data
has classes, which of them are met and how varied each is."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from reverie.metrics import Metric, size_name, wilson
from reverie.metrics.neighbours import apart, votes

from .seen import Seen, Some, repeated

NEIGHBOURS = 10  # training pictures that vote for a picture's class
EXPECTED = 10  # pictures of a class below which its absence says nothing
MISSING = 0.15  # of the held-out share of votes: below it a class is missing. All votes count, not only which class has
# most: those of misshapen samples are split
SHOWN = 50  # classes that have numbers of their own, and those that are missing


class Judged(NamedTuple):
    """What one judge says of pictures' classes: shares of votes, or probabilities (n, classes); and how it judges."""

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
    protocol += f"{seen.sets.what}; floor: training pictures in the samples' place; reference: the untrained model's"
    name = f"spread_{size_name(count)}"
    return Metric(name, value, "of held-out", count, protocol, floor=share(seen.train), reference=share(seen.untrained))


def repeats(seen: Seen) -> Metric:
    """Share of samples that are a copy of another, among as many as there are held-out pictures, or the other way
    around: of more pictures more have a twin."""
    found, usual = repeated(Some(seen.some, len(seen.held_out))).double(), seen.doubles.double()
    low, high = wilson(float(found.sum()), len(found))
    protocol = f"{len(found)} samples, each beside all others, also mirrored or moved by a pixel; "
    protocol += f"floor: of {len(usual)} {seen.sets.what}"
    value, floor = float(found.mean()), float(usual.mean())
    return Metric(f"repeats_{size_name(len(found))}", value, "share", len(found), protocol, low, high, floor)


def classes(seen: Seen) -> Judged | None:
    """By a judge of one's own where there is one, else by the vote of the nearest training pictures."""
    sets = seen.sets
    if seen.real_classes is not None and seen.fake_classes is not None:
        return Judged(seen.real_classes.double(), seen.fake_classes.double(), f"classes by {sets.judge}")
    if sets.labels is None or len(sets.classes) < 2 or seen.train is None:
        return None
    labels = torch.as_tensor(sets.labels)[seen.learnt.index]
    real, fake = (votes(x, seen.train, labels, NEIGHBOURS, len(sets.classes)) for x in (seen.real, seen.fake))
    how = f"classes by vote of the {NEIGHBOURS} nearest of {len(labels)} training pictures ({seen.extractor.name})"
    return Judged(real, fake, how)


def by_class(seen: Seen, judged: Judged) -> list[Metric]:
    """How many classes are met, each one's share, and how varied its samples are; of many classes those that are
    missing have a share of their own, too."""
    names, count = seen.sets.classes, len(judged.fake)
    usual, shares = judged.real.mean(0), judged.fake.mean(0)
    fewer = min(count, len(judged.real))  # a share is known as well as it was counted
    told = (usual * fewer >= EXPECTED).nonzero()[:, 0].tolist()
    if not told:
        return []
    missing = {c for c in told if float(shares[c]) < MISSING * float(usual[c])}
    how = f"{judged.how}; met: with at least {MISSING:.0%} of the {seen.sets.what} share; of classes that {fewer} real "
    how += f"pictures show {EXPECTED} times or more"
    met, asked = float(len(told) - len(missing)), float(len(told))
    out = [Metric(f"modes_{size_name(count)}", met, "classes", count, how, reference=asked)]
    mine, theirs = judged.fake.argmax(1), judged.real.argmax(1)
    for c in [c for k, c in enumerate(told) if k < SHOWN or c in missing]:
        share, floor = float(shares[c]), float(usual[c])
        low, high = wilson(share * count, count)
        protocol = f"{judged.how}, whole votes; floor: of {len(judged.real)} {seen.sets.what} pictures"
        out.append(Metric(f"share[{names[c]}]", share, "share", count, protocol, low, high, floor))
        some, real = seen.fake[mine == c], seen.real[theirs == c]
        if min(len(some), len(real)) >= EXPECTED and (whole := apart(real)):
            protocol = f"{judged.how}; mean distance of two samples of it over that of two {seen.sets.what} ones"
            out.append(Metric(f"spread[{names[c]}]", apart(some) / whole, "of held-out", len(some), protocol))
    return out
