"""How well codes keep what items are: their neighbours, their classes, their groups. Pure functions of codes (N, d), of
the items themselves as vectors (N, D), and of classes (N,). All chance is seeded."""

from __future__ import annotations

from math import log
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from reverie.errors import Problem

NEIGHBOURS = 5
RESTARTS = 10  # of k-means, from other first centres: the best is kept
STRENGTHS = np.logspace(-4, 2, 7)  # inverse penalties of a linear probe, among which its own labels choose
FOLDS = 5


def trustworthiness(items: Float[Tensor, "n D"], codes: Float[Tensor, "n d"], k: int = NEIGHBOURS) -> float:
    """In [0, 1]: 1 where each item's k neighbours among the codes are its neighbours among the items too, 0.5 about
    where codes are drawn blindly; a stranger costs the more the farther it is. Venna & Kaski 2001, as scikit-learn
    computes it; over all n² pairs. Raises Problem on 2 k items or fewer."""
    from sklearn.manifold import trustworthiness as of

    enough(len(items), 2 * k + 1, f"trustworthiness on {k} neighbours")
    return float(of(items.numpy(), codes.numpy(), n_neighbors=k))


def neighbour_accuracy(x: Float[Tensor, "n d"], labels: Int[Tensor, " n"], k: int = NEIGHBOURS) -> float:
    """Share of items whose class is what most of the k nearest others have; of a tie, the nearer ones. Raises Problem
    on k items or fewer."""
    from sklearn.neighbors import NearestNeighbors

    enough(len(x), k + 1, f"{k} neighbours")
    nearest = NearestNeighbors(n_neighbors=k).fit(x.numpy()).kneighbors(return_distance=False)  # without itself
    weights = 1 + 1e-3 * torch.arange(k, 0, -1, dtype=torch.float64)  # together less than one vote more
    votes = torch.zeros(len(x), int(labels.max()) + 1, dtype=torch.float64)
    votes.scatter_add_(1, labels[torch.from_numpy(nearest)], weights.expand(len(x), k).contiguous())
    return float((votes.argmax(1) == labels).double().mean())


def principal(x: Float[Tensor, "n D"], dimensions: int) -> Float[Tensor, "n d"]:
    """The items' own principal components, the first so many: what a linear code would keep. Fewer where there are no
    more."""
    from sklearn.decomposition import PCA

    most = min(dimensions, *x.shape)
    return torch.from_numpy(PCA(most, random_state=0).fit_transform(x.numpy()))


def grouped(x: Float[Tensor, "n d"], groups: int) -> tuple[Int[Tensor, " n"], Float[Tensor, "k d"]]:
    """The group of each by k-means, and the groups' centres. Raises Problem on more groups than items."""
    from sklearn.cluster import KMeans

    enough(len(x), groups, f"{groups} clusters")
    found = KMeans(groups, n_init=RESTARTS, random_state=0).fit(x.numpy())
    return torch.from_numpy(found.labels_).long(), torch.from_numpy(found.cluster_centers_)


class Agreement(NamedTuple):
    """How far two ways to group the same items agree: 1 where they are the same."""

    ari: float  # adjusted Rand index (Hubert & Arabie 1985): 0 by chance
    nmi: float  # mutual information over the mean entropy: 0 where neither says anything of the other


def agreement(groups: Int[Tensor, " n"], labels: Int[Tensor, " n"]) -> Agreement:
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    one, two = groups.numpy(), labels.numpy()
    return Agreement(float(adjusted_rand_score(two, one)), float(normalized_mutual_info_score(two, one)))


def probe(
    known: tuple[Float[Tensor, "n d"], Int[Tensor, " n"]],
    asked: tuple[Float[Tensor, "m d"], Int[Tensor, " m"]],
    count: int = 100,
    draws: int = 10,
) -> list[float]:
    """Accuracy on `asked` of a linear classifier that saw `count` labels of `known`, as many of each class, in each of
    `draws` draws. Multinomial logistic regression; its penalty is chosen on those same labels, by five folds. All
    numbers are brought to one scale together, not each to its own: one that hardly varies would be noise as loud as the
    rest. Raises Problem where a class has too few."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    (x, labels), (queries, truth) = known, asked
    classes = present(labels)
    each = count // len(classes)
    found = []
    for draw in range(draws):
        order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(draw))
        mine = [order[labels[order] == one][:each] for one in classes]
        enough(min(map(len, mine)), max(FOLDS, each), f"{count:,} labels")
        index = torch.cat(mine)
        middle = x[index].mean(0)
        scale = float((x[index] - middle).square().mean().sqrt()) or 1.0
        choice = GridSearchCV(LogisticRegression(max_iter=1000), {"C": STRENGTHS}, cv=FOLDS)
        choice.fit(((x[index] - middle) / scale).numpy(), labels[index].numpy())
        said = torch.from_numpy(choice.predict(((queries - middle) / scale).numpy()))
        found.append(float((said == truth).double().mean()))
    return found


class Carries(NamedTuple):
    """What one number of a code says of the classes."""

    bits: float  # mutual information with the class
    accuracy: float  # of a linear classifier that sees this number alone, by five folds
    told: int  # the class that it tells best from all others
    auc: float  # how often an item of that class has the larger number than one of another; below 0.5: the smaller


def carried(code: Float[Tensor, " n"], labels: Int[Tensor, " n"]) -> Carries:
    """Raises Problem where a class has fewer than five items. Mutual information: Ross 2014, by neighbours."""
    from sklearn.feature_selection import mutual_info_classif
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score

    enough(int(labels.bincount()[present(labels)].min()), FOLDS, "of each class: a probe")
    spread = float(code.std()) or 1.0
    x, y = ((code - code.mean()) / spread).numpy()[:, None], labels.numpy()
    bits = float(mutual_info_classif(x, y, random_state=0)[0]) / log(2)
    right = float(cross_val_score(LogisticRegression(), x, y, cv=FOLDS).mean())
    areas = {int(one): larger(code, labels == one) for one in present(labels)}
    told = max(areas, key=lambda one: abs(areas[one] - 0.5))
    return Carries(bits, right, told, areas[told])


def larger(x: Float[Tensor, " n"], mine: Tensor) -> float:
    """How often one of mine is larger than another, a tie half: the area under the curve (Mann & Whitney 1947)."""
    from scipy.stats import rankdata

    ranks, count = rankdata(x.numpy())[mine.numpy()], int(mine.sum())
    return float((ranks.sum() - count * (count + 1) / 2) / (count * (len(x) - count)))


def present(labels: Int[Tensor, " n"]) -> Int[Tensor, " c"]:
    """The classes that are there, in order."""
    return labels.bincount().nonzero()[:, 0]


def enough(count: int, least: int, what: str) -> None:
    """Raises Problem."""
    if count < least:
        raise Problem(f"{count:,} items: {what} needs at least {least:,}. Name more")
