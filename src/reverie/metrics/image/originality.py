"""Are the samples new, or training pictures once more? Copies, and whether samples lie nearer to the training set than
to as many pictures that training never saw."""

from __future__ import annotations

from scipy.stats import fisher_exact
from torch import Tensor

from reverie.metrics import Metric, size_name, wilson
from reverie.metrics.copies import thumbnails
from reverie.metrics.neighbours import nearer, nearest

from .seen import LEAST, Seen

HOW = "pixels, also mirrored or moved by one; a copy leaves at most {limit} of its contrast beside a training picture"


def measure(seen: Seen) -> list[Metric]:
    if not len(seen.sets.fake) or not len(seen.bank):
        return []
    return [*copies(seen), *(leaning(seen) if seen.sets.what == "held-out" else [])]


def copies(seen: Seen) -> list[Metric]:
    """Share of samples that are copies; the floor is the share of held-out pictures that look so, and p that of
    Fisher's exact test that samples are no oftener."""
    out = []
    for name, limit, found, usual in (
        ("copies", "30 %, and 40 % of what the next candidates do,", seen.copied.copied, seen.usual.copied),
        ("copies_exact", "3 %", seen.copied.exact, seen.usual.exact),
    ):
        count, hits, honest = len(found), int(found.sum()), int(usual.sum())
        table = [[hits, count - hits], [honest, len(usual) - honest]]
        p = float(fisher_exact(table, alternative="greater").pvalue) if len(usual) else None
        protocol = f"{count} samples beside all {len(seen.bank)} training pictures by {HOW.format(limit=limit)}"
        protocol += f"; floor: of {len(usual)} {seen.sets.what} pictures; p: Fisher's exact test, one-sided"
        low, high = wilson(hits, count)
        floor = honest / len(usual) if len(usual) else None
        whole = f"{name}_{size_name(count)}"
        out.append(Metric(whole, hits / count, "share", count, protocol, low, high, floor, p=p))
    return out


def leaning(seen: Seen) -> list[Metric]:
    """Of samples, the share whose nearest real picture is one that was trained on, among equally many of both sorts: a
    half where the model would have made the same from other data of the kind. In features and in pixels."""
    train, real = seen.sets.train, seen.sets.real
    if min(len(train), len(real), len(seen.sets.fake)) < LEAST or seen.train is None:
        return []
    pixels = [thumbnails(rows) for rows in (seen.some, train, seen.held_out)]
    out = []
    for name, how, (fake, old, new) in (
        ("nearer_training", seen.extractor.name, (seen.fake, seen.train, seen.real)),
        ("nearer_training_pixels", "thumbnails of 8 × 8 cells", pixels),
    ):
        found = nearer(fake, old, new)
        protocol = f"{how}; {len(fake)} samples among {found.items} training and {found.items} held-out pictures; "
        protocol += "reference: chance; p: which of them were trained on, permuted, one-sided"
        metric = Metric(
            f"{name}_{size_name(len(fake))}", found.share, "share", len(fake), protocol, found.low, found.high,
            reference=0.5, p=found.p,
        )  # fmt: skip
        out.append(metric)
    ratio = median(seen.fake, seen.train) / max(1e-12, median(seen.real, seen.train))
    protocol = f"{seen.extractor.name}; median distance of a sample to its nearest of {len(seen.train)} training "
    protocol += "pictures over that of a held-out picture (smooth samples lie nearer without having been copied)"
    count = len(seen.fake)
    name = f"training_distance_{size_name(count)}"
    return [*out, Metric(name, ratio, "of held-out", count, protocol, reference=1.0)]


def median(queries: Tensor, bank: Tensor) -> float:
    return float(nearest(queries, bank)[0].median())
