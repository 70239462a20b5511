"""Codes of items, reduced or as they are, grouped, and measured beside what needs no training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from reverie.core import Items
from reverie.errors import Problem
from reverie.metrics import Metric, embedding, size_name
from reverie.training.files import write

from .codes import able, encoded, files
from .scatter import Scatter
from .vectors import Known, Some, bare, evenly, known, vectors
from .written import save_table

if TYPE_CHECKING:
    from reverie.training.run import Run

PAIRS = 2_000  # items whose pairs are all compared, at most
MEASURED, FEWEST = 10_000, 500  # items on which the rest is measured, at most; fewer where they are large
VALUES = 1 << 26  # of those items, in float32
WAYS = ("pca", "tsne", "umap")


@dataclass(frozen=True)
class Embedding:
    """`points` (N, d): codes, or what they were reduced to, called by `axes`."""

    names: Sequence[str]
    points: Tensor
    axes: tuple[str, ...]
    known: Known | None = None
    clusters: Tensor | None = None  # (N,)
    measures: list[Metric] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.points)

    def columns(self) -> dict[str, Any]:
        """A row an item: its name, its label where that is known, its cluster where there are some, its numbers."""
        made: dict[str, Any] = {"item": list(self.names)}
        if self.known:
            values = self.known.values.tolist()
            made[self.known.name] = [self.known.names[k] for k in values] if self.known.names else values
        if self.clusters is not None:
            made["cluster"] = self.clusters.tolist()
        return made | {axis: self.points[:, k].numpy() for k, axis in enumerate(self.axes)}

    def save(self, file: str | Path) -> Path:
        """As .npy, which holds the numbers alone (N, d) float32, else as a table by the suffix. Raises NoRoom."""
        place = Path(file)
        if place.suffix.lower() != ".npy":
            return save_table(place, self.columns())
        write(place, lambda part: np.save(part, self.points.numpy(), allow_pickle=False))
        return place

    def plot(self, file: str | Path, title: str = "") -> Path:
        """A scatter of the first two numbers, coloured by the label, else by the cluster; PNG or SVG. Raises NoRoom."""
        place = Path(file)
        colours, names, of = self.colours()
        drawn = Scatter(plane(self.points), self.axes[:2], colours, names, of, title)
        write(place, lambda part: drawn.save(part, place.suffix))
        return place

    def colours(self) -> tuple[Tensor | None, tuple[str, ...], str]:
        if self.known:
            return self.known.values, self.known.names, self.known.name
        if self.clusters is not None:
            return self.clusters, tuple(map(str, range(int(self.clusters.max()) + 1))), "cluster"
        return None, (), ""


def plane(points: Tensor) -> Tensor:
    """(N, 2). One number alone is spread out upwards, evenly and without meaning, so that items can be seen."""
    if points.shape[1] > 1:
        return points[:, :2]
    up = (torch.arange(len(points), dtype=torch.float64) * 0.6180339887) % 1  # golden ratio: evenly, in no order
    return torch.stack([points[:, 0], up.float()], 1)


def embed(run: Run, places: Sequence[str], *, to: int = 0, by: str = "pca", clusters: int = 0) -> Embedding:
    """The codes of every item in files, folders or named sets, `to` so many numbers by `by` (0: as they are), with
    k-means `clusters` of the codes (0: none). Raises Problem."""
    if by not in WAYS:
        raise Problem(f"--by {by}: no such way. There are: {', '.join(WAYS)}")
    for flag, value, least in (("--to", to, 1), ("--clusters", clusters, 2)):
        if value and value < least:
            raise Problem(f"{flag} {value}: below {least}. Give {least} or more")
    able(run, "encode")
    unseen = files(run, places)
    found = of_items(run, unseen.items, unseen.names, to=to, by=by, clusters=clusters)
    found.notes[:0] = unseen.notes
    return found


def of_items(
    run: Run, items: Items, names: Sequence[str], *, to: int = 0, by: str = "pca", clusters: int = 0
) -> Embedding:
    """The same of items that are read already."""
    whole = encoded(run, items)
    codes, notes = bare(run, whole).float().clone(), []  # a tensor that may be changed
    if codes.shape[1] < whole.shape[1]:
        notes.append("the label that each code carries is left out of it: what is measured here did not see it")
    if to > codes.shape[1]:
        raise Problem(f"--to {to}: a code of {run.path} has {codes.shape[1]} numbers. Give {codes.shape[1]} or fewer")
    points, axes = reduced(codes, to, by, notes)
    wide = vectors(run.spec, Some(items, torch.zeros(1, dtype=torch.long))).shape[1]
    chosen = Some(items, evenly(len(items), min(MEASURED, max(FEWEST, VALUES // wide))))
    labels, raw = known(run, items), vectors(run.spec, chosen)
    groups, about = clustered(codes, raw, labels, chosen.index, clusters) if clusters else (None, [])
    measures = [*measured(points, raw, labels, chosen.index), *about]
    return Embedding(names, points, axes, labels, groups, measures, notes)


# ------------------------------------------------------------------------------------------------------------ reduction


def reduced(codes: Tensor, to: int, by: str, notes: list[str]) -> tuple[Tensor, tuple[str, ...]]:
    """(N, to) and what its columns are called."""
    if not to or (to == codes.shape[1] and by == "pca"):
        return codes, tuple(f"z{k}" for k in range(codes.shape[1]))
    least = max(to, 2) if by == "pca" else 4
    embedding.enough(len(codes), least, f"--to {to} by {by}")
    points, about = {"pca": by_pca, "tsne": by_tsne, "umap": by_umap}[by](codes, to)
    notes.append(about)
    return points.float(), tuple(f"{by}{k}" for k in range(to))


def by_pca(codes: Tensor, to: int) -> tuple[Tensor, str]:
    points = embedding.principal(codes, to)
    share = float(points.var(0).sum() / codes.var(0).sum()) if float(codes.var(0).sum()) else 1.0
    return points, f"the codes' first {to} principal components keep {share:.1%} of their variance"


def by_tsne(codes: Tensor, to: int) -> tuple[Tensor, str]:
    """van der Maaten & Hinton 2008, scikit-learn's, with its perplexity of 30 or a third of the items."""
    from sklearn.manifold import TSNE

    if to > 3:
        raise Problem(f"--to {to} --by tsne: t-SNE is quick in 2 or 3 dimensions only. Give 3 or fewer, or --by pca")
    perplexity = min(30.0, (len(codes) - 1) / 3)
    made = TSNE(to, perplexity=perplexity, init="pca" if to < codes.shape[1] else "random", random_state=0)
    points = torch.from_numpy(made.fit_transform(codes.numpy()))
    return points, f"t-SNE of the codes, perplexity {perplexity:g}: sizes and distances of groups mean little"


