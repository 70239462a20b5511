"""Does the prior on a vq_vae's codes make it sample? Its samples beside those of codes drawn evenly, by one measure.

    python benchmarks/vq_prior.py [DATA] [--set small] [--time 7m | --steps N] [--out RUN]

Trains vq_vae, then judges it twice by `evaluate`: once with codes from the prior, once with each code drawn by itself,
all alike. Both go through one decoder, so that what lies between them is the prior. Beside them, what the codes keep of
held-out pictures: reconstructions' peak signal to noise, the codebook's perplexity, nats of codes against log K each.
With --out, the run stays there, with a sheet of pictures before their reconstructions. Some 10 minutes on one core.
"""

import argparse
import json
import tempfile
import time
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import reverie
import tables
from reverie.kinds.find import module
from reverie.models.autoencoders.vq_vae import Sampling
from reverie.tasks.codes import blocks, decoded, encoded
from reverie.training.run import Run

PICTURES = 2_000  # held-out ones that are reconstructed, and samples that are judged
SHOWN = 40


@dataclass(frozen=True)
class Uniform(Sampling):
    codes: str = "uniform"


def frechet(run: Run, sampling: type) -> float:
    run.sampling = sampling  # in place of the model's own defaults
    return run.evaluate(samples=PICTURES)["frechet"]


@torch.inference_mode()
def kept(run: Run) -> tuple[dict[str, float], np.ndarray, np.ndarray]:
    """What codes keep of held-out pictures and what they cost, the first pictures, and their reconstructions."""
    held_out, model = run.prepared.held_out, run.model
    index = torch.arange(PICTURES) * len(held_out) // PICTURES
    items = Some(held_out, index)
    codes = encoded(run, items)
    raw, made = held_out.raw(index), run.codec.decode(decoded(run, codes))
    error = np.square(raw.astype(np.float64) - made).mean((1, 2, 3))
    chosen = torch.cat([model.indices(batch)[:n].cpu() for batch, n in blocks(items)])
    shares = torch.bincount(chosen.flatten(), minlength=model.cfg.codebook).double() / chosen.numel()
    nats = torch.cat([model.code_nll(part) for part in codes.split(100)]).mean()
    said = {
        "PSNR, dB": float(np.mean(10 * np.log10(255**2 / error))),
        "PSNR of the mean error, dB": float(10 * np.log10(255**2 / error.mean())),
        "perplexity": float(torch.special.entr(shares).sum().exp()),
        "nats a code": float(nats) / model.places,
        "log K": log(model.cfg.codebook),
    }
    return said, raw[:SHOWN], made[:SHOWN]


class Some:
    """Some items of a set."""

    def __init__(self, source: object, index: Tensor):
        self.source, self.index = source, index

    def __len__(self) -> int:
        return len(self.index)

    def take(self, index: Tensor, vary: bool = False):
        return self.source.take(self.index[index], vary)


def measure(data: str, name: str, long: dict[str, Any], out: Path) -> dict[str, object]:
    begun = time.perf_counter()
    run = reverie.fit(data, model="vq_vae", set=name, out=out, **long)
    minutes = (time.perf_counter() - begun) / 60
    said, raw, made = kept(run)
    module(run.spec.kind).show(
        np.concatenate([x for pair in zip(raw, made) for x in (pair[0][None], pair[1][None])]),
        out / "reconstructions.png",
    )
    uniform, prior = frechet(run, Uniform), frechet(run, Sampling)
    module(run.spec.kind).show(run.sample(64), out / "prior.png")
    module(run.spec.kind).show(run.sample(64, codes="uniform"), out / "uniform.png")
    row = {"data": data, "set": name, "steps": run.step, "minutes": minutes, "Fréchet, uniform codes": uniform}
    return {**row, "Fréchet, prior": prior, "below": f"{1 - prior / uniform:.0%}", **said}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", default="fashion-mnist")
    parser.add_argument("--set", default="small")
    parser.add_argument("--time", default="7m")
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--out", default="")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        long = {"steps": args.steps} if args.steps else {"time": args.time}
        row = measure(args.data, args.set, long, Path(args.out or f"{folder}/run"))
    print(json.dumps(row), flush=True)
    said = (
        "By `python benchmarks/vq_prior.py`: Fréchet distance of `evaluate` with its own default extractor, 2,000"
        " samples against as many held-out pictures; PSNR, perplexity and nats of 2,000 held-out pictures. Nats are the"
        " prior's, of the mixture of its classes; log K is what a code costs that is drawn evenly."
    )
    print(tables.write("vq_prior", "A prior on the codes of a VQ-VAE, beside codes drawn evenly", said, [row]))


if __name__ == "__main__":
    main()
