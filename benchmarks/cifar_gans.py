"""How far do the class-conditional generators come on CIFAR-10 within half an hour of two cores?

    REVERIE_DATA=… python benchmarks/cifar_gans.py OUT [--minutes 45] [--threads 1] [--models sagan ...] [--report]

Each is a run in OUT, trained by the clock, one after the other (or side by side, one command a model, a thread each); a
run that was cut goes on. The page, results/cifar_gans.md, has what `evaluate` says of each, and the curve of its looks.
"""

import argparse
from math import inf
from pathlib import Path

import torch

import curves
import reverie
import tables
from reverie.training.log import read
from reverie.training.run import Run

MODELS = ("sagan", "biggan", "stylegan2")
WATCHED = "frechet_cheap"  # of a look
SAID = ("frechet", "kid", "precision", "recall", "label_met_")


def edge(bound: float | None, none: float) -> str:
    return f"{none if bound is None else bound:.4g}"


def curve(run: Run) -> list[tuple[float, float]]:
    """The looks' distance over minutes of training."""
    rows = read(run.path / "log.jsonl")
    return [(row["seconds"] / 60, row[key]) for row in rows for key in row if key.startswith(WATCHED)]


def row(run: Run) -> dict[str, object]:
    last, report = read(run.path / "log.jsonl")[-1], run.evaluate()
    print(run.path, *report.headline, *report.notes, sep="\n", flush=True)
    found = {m.name: m for m in report.metrics if m.name.startswith(SAID) and "[" not in m.name}
    numbers = {name: f"{m.value:.4g} ({edge(m.low, -inf)} … {edge(m.high, inf)})" for name, m in found.items()}
    return {
        "model": run.info["model"],
        "set": run.info["set"],
        "steps": f"{run.step:,} of {run.info['plan']['batch']}",
        "passes": f"{last['items'] / run.info['source']['items']:.1f}",
        "minutes": f"{last['seconds'] / 60:.0f}",
        **numbers,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--report", action="store_true", help="from what there is, without training")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    for model in [] if asked.report else asked.models:
        reverie.fit("cifar10", model, out=asked.out / model, time=f"{asked.minutes}m")
    runs = {model: Run.open(asked.out / model) for model in asked.models}
    looks = {model: curve(run) for model, run in runs.items()}
    picture = curves.drawn("cifar-gans", "Fréchet distance", "minutes", looks, falling=True)
    how = next(iter(runs.values())).info["segments"][-1]
    said = (
        f"By `python benchmarks/cifar_gans.py`: one seed, the small sets, {how['threads']} thread(s) each on "
        f"{how['device']} with torch {how['torch']}; samples beside CIFAR-10's test part.\n\n"
        f"![the looks' distance over time](../../docs/pictures/{picture.name})\n\nThe page was made with"
    )
    print(tables.write("cifar_gans", "CIFAR-10 within the hour of a core", said, [row(run) for run in runs.values()]))


if __name__ == "__main__":
    main()
