"""How far apart the Fréchet distance calls two samples of one Gaussian: its bias, by the number of items.

    python benchmarks/frechet_bias.py

Both samples are of N(0, I), so that the true distance is 0 and every number is bias. Mean and scatter are drawn from
their own distributions, a normal and a Wishart by Bartlett's decomposition, which is exact and costs the same at any
number of items; where items are no more than dimensions, the items themselves are drawn. Minutes on one core.
"""

import statistics
from functools import partial

import torch
from torch.distributions import Chi2

import tables
from reverie.metrics.distances import Statistics, frechet

COUNTS = (500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)
PAIRS = {64: 20, 2048: 2}  # the spread of one is far below the bias


def drawn(dims: int, count: int) -> Statistics:
    """Statistics of that many items of N(0, I), by torch's global generator."""
    normal = partial(torch.randn, dtype=torch.float64)
    if count <= dims:
        return Statistics.of(normal(count, dims))
    freedom = torch.arange(count - 1, count - 1 - dims, -1, dtype=torch.float64)
    lower = normal(dims, dims).tril(-1) + Chi2(freedom).sample().sqrt().diag()
    return Statistics(count, normal(dims) / count**0.5, lower @ lower.T)


def first_term(dims: int, count: int) -> float:
    """Of the bias, in 1 / count: 2 d / n from the means, d (d + 1) / 2 n from the covariances."""
    return (2 * dims + dims * (dims + 1) / 2) / count


def row(dims: int, count: int) -> dict[str, object]:
    torch.manual_seed(count)
    found = [frechet(drawn(dims, count), drawn(dims, count)) for _ in range(PAIRS[dims])]
    said: dict[str, object] = {"dimensions": dims, "items each": f"{count:,}", "distance": statistics.mean(found)}
    said |= {"spread of a pair": statistics.stdev(found), "first term of the bias": first_term(dims, count)}
    print(said, flush=True)
    return said


def main() -> None:
    pairs = " and ".join(f"{count} pairs in {dims} dimensions" for dims, count in PAIRS.items())
    said = (
        "By `python benchmarks/frechet_bias.py`: both samples are of N(0, I), so that the true distance is 0 and all of"
        f" it is bias; the mean of {pairs}. The first term is (2 d + d (d + 1) / 2) / n, good from n = d on."
        " So a Fréchet distance says something only beside one at the same number of items, or far above it."
    )
    rows = [row(dims, count) for dims in PAIRS for count in COUNTS]
    print(tables.write("frechet_bias", "The Fréchet distance of two samples of one Gaussian", said, rows))


if __name__ == "__main__":
    main()
