"""How far apart the Fréchet distance calls two samples of one Gaussian: its bias, by the number of items.

    python benchmarks/frechet_bias.py [--out benchmarks/results/frechet_bias.md]

Both samples are of N(0, I), so that the true distance is 0 and every number is bias. Mean and scatter are drawn from their own
distributions, a normal and a Wishart's by Bartlett's decomposition, which is exact and costs the same at any number of items;
where items are no more than dimensions, the items themselves are drawn. Two minutes on one core.
"""

import argparse
import statistics
from pathlib import Path

import torch
from torch import Tensor

from reverie.metrics.distances import Statistics, frechet

COUNTS = (500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)
REPEATS = {64: 20, 2048: 2}  # the spread of one is far below the bias


def drawn(dims: int, count: int, generator: torch.Generator) -> Statistics:
    """Statistics of that many items of N(0, I)."""

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    if count - 1 < dims:
        return Statistics.of(normal(count, dims))
    lower = normal(dims, dims).tril(-1)
    freedom = torch.arange(count - 1, count - 1 - dims, -1, dtype=torch.float64)
    chi_squared = 2 * torch._standard_gamma(freedom / 2, generator=generator)
    lower += chi_squared.sqrt().diag()
    return Statistics(count, normal(dims) / count**0.5, lower @ lower.T)


def leading(dims: int, count: int) -> float:
    """The first term of the bias in 1 / count: 2 d / n of the means, d (d + 1) / 2 n of the covariances."""
    return (2 * dims + dims * (dims + 1) / 2) / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "frechet_bias.md")
    out = parser.parse_args().out
    lines = []
    for dims, repeats in REPEATS.items():
        for count in COUNTS:
            generator = torch.Generator().manual_seed(count)
            found = [frechet(*(drawn(dims, count, generator) for _ in range(2))) for _ in range(repeats)]
            spread = statistics.stdev(found)
            row = (dims, f"{count:,}", f"{statistics.mean(found):.4g}", f"{spread:.2g}", f"{leading(dims, count):.4g}")
            lines.append("| " + " | ".join(map(str, row)) + " |")
            print(lines[-1], flush=True)
    out.write_text(
        "# The Fréchet distance of two samples of one Gaussian\n\n"
        f"By `python benchmarks/frechet_bias.py`, torch {torch.__version__}, float64: both of N(0, I), the true distance is 0.\n\n"
        "| dimensions | items each | distance | spread of a pair | first term of the bias |\n"
        "| --- | --- | --- | --- | --- |\n" + "\n".join(lines) + "\n\n"
        "The first term is (2 d + d (d + 1) / 2) / n. Means of "
        + " and ".join(f"{r} pairs in {d} dimensions" for d, r in REPEATS.items())
        + ". So a Fréchet distance is one number only at one number of items: compare at equal counts.\n",
        encoding="utf-8",
    )
    print(out)


if __name__ == "__main__":
    main()