def by_umap(codes: Tensor, to: int) -> tuple[Tensor, str]:
    try:
        from umap import UMAP
    except ImportError:
        raise Problem("--by umap: umap-learn is not installed. Run pip install umap-learn, or pass --by pca") from None
    near = min(15, len(codes) - 1)
    points = torch.from_numpy(np.asarray(UMAP(near, to, random_state=0).fit_transform(codes.numpy())))
    return points, f"UMAP of the codes, {near} neighbours: sizes and distances of groups mean little"


# ------------------------------------------------------------------------------------------------------------- measures


def measured(points: Tensor, raw: Tensor, labels: Known | None, index: Tensor) -> list[Metric]:
    """Of the embedding, the reference being as many principal components of the items themselves."""
    out: list[Metric] = []
    count = len(index)
    if count <= 2 * embedding.NEIGHBOURS:
        return out
    mine, few = points[index], evenly(count, PAIRS)
    linear = embedding.principal(raw, points.shape[1]).float()
    beside = f"reference: {linear.shape[1]} principal components of the items themselves, fitted to these same items"

    def add(name: str, size: int, unit: str, of: Callable[[Tensor], float], how: str) -> None:
        value, reference = of(mine), of(linear)
        out.append(Metric(f"{name}_{size_name(size)}", value, unit, size, f"{how}; {beside}", reference=reference))

    k = embedding.NEIGHBOURS
    how = f"are the {k} nearest among the codes near among the items; {len(few):,} of the items, evenly spaced"
    add("trustworthiness", len(few), "of 1", lambda x: embedding.trustworthiness(raw[few], x[few]), how)
    if labels and labels.names:
        of = labels.values[index]
        how = f"the class of most of the {k} nearest others is the item's own; {count:,} items, each left out in turn"
        add(f"nn{k}_accuracy", count, "share", lambda x: embedding.neighbour_accuracy(x, of), how)
    return out


def clustered(
    codes: Tensor, raw: Tensor, labels: Known | None, index: Tensor, groups: int
) -> tuple[Tensor, list[Metric]]:
    """The cluster of every item, and how clusters agree with the classes, beside those of the items themselves."""
    mine, centres = embedding.grouped(codes[index], groups)
    every = torch.cdist(codes, centres.float()).argmin(1)
    if not labels or not labels.names:
        return every, []
    of = labels.values[index]
    found, plain = embedding.agreement(mine, of), embedding.agreement(embedding.grouped(raw, groups)[0], of)
    how = (
        f"k-means, {groups} clusters of {len(index):,} codes, against {labels.name}; reference: of the items themselves"
    )
    named: Mapping[str, str] = {"ari": "adjusted Rand index", "nmi": "normalised mutual information"}
    return every, [
        Metric(f"{name}_{size_name(len(index))}", a, "of 1", len(index), f"{said}, {how}", reference=b)
        for (name, said), a, b in zip(named.items(), found, plain)
    ]
