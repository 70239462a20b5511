"""Can a classifier tell samples from real rows? It sees all that the other measures see, and what they miss."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np
import torch

from reverie.metrics import Metric, Z, size_name
from reverie.metrics.alarms import perfect

from .frame import Frame
from .seen import Seen

FOLDS = 5
FEWEST = 50  # rows on either side below which a classifier learns nothing
COLUMNS = 100  # that it sees, at most: of more, evenly chosen ones
TREES, LEAVES = 60, 15  # of the boosting
MOST_WORDS = 200  # of a column, for a split by any set of them; of more, they are in the order of their spelling


class Area(NamedTuple):
    value: float
    error: float


def measure(seen: Seen) -> list[Metric]:
    """The area under the ROC curve: 0.5 where samples can't be told from held-out rows, 1 where all can. The floor is
    what training rows score in the samples' place."""
    if not seen.enough or min(len(seen.real), len(seen.fake)) < FEWEST:
        return []
    found = area(seen.real, seen.fake, seen.sets.seed)
    usual = seen.train is not None and len(seen.train) >= FEWEST
    floor = area(seen.real, seen.train, seen.sets.seed).value if usual and seen.train is not None else None
    each = min(len(seen.real), len(seen.fake))
    some = f" of {COLUMNS} of the columns, evenly chosen" if len(seen.form.numbers + seen.form.words) > COLUMNS else ""
    protocol = f"boosted trees (scikit-learn, {TREES} of {LEAVES} leaves){some}, {each} samples against as many "
    protocol += f"{seen.sets.what} rows; mean of {FOLDS} folds, each judged by trees that have not seen it; 95 % by "
    whole = not 0 < found.value < 1
    protocol += f"{'Clopper & Pearson 1934, of a perfect split' if whole else 'DeLong et al. 1988'}; reference: chance"
    low, high = max(0.0, found.value - Z * found.error), min(1.0, found.value + Z * found.error)
    if whole:
        low, high = perfect(found.value, each)
    name, unit = f"detection_{size_name(each)}", "area under the ROC curve"
    return [Metric(name, found.value, unit, each, protocol, low, high, floor, 0.5)]


def area(real: Frame, fake: Frame, seed: int = 0) -> Area:
    """Of as many rows on both sides. As synthcity's and SDMetrics' detection measures, with other classifiers."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    n = min(len(real), len(fake))
    sides = [side[np.arange(n) * len(side) // n] for side in (real, fake)]
    x, words = table(sides[0]), table(sides[1])
    both, truth = np.concatenate([x, words]), np.repeat([0, 1], n)
    generator = torch.Generator().manual_seed(seed)
    fold = np.concatenate([torch.randperm(n, generator=generator).numpy() % FOLDS for _ in sides])
    few = [count <= MOST_WORDS for count in real.form.counts]
    split = np.array([False] * len(real.form.numbers) + few)[chosen(both.shape[1])]
    found = []
    for k in range(FOLDS):
        trees = HistGradientBoostingClassifier(
            max_iter=TREES, max_leaf_nodes=LEAVES, early_stopping=False, categorical_features=split, random_state=seed
        )
        columns = both[:, chosen(both.shape[1])]
        trees.fit(columns[fold != k], truth[fold != k])
        said = trees.predict_proba(columns[fold == k])[:, 1]
        found.append(delong(said[truth[fold == k] == 0], said[truth[fold == k] == 1]))
    return Area(float(np.mean([f.value for f in found])), sqrt(sum(f.error**2 for f in found)) / FOLDS)


def table(side: Frame) -> np.ndarray:
    return np.concatenate([side.x, side.words], 1)


def chosen(columns: int) -> np.ndarray:
    return np.arange(min(columns, COLUMNS)) * columns // min(columns, COLUMNS)


def delong(real: np.ndarray, fake: np.ndarray) -> Area:
    """How often a sample's score is above a real row's, ties a half, and the error of that. DeLong et al. 1988,
    "Comparing the Areas under Two or More Correlated Receiver Operating Characteristic Curves", Biometrics 44."""
    from scipy.stats import rankdata

    m, n = len(fake), len(real)
    ranks = rankdata(np.concatenate([fake, real]))
    above = (ranks[:m] - rankdata(fake)) / n  # of each sample, the share of real rows below it
    below = 1 - (ranks[m:] - rankdata(real)) / m
    variance = above.var(ddof=1) / m + below.var(ddof=1) / n
    return Area(float(above.mean()), sqrt(float(variance)))
