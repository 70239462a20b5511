"""Burda et al. 2015's question at a price: of one and of fifty draws a loss, which has the better likelihood after
equal time? Dynamically binarised MNIST, their one-layer network, both arms with the same batch, rate and schedule.

    python benchmarks/iwae.py --out runs/iwae --minutes 120 --k 1 &
    python benchmarks/iwae.py --out runs/iwae --minutes 120 --k 50
    python benchmarks/iwae.py --out runs/iwae --report [--draws 5000] [--items 10000]

Each arm is one process on one thread, and trained as fast as it can be: the gradient of fifty draws is taken from one,
drawn by its weight (their section 3), its products are in bfloat16 where the processor is made for it. One draw is
faster in float32. A run that was cut goes on. The report measures both, and writes results/iwae.md.
"""

import argparse
import time
from pathlib import Path

import torch

import reverie
import tables
from reverie.recipes.likelihood import BLOCK
from reverie.training.log import read
from reverie.training.run import Run
from reverie.training.seeds import reseed

BATCH, RATE, EMA_ITEMS = 50, 1.5e-3, 60_000.0


def train(folder: Path, k: int, minutes: float) -> Run:
    fields = {"learning_rate": RATE, "decay": "cosine", "importance": k, "resampled": k > 1}
    return reverie.fit(
        "mnist", "vae", out=folder / f"k{k}", set="burda", time=f"{minutes}m", fields=fields,
        training={"batch": BATCH, "ema_items": EMA_ITEMS, "precision": "auto" if k > 1 else "float32"},
    )  # fmt: skip


@torch.inference_mode()
def nats(run: Run, items: int, draws: int) -> torch.Tensor:
    """-log p(x) of the first test digits, each binarised by one draw, the same of both arms."""
    found = []
    for k, index in enumerate(torch.arange(items).split(BLOCK)):
        reseed(0, "nll", k)
        found.append(run.model.nll(run.prepared.held_out.take(index).to(run.device), draws)[0].double())
    return torch.cat(found)


def report(folder: Path, items: int, draws: int, ks: list[int]) -> None:
    rows: list[dict[str, object]] = []
    scores = {}
    for k in ks:
        run = Run.open(folder / f"k{k}")
        last = read(run.path / "log.jsonl")[-1]
        begun = time.monotonic()
        scores[k] = nats(run, items, draws)
        rows.append(
            {
                "k": k,
                "training": f"{last['seconds'] / 60:.1f} min",
                "passes through the digits": f"{last['step'] * BATCH / 60_000:.0f}",
                "NLL": f"{float(scores[k].mean()):.2f} nats",
                "standard error": f"{float(scores[k].std() / items**0.5):.2f}",
                "latents in use": round(last["active_units"]),
                "measured in": f"{time.monotonic() - begun:.0f} s",
            }
        )
    gain = scores[ks[0]] - scores[ks[-1]]
    error = float(gain.std() / items**0.5)
    said = (
        f"Of {items:,} test digits by {draws:,} importance samples, each digit binarised once, the same way for both; "
        f"by `python benchmarks/iwae.py`. k={ks[-1]} is {float(gain.mean()):.2f} ± {error:.2f} nats below k={ks[0]} "
        "(paired by digit; a minus sign: above)."
    )
    print(tables.write("iwae", "One draw and fifty, for equal time", said, rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--k", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--report", action="store_true", help="measure both arms in place of training one")
    parser.add_argument("--draws", type=int, default=5_000)
    parser.add_argument("--items", type=int, default=10_000)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.report:
        report(asked.out, asked.items, asked.draws, [1, 50])
    else:
        train(asked.out, asked.k, asked.minutes)
