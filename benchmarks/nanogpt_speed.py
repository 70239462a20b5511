"""Training steps of gpt through our whole loop, against nanoGPT's model and loop on its settings for a CPU.

    git clone https://github.com/karpathy/nanoGPT && python benchmarks/nanogpt_speed.py --nanogpt nanoGPT [--threads 1]

Its `model.py` as it is, with its own optimiser; its loop's steps as `train.py` has them on a CPU: batches cut from a
file of tokens, the rate set by hand, gradients clipped, the loss read at each step as its README's `--log_interval=1`
does. Ours has GELU without approximation, as its has. First the losses are compared step by step, from the same weights
on the same batches; then both train in turns, A B A B. Time is the processor's.
"""

import argparse
import importlib.util
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import tables
import throughput
from plain import STEPS, copy_all
from reverie.core import At

SHAPE = "nanogpt_cpu"  # the set that both have


class NanoGpt:
    """nanoGPT's network with the weights of ours."""

    source: Path  # its model.py

    def __init__(self, model: Any):
        named = importlib.util.spec_from_file_location("nanogpt_model", self.source)
        assert named is not None
        assert named.loader is not None
        module = importlib.util.module_from_spec(named)
        sys.modules["nanogpt_model"] = module
        named.loader.exec_module(module)
        cfg, rows = model.cfg, model.rows
        config = module.GPTConfig(
            block_size=rows.context, vocab_size=rows.vocabulary, n_layer=cfg.layers, n_head=cfg.heads,
            n_embd=cfg.width, dropout=cfg.dropout, bias=cfg.bias,
        )  # fmt: skip
        self.network = module.GPT(config).to(torch.get_default_dtype())
        copy_all(list(self.network.parameters()), list(model.transformer.parameters()))
        betas, self.peak, self.rate = (cfg.beta1, cfg.beta2), cfg.learning_rate, model.updates()[0].rate
        self.optimizer = self.network.configure_optimizers(cfg.weight_decay, self.peak, betas, "cpu")
        self.context, self.turns = rows.context, 0

    def step(self, batch: Any) -> float:
        """On our windows."""
        windows = next(batch)
        return self.learn(windows[:, :-1].contiguous(), windows[:, 1:].contiguous())

    def learn(self, x: Tensor, y: Tensor) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self.peak * self.rate(At(self.turns, 0, STEPS))
        _, loss = self.network(x, y)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.turns += 1
        return loss.item()

    def cut(self, file: Path, count: int) -> tuple[Tensor, Tensor]:
        """Windows of its file of tokens, as its `get_batch` cuts them."""
        data, t = np.memmap(file, dtype=np.uint16, mode="r"), self.context
        starts = torch.randint(len(data) - t, (count,)).tolist()
        x = torch.stack([torch.from_numpy(data[i : i + t].astype(np.int64)) for i in starts])
        y = torch.stack([torch.from_numpy(data[i + 1 : i + 1 + t].astype(np.int64)) for i in starts])
        return x, y


def theirs(plain: NanoGpt, file: Path, batch: int, seconds: float) -> float:
    """Items a second."""
    begun, done = time.process_time(), 0
    while time.process_time() - begun < seconds:
        plain.learn(*plain.cut(file, batch))
        done += batch
    return done / (time.process_time() - begun)


def measure(folder: Path, rounds: int, seconds: float) -> dict[str, object]:
    make = throughput.pair("gpt", NanoGpt, lambda config: replace(config, dense="gelu_erf"))
    apart = throughput.agreement("gpt", make(folder / "check", torch.float64))
    pair = make(folder / "timed", torch.float32)
    pair.clock = time.process_time
    file = folder / "train.bin"
    np.random.default_rng(0).integers(65, size=1_003_854).astype(np.uint16).tofile(file)
    runs = []
    for _ in range(rounds + 1):
        runs.append((pair.ours(seconds), theirs(pair.plain, file, pair.batch, seconds)))
    runs = runs[1:]  # the first is start-up
    ratios = [a / b for a, b in runs]
    return {
        "set": SHAPE,
        "batch": pair.batch,
        "losses apart": apart,
        "ours, items a second": statistics.median(a for a, _ in runs),
        "nanoGPT": statistics.median(b for _, b in runs),
        "ratio": statistics.median(ratios),
        "least": min(ratios),
        "greatest": max(ratios),
        "rounds": rounds,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nanogpt", type=Path, required=True, help="its folder, with model.py in it")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=4.0)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    NanoGpt.source = asked.nanogpt / "model.py"
    with tempfile.TemporaryDirectory() as folder:
        row = measure(Path(folder), asked.rounds, asked.seconds)
    print(row)
    said = (
        "By `python benchmarks/nanogpt_speed.py`, in turns: our whole loop beside nanoGPT's model and loop; items a"
        " second of processor time; median, least and greatest ratio."
    )
    print(tables.write("nanogpt_speed", "Training steps beside nanoGPT", said, [row]))
