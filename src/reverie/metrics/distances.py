"""Distances between two sets of features: Fréchet's between Gaussians, and a kernel's between the sets themselves."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
import scipy.linalg
import torch
from jaxtyping import Float
from torch import Tensor

from reverie.errors import NoRoom, Problem

ROWS = 1000  # of a kernel matrix at a time


@dataclass(frozen=True)
class Statistics:
    """Count, mean and scatter (sum of outer products about the mean) of features, in float64. Sets are added up with
    `+`, so that features can be streamed in any order and block size."""

    count: int
    mean: Float[Tensor, " d"]
    scatter: Float[Tensor, "d d"]
    extractor: str = ""  # whose features these are; empty: not said
    source: str = ""  # what they are of, for people

    @staticmethod
    def of(features: Tensor | Iterable[Tensor], extractor: str = "", source: str = "") -> Statistics:
        """Of (n, d), or of blocks of it. Raises Problem on no items, or on numbers that are not finite."""
        total: Statistics | None = None
        for block in [features] if isinstance(features, Tensor) else features:
            if not len(block):
                continue
            x = finite(block.detach().to("cpu", torch.float64))
            mean = x.mean(0)
            centred = x - mean
            part = Statistics(len(x), mean, centred.T @ centred, extractor, source)
            total = part if total is None else total + part
        if total is None:
            raise Problem("0 items: no statistics. Give at least one")
        return total

    def __add__(self, other: Statistics) -> Statistics:
        """Of both sets together. Chan, Golub & LeVeque 1983. Raises Problem on features of different extractors."""
        alike(self, other)
        count = self.count + other.count
        step = other.mean - self.mean
        mean = self.mean + step * (other.count / count)
        between = torch.outer(step, step) * (self.count * other.count / count)
        source = self.source if self.source == other.source else " + ".join(filter(None, (self.source, other.source)))
        scatter = self.scatter + other.scatter + between
        return Statistics(count, mean, scatter, self.extractor or other.extractor, source)

    @property
    def covariance(self) -> Float[Tensor, "d d"]:
        """Unbiased: over count - 1, as the original FID code has it."""
        if self.count < 2:
            raise Problem(f"{self.count} item: a covariance needs at least 2")
        return self.scatter / (self.count - 1)

    def save(self, path: Path) -> None:
        """As .npz without pickled objects, to be kept or passed on; written under another name and renamed."""
        numbers: dict[str, Any] = {"count": self.count, "mean": self.mean.numpy(), "scatter": self.scatter.numpy()}
        numbers |= {"extractor": self.extractor, "source": self.source}
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            with open(part, "wb") as file:
                np.savez(file, **numbers)
            os.replace(part, path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise NoRoom(f"{path}: not written ({error.strerror}). Free the disk, or name another place") from error

    @staticmethod
    def load(path: Path, extractor: str = "") -> Statistics:
        """With `extractor`, only of that one's features. Raises Problem where they are of another's, and where the file
        is not one of `save`. A file that names no extractor loads, and is refused only where one is asked for."""
        try:
            with np.load(path, allow_pickle=False) as file:
                count, mean, scatter = int(file["count"]), file["mean"], file["scatter"]
                said = {key: words(file[key]) for key in ("extractor", "source") if key in file}
            if mean.ndim != 1 or not mean.size or scatter.shape != mean.shape * 2 or count < 1:
                raise ValueError("shapes")
            if not mean.dtype == scatter.dtype == np.float64 or not np.isfinite([mean.sum(), scatter.sum()]).all():
                raise ValueError("numbers")
            if np.abs(scatter - scatter.T).max() > 1e-9 * np.abs(scatter).max():
                raise ValueError("scatter")
        except FileNotFoundError:
            raise Problem(f"{path}: no such file. Give feature statistics that were saved") from None
        except (OSError, ValueError, KeyError, EOFError, AttributeError, TypeError, BadZipFile, zlib.error) as error:
            raise Problem(f"{path}: not feature statistics ({type(error).__name__}). Remove it") from error
        found = Statistics(count, torch.from_numpy(mean), torch.from_numpy(scatter), **said)
        if extractor and found.extractor != extractor:
            theirs = f"of {found.extractor}" if found.extractor else "of an extractor that it does not name"
            raise Problem(f"{path}: {theirs}, not of {extractor}. Pass --extractor to match, or statistics of the same")
        return found


def words(value: np.ndarray) -> str:
    if value.ndim or value.dtype.kind != "U":
        raise ValueError("no text")
    return str(value)


def alike(one: Statistics, two: Statistics) -> None:
    """Raises Problem where they are of features that can't be set side by side."""
    if one.extractor and two.extractor and one.extractor != two.extractor:
        raise Problem(f"features of {one.extractor} and of {two.extractor} can't be compared. Use one extractor")
    if one.mean.shape != two.mean.shape:
        sizes = f"{len(one.mean)} and of {len(two.mean)} dimensions"
        raise Problem(f"features of {sizes} can't be compared. Use one extractor")


