"""Does the prior on a vq_vae's codes make it sample? Its samples beside those of codes drawn evenly, by one measure.

    python benchmarks/vq_prior.py [DATA] [--set small] [--time 7m | --steps N] [--out RUN]

Trains vq_vae (a run that is in --out already is taken as it is) and judges it by `evaluate`; then, by the same measure
against the same held-out pictures, samples of codes drawn each by itself, all alike. Both go through one decoder, so
that what lies between them is the prior. Beside them, what the codes keep of held-out pictures: reconstructions' peak
signal to noise, the codebook's perplexity, nats of codes against log K each. With --out, the run stays there, with a
sheet of pictures before their reconstructions. Some 15 minutes on one core.
"""

import argparse
import json
import tempfile
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import torch

import reverie
import tables
from reverie.judging.items import spread
from reverie.kinds.find import module
from reverie.metrics.image import judge
from reverie.tasks.codes import blocks, decoded, encoded
from reverie.tasks.vectors import Some
from reverie.training.log import read
from reverie.training.run import Run

PICTURES = 2_000  # held-out ones that are reconstructed, and samples that are judged
SCORED = 250  # of those pictures, whose codes are scored under every class
SHOWN = 32


def distances(run: Run) -> tuple[float, float]:
    """Fréchet's, of samples from the prior as `evaluate` has it, and of uniform codes."""
    held_out = run.prepared.held_out
    real = held_out.raw(spread(len(held_out), PICTURES))
    uniform = next(m for m in judge(real, run.sample(PICTURES, codes="uniform")) if m.name.startswith("frechet"))
    return run.evaluate(samples=PICTURES)["frechet"], uniform.value


@torch.inference_mode()
def kept(run: Run) -> tuple[dict[str, float], np.ndarray, np.ndarray]:
    """What codes keep of held-out pictures and what they cost, the first pictures, and their reconstructions."""
    held_out, model = run.prepared.held_out, run.model
    index = spread(len(held_out), PICTURES)
    items = Some(held_out, index)
    codes = encoded(run, items)
    raw, made = held_out.raw(index), run.codec.decode(decoded(run, codes))
    error = np.square(raw.astype(np.float64) - made).mean((1, 2, 3))
    chosen = torch.cat([model.indices(batch)[:n].cpu() for batch, n in blocks(items)])
    shares = torch.bincount(chosen.flatten(), minlength=model.cfg.codebook).double() / chosen.numel()
    nats = model.code_nll(codes[:: PICTURES // SCORED]).mean()
    said = {
        "PSNR, dB": float(np.mean(10 * np.log10(255**2 / error))),
        "PSNR of the mean error, dB": float(10 * np.log10(255**2 / error.mean())),
        "perplexity": float(torch.special.entr(shares).sum().exp()),
        "nats a code": float(nats) / model.places,
        "log K": log(model.cfg.codebook),
    }
    return said, raw[:SHOWN], made[:SHOWN]


def measure(data: str, name: str, long: dict[str, Any], out: Path) -> dict[str, object]:
    run = reverie.fit(data, model="vq_vae", set=name, out=out, **long)
    minutes = read(out / "log.jsonl")[-1]["seconds"] / 60
    said, raw, made = kept(run)
    module(run.spec.kind).show(
        np.concatenate([x for pair in zip(raw, made) for x in (pair[0][None], pair[1][None])]),
        out / "reconstructions.png",
    )
    prior, uniform = distances(run)
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
        " samples against as many held-out pictures; PSNR and perplexity of those, nats of 250 of them. Nats are the"
        " prior's, of the mixture of its classes; log K is what a code costs that is drawn evenly. Minutes are of"
        " training and its looks, on one core of two, both busy with other work."
    )
    print(tables.write("vq_prior", "A prior on the codes of a VQ-VAE, beside codes drawn evenly", said, [row]))


if __name__ == "__main__":
    main()
