"""What a classifier of one's own says of the samples: how sure it is of each and how evenly they fall into its classes,
and whether samples that were asked for by class look like it."""

from __future__ import annotations

import torch

from reverie.metrics import Metric, Z, size_name, wilson
from reverie.metrics.scores import class_hits, inception_score

from .seen import Seen

SHOWN = 50  # classes that have numbers of their own, at most


def measure(seen: Seen) -> list[Metric]:
    """Only where a classifier is named. The floor is what held-out pictures score."""
    sets = seen.sets
    fake, real = (seen.fake_classes, seen.real_classes) if seen.enough else (None, None)
    if fake is None or real is None:
        return []
    count, score, floor = len(fake), inception_score(fake), inception_score(real).value
    how = f"{sets.judge}: exp of the mean divergence of a sample's classes from those of all {count} (as Salimans "
    how += f"et al. 2016, with another network); 95 % by the delta method; floor: {len(real)} {sets.what} pictures"
    ends = score.value - Z * score.error, score.value + Z * score.error
    out = [Metric(f"classifier_score_{size_name(count)}", score.value, "classes", count, how, *ends, floor)]
    if sets.asked is not None:
        hits, asked = class_hits(fake, torch.as_tensor(sets.asked)[seen.some.index])
        how = f"{sets.judge}: share of the samples asked for by class that it takes for that class"
        share = float(hits.sum()) / count
        ends = wilson(float(hits.sum()), count)
        out.append(Metric(f"label_met_{size_name(count)}", share, "share", count, how, *ends))
        for c, name in enumerate(sets.classes[:SHOWN]):
            if n := int(asked[c]):
                met = int(hits[c])
                out.append(Metric(f"label_met[{name}]", met / n, "share", n, how, *wilson(met, n)))
    return out
