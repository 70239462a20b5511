"""What StyleGAN2's two penalties cost at their intervals: a step with each, over a step without, in turns.

    python benchmarks/lazy_regularisation.py [--rounds 7] [--threads 1]

A penalty that costs c when it is made in every step should cost c / n when it is made in every n-th.
"""

import argparse
import statistics
from dataclasses import replace

import torch
from lightning_fabric import Fabric

import tables
import throughput
from reverie.catalog import find
from reverie.core import Spec
from reverie.training.build import build_model
from reverie.training.trainer import Plan, Trainer

BARE = {"width": 16, "widest": 64, "gamma": 0.0, "path": 0.0, "mixing": 0.9}
R1, PATH = {"gamma": 1.0}, {"path": 2.0}
FORMS = {
    "neither": {},
    "R1 each step": {**R1, "gamma_every": 1},
    "R1 each 16th": {**R1, "gamma_every": 16},
    "path lengths each step": {**PATH, "path_every": 1},
    "path lengths each 8th": {**PATH, "path_every": 8},
    "both at their intervals": {**R1, **PATH, "gamma_every": 16, "path_every": 8},
}
STEPS = 16  # a round of each: both intervals divide it


def trainer(spec: Spec, items: object, fields: dict[str, float]) -> Trainer:
    family = find("stylegan2")
    config, training = family.load().Config.small()
    model = build_model(family, replace(config, **{**BARE, **fields}), spec)
    return Trainer(model, items, Plan(training.batch), Fabric(accelerator="cpu", devices=1))  # type: ignore[arg-type]


def seconds(one: Trainer) -> float:
    """Of a step, the mean of a round."""
    now = throughput.clock()
    begun = now()
    for _ in range(STEPS):
        one.advance(1_000)
    return (now() - begun) / STEPS


def expected(name: str, cost: dict[str, float]) -> float:
    """Of what each costs in every step."""
    r1, path = (cost[f"{part} each step"] - 1 for part in ("R1", "path lengths"))
    shares = {"R1 each 16th": r1 / 16, "path lengths each 8th": path / 8, "both at their intervals": r1 / 16 + path / 8}
    return 1 + shares[name] if name in shares else cost[name]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    spec, items, _ = throughput.data("stylegan2")
    trainers = {name: trainer(spec, items, fields) for name, fields in FORMS.items()}
    taken: dict[str, list[float]] = {name: [] for name in trainers}
    for turn in range(asked.rounds + 1):
        for name, one in trainers.items():
            spent = seconds(one)
            if turn:  # the first round is start-up
                taken[name].append(spent)
    ratios = {name: [a / b for a, b in zip(found, taken["neither"])] for name, found in taken.items()}
    cost = {name: statistics.median(found) for name, found in ratios.items()}
    rows = [
        {
            "penalties": name,
            "seconds a step": statistics.median(taken[name]),
            "over neither": cost[name],
            "as its interval says": expected(name, cost),
            "least": min(ratios[name]),
            "greatest": max(ratios[name]),
        }
        for name in FORMS
    ]
    said = (
        f"By `python benchmarks/lazy_regularisation.py`: `stylegan2`, 32×32, {BARE['width']} to {BARE['widest']} wide, "
        f"batches of 16, rounds of {STEPS} steps in turn; medians of {asked.rounds} rounds' ratios."
    )
    print(tables.write("lazy_regularisation", "What lazy regularisation costs", said, rows))


if __name__ == "__main__":
    main()
