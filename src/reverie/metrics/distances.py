"""Distances between two sets of features: Fréchet's between Gaussians, and a kernel's between the sets themselves."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
import scipy.linalg
import torch
from jaxtyping import Float
from torch import Tensor

from reverie.errors import Problem

ROWS = 1000  # of a kernel matrix at a time


@dataclass(frozen=True)
class Statistics:
    """Count, mean and scatter (sum of outer products about the mean) of features, in float64. Sets are added up with
    `+`, so that features can be streamed in any order and block size."""

    count: int
    mean: Float[Tensor, " d"]
    scatter: Float[Tensor, "d d"]

    @staticmethod
    def of(features: Tensor | Iterable[Tensor]) -> Statistics:
        """Of (n, d), or of blocks of it. Raises Problem on no items, or on numbers that are not finite."""
        total: Statistics | None = None
        for block in [features] if isinstance(features, Tensor) else features:
            if not len(block):
                continue
            x = block.detach().to("cpu", torch.float64)
            mean = x.mean(0)
            centred = x - mean
            part = Statistics(len(x), mean, centred.T @ centred)
            total = part if total is None else total + part
        if total is None:
            raise Problem("0 items: no statistics. Give at least one")
        if not bool(torch.isfinite(total.scatter).all()):
            raise Problem("features: not all finite. Are the samples NaN? Train again, with a lower learning rate")
        return total

    def __add__(self, other: Statistics) -> Statistics:
        """Of both sets together. Chan, Golub & LeVeque 1983."""
        count = self.count + other.count
        step = other.mean - self.mean
        mean = self.mean + step * (other.count / count)
        between = torch.outer(step, step) * (self.count * other.count / count)
        return Statistics(count, mean, self.scatter + other.scatter + between)

    @property
    def covariance(self) -> Float[Tensor, "d d"]:
        """Unbiased: over count - 1, as the original FID code has it."""
        if self.count < 2:
            raise Problem(f"{self.count} item: a covariance needs at least 2")
        return self.scatter / (self.count - 1)

    def save(self, path: Path) -> None:
        """As .npz without pickled objects."""
        with open(path, "wb") as file:
            np.savez(file, count=np.int64(self.count), mean=self.mean.numpy(), scatter=self.scatter.numpy())

    @staticmethod
    def load(path: Path) -> Statistics:
        """Raises Problem where the file is not one of `save`."""
        try:
            with np.load(path, allow_pickle=False) as file:
                count, mean, scatter = int(file["count"]), file["mean"], file["scatter"]
            if mean.ndim != 1 or scatter.shape != mean.shape * 2 or mean.dtype != np.float64 or count < 1:
                raise ValueError("shapes")
        except (OSError, ValueError, KeyError, EOFError, AttributeError, TypeError, BadZipFile, zlib.error) as error:
            raise Problem(f"{path}: not feature statistics ({type(error).__name__}). Remove it") from error
        return Statistics(count, torch.from_numpy(mean), torch.from_numpy(scatter))


def frechet(one: Statistics, two: Statistics) -> float:
    """Squared Fréchet (2-Wasserstein) distance of the Gaussians with these means and covariances (Dowson &
    Landau 1982): FID of Heusel et al. 2017, arXiv:1706.08500, on whatever features they are of."""
    if one.mean.shape != two.mean.shape:
        raise ValueError(f"features of {len(one.mean)} and of {len(two.mean)} dimensions can't be compared")
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
    drawn = [torch.randperm(len(x), generator=generator)[:size] for _ in range(subsets) for x in (real, fake)]
    values = mmd(real.double(), fake.double(), torch.stack(drawn[::2]), torch.stack(drawn[1::2]))
    spread = float(values.std(correction=0)) if subsets > 1 else float("nan")
    return Estimate(float(values.mean()), spread * sqrt(size / (count - size)))


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