def finite(features: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """Itself. Raises Problem on NaN and infinity, which would make a number of anything."""
    bad = int((~torch.isfinite(features)).any(1).sum())
    if bad:
        rows = f"{bad} of {len(features)} rows"
        cure = "Are the samples NaN? Train again, with a lower learning rate"
        raise Problem(f"features: not all finite ({rows}). {cure}")
    return features


def frechet(one: Statistics, two: Statistics) -> float:
    """Squared Fréchet (2-Wasserstein) distance of the Gaussians with these means and covariances (Dowson &
    Landau 1982): FID of Heusel et al. 2017, arXiv:1706.08500, on whatever features they are of. Raises Problem on
    features of different extractors, and on fewer than 2 items.

    Of samples it is biased upwards: two of N(0, σ² I) in d dimensions, n > d items each, are on average about
    (2 d + d (d + 1) / 2) σ² / n apart (`benchmarks/frechet_bias.py`). Compare at equal counts only."""
    alike(one, two)
    means = float((one.mean - two.mean).square().sum())
    first, second = root(one.covariance), root(two.covariance)
    # tr (C₁^½ C₂ C₁^½)^½ is the sum of the singular values of R₁ᵀ R₂ for any roots C = R Rᵀ. Taking them, and not the
    # square roots of eigenvalues, keeps all digits where covariances lack rank: no rounding error is square-rooted.
    cross = scipy.linalg.svdvals(first.T @ second).sum() if first.shape[1] and second.shape[1] else 0.0
    return max(0.0, means + float((first**2).sum() + (second**2).sum() - 2 * cross))


def root(covariance: Float[Tensor, "d d"]) -> Float[np.ndarray, "d r"]:
    """R with R Rᵀ = covariance: Cholesky's where the rank is full, else one column for each eigenvalue above
    rounding error. By SciPy, which takes a third of the time that torch does on a CPU, and does not spin."""
    matrix = covariance.numpy()
    noise = len(matrix) * np.finfo(matrix.dtype).eps
    try:
        lower = scipy.linalg.cholesky(matrix, lower=True)
        if np.diag(lower).min() ** 2 > noise * np.trace(matrix):
            return np.asarray(lower)
    except np.linalg.LinAlgError:
        pass
    values, vectors = scipy.linalg.eigh(matrix, driver="evd")
    kept = values > noise * max(0.0, values[-1])
    return np.asarray(vectors[:, kept] * np.sqrt(values[kept]))


def frechet_error(
    real: Statistics,
    fake_features: Float[Tensor, "n d"],
    fake: Statistics | None = None,
    real_features: Float[Tensor, "m d"] | None = None,
) -> float:
    """Standard error of `frechet(real, fake)` over new samples, by the delta method: sd(ψ) / √count, where ψ is how
    much one item moves the distance. `fake` are the statistics of all items where `fake_features` are only some of
    them. With `real_features` the real side's share is in it, else that side counts as given. Raises Problem on fewer
    than 2 items.

    It is of the spread alone: the bias of a finite sample, which at equal distributions is nearly all of the distance,
    it does not see. An interval from it says how far another draw of as many items would fall, not where the
    distance of infinitely many lies. Fewer items than dimensions: an item moves the covariance within its rank only,
    and the error is off by some tens of per cent (`tests/metrics/test_distances.py`)."""
    whole = fake or Statistics.of(fake_features)
    alike(real, whole)
    variance = float(influence(fake_features, whole, real).var()) / whole.count
    if real_features is not None:
        variance += float(influence(real_features, real, whole).var()) / real.count
    return sqrt(variance)


def influence(features: Float[Tensor, "n d"], own: Statistics, other: Statistics) -> Float[Tensor, " n"]:
    """ψ(x) of each row x, up to a constant: 2 (m - m')·(x - m) + |x - m|² - (x - m)ᵀ T (x - m), where T is the optimal
    transport of N(m, Σ), its own Gaussian, onto the other N(m', Σ'): the derivative of the distance along the mean and
    the covariance of a point mass at x.

    With roots Σ = R Rᵀ, Σ' = R' R'ᵀ and z = R⁻¹ (x - m), the last term is zᵀ (MᵀM)^½ z, M = R'ᵀ R."""
    root_own, root_other = root(own.covariance), root(other.covariance)
    centred = finite(features.double()).numpy() - own.mean.numpy()
    pull = 2 * centred @ (own.mean - other.mean).numpy() + np.square(centred).sum(1)
    cross = root_other.T @ root_own  # M, (r', r)
    if not cross.size:
        return torch.from_numpy(pull)
    values, vectors = scipy.linalg.eigh(cross.T @ cross, driver="evd")
    along = centred @ (vectors.T @ inverse(root_own)).T  # z along the eigenvectors, (n, r)
    return torch.from_numpy(pull - np.square(along) @ np.sqrt(values.clip(0)))


def inverse(found: Float[np.ndarray, "d r"]) -> Float[np.ndarray, "r d"]:
    """Of a root R: the pseudo-inverse. Its columns are at right angles where `root` took eigenvectors."""
    if found.shape[0] == found.shape[1] and not np.triu(found, 1).any():
        return np.asarray(scipy.linalg.solve_triangular(found, np.eye(len(found)), lower=True))
    return np.asarray(found.T / np.square(found).sum(0)[:, None])


class Estimate(NamedTuple):
    value: float
    error: float  # standard error


def kernel(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    """(x·y / d + 1)³: Bińkowski et al. 2018, section 4."""
    return (x @ y.T / x.shape[1] + 1) ** 3


def kid(
    real: Float[Tensor, "n d"],
    fake: Float[Tensor, "m d"],
    generator: torch.Generator,
    subsets: int = 100,
    size: int = 1000,
) -> Estimate:
    """Kernel distance: the unbiased estimate of the squared MMD (below 0 by chance where the sets agree), averaged over
    random subsets. Bińkowski et al. 2018, arXiv:1801.01401. Subsets hold `size` items, or half of the smaller set.

    The standard error is that of the whole sets, by the delete-d jackknife: subsets overlap, so that their own spread
    over √subsets would promise too much. Raises Problem on fewer than 4 items."""
    count = min(len(real), len(fake))
    size = min(size, count // 2)
    if size < 2:
        raise Problem(f"{count} items: the kernel distance needs at least 4 of each")
    real, fake = finite(real), finite(fake)
    drawn = [torch.randperm(len(x), generator=generator)[:size] for _ in range(subsets) for x in (real, fake)]
    values = mmd(real.double(), fake.double(), torch.stack(drawn[::2]), torch.stack(drawn[1::2]))
    spread = float(values.std(correction=0)) if subsets > 1 else float("nan")
    return Estimate(float(values.mean()), spread * sqrt(size / (count - size)))


def ordered(x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """The rows in an order that hangs on their values alone, so that what is drawn by place does not hang on theirs."""
    weights = torch.randn(x.shape[1], dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return x[(x.double() * weights).sum(1).argsort(stable=True)]


def mmd(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"], in_x: Tensor, in_y: Tensor) -> Float[Tensor, " s"]:
    """Unbiased squared MMD of each subset: index sets (s, k) into x and y. Every kernel value is computed once, and a
    subset's sum is a product with its indicator."""
    size = in_x.shape[1]
    marks_x, marks_y = (x.new_zeros(len(i), len(z)).scatter_(1, i, 1.0).T for z, i in ((x, in_x), (y, in_y)))
    within = total(x, x, marks_x, marks_x, diagonal=False) + total(y, y, marks_y, marks_y, diagonal=False)
    return within / (size * (size - 1)) - 2 * total(x, y, marks_x, marks_y) / size**2


def total(
    x: Float[Tensor, "n d"],
    y: Float[Tensor, "m d"],
    marks_x: Float[Tensor, "n s"],
    marks_y: Float[Tensor, "m s"],
    diagonal: bool = True,
) -> Float[Tensor, " s"]:
    """Sum of the kernel over each subset's pairs, with or without each item's pair with itself."""
    sums = x.new_zeros(marks_x.shape[1])
    for begin in range(0, len(x), ROWS):
        rows = kernel(x[begin : begin + ROWS], y)
        if not diagonal:
            index = torch.arange(len(rows))
            rows[index, begin + index] = 0
        sums += (marks_x[begin : begin + ROWS] * (rows @ marks_y)).sum(0)
    return sums
