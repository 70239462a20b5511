"""Items a second through the whole of our loop (averaged weights, log, checkpoints) against the plainest correct loop.

    python benchmarks/throughput.py [MODEL …] [--threads 2] [--rounds 7] [--seconds 6]

Same network, data, batch and chance. First the losses are compared step by step; then both train in turns, A B A B, and
the rates over all rounds are compared, beside the least and greatest ratio of a pair. Ours writes a checkpoint as often
as `fit` does: after each 60 seconds of its time, so rounds × seconds should be more than that.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

import tables
from plain import PLAIN, STEPS, TEXTS, batches
from reverie.catalog import find
from reverie.core import Batch, Field, Spec
from reverie.training.log import Log
from reverie.training.progress import Silent
from reverie.training.run import build_model
from reverie.training.seeds import reseed
from reverie.training.session import SAVE_SECONDS, Session, Sums, log_interval
from reverie.training.trainer import Plan, Trainer

SETS = {
    "dcgan": "small", "wgan_gp": "small", "vae": "paper", "gpt": "nanogpt_cpu",
    "recurrent_lm": "small",
    "convolutional": "small", "feedforward": "dense",
}  # fmt: skip
WINDOWS = {"gpt": 64, "recurrent_lm": 128}  # tokens that are predicted
CHECKED = 5  # steps whose losses are compared, in float64: in float32 a GAN's part by rounding alone


class Held:
    """Items in memory, as the kinds hold them: bytes, made floats batch by batch."""

    def __init__(self, name: str, data: Tensor, label: Tensor | None = None):
        self.name, self.data, self.label = name, data, label

    def __len__(self) -> int:
        return len(self.data)

    def take(self, index: Tensor, vary: bool = False) -> Batch:
        x = self.data[index]
        if x.ndim == 2:
            return Batch({self.name: x})
        label = {} if self.label is None else {"label": self.label[index]}
        return Batch({self.name: x.permute(0, 3, 1, 2).to(torch.get_default_dtype()).div_(127.5).sub_(1), **label})


def data(model: str) -> tuple[Spec, Held, tuple[Tensor, ...]]:
    """Spec, our items, and the tensors of a plain loop. Speed does not depend on what the pictures show."""
    g = torch.Generator().manual_seed(0)
    if model in WINDOWS:
        length = WINDOWS[model] + 1
        tokens = torch.randint(65, (TEXTS, length), generator=g)
        return Spec("text", {"text": Field((length,), categories=65, start=0)}), Held("text", tokens), (tokens,)
    side, channels = (32, 3) if "gan" in model else (28, 1)
    pictures = torch.randint(256, (5_000, side, side, channels), generator=g, dtype=torch.uint8)
    predicts = model in ("convolutional", "feedforward")
    label = torch.randint(10, (5_000,), generator=g) if predicts else None
    spec = Spec(
        "image",
        {"image": Field((channels, side, side), levels=256)},
        {"label": Field((), categories=10)} if predicts else {},
    )
    items = Held("image", pictures, label)
    x = items.take(torch.arange(5_000))["image"].contiguous()
    return spec, items, (x,) if label is None else (x, label)


class Pair:
    """Ours and the plain loop, from the same weights."""

    def __init__(self, name: str, folder: Path, other: Callable[[Any], Any], change: Callable[[Any], Any]):
        family = find(name)
        config, training = getattr(family.load().Config, SETS[name])()
        spec, items, tensors = data(name)
        reseed(0, "model")
        model = build_model(family, change(config), spec)
        self.plain = other(model)
        plan = Plan(training.batch, training.clip, training.ema_items or 10_000.0)
        self.trainer = Trainer(model, items, plan, Fabric(accelerator="cpu", devices=1))
        folder.mkdir()
        facts = {"model": name, "config": {}, "spec": {}}
        self.session = Session(folder, self.trainer, None, Silent(), facts)  # type: ignore[arg-type]
        self.log, self.folder, self.batch = Log(folder, 0), folder, training.batch
        self.batches, self.unsaved, self.clock = self.endless(tensors), 0.0, time.perf_counter

    def endless(self, tensors: tuple[Tensor, ...]) -> Iterator[Any]:
        """The same batches as ours, through a DataLoader."""
        for k in count(0, 200):
            yield from batches(tensors, [self.trainer.stream.index(j).tolist() for j in range(k, k + 200)])

    def ours(self, seconds: float) -> float:
        """Items a second."""
        begun, done, sums, every = self.clock(), 0, Sums(), log_interval(STEPS)
        while self.clock() - begun < seconds:
            done += 1
            sums.add(self.trainer.advance(STEPS, norms=done % every == 0))
            if done % every == 0:
                values = sums.means()
                self.session.sentinel.look(self.trainer.step, values)
                self.log.write(self.trainer.step, done * self.batch, 0.0, values)
            if self.unsaved + self.clock() - begun > SAVE_SECONDS:
                self.session.save()
                self.unsaved -= SAVE_SECONDS
        self.unsaved += self.clock() - begun
        return done * self.batch / (self.clock() - begun)

    def theirs(self, seconds: float) -> float:
        begun, done = self.clock(), 0
        while self.clock() - begun < seconds:
            self.plain.step(self.batches)
            done += 1
        return done * self.batch / (self.clock() - begun)

    def agree(self) -> list[tuple[float, float]]:
        """Losses of the first steps, ours beside theirs: of a GAN the sum of both networks' last ones."""
        pairs = []
        for _ in range(CHECKED):
            logs = self.trainer.advance(STEPS)
            names = [k for k in ("loss", "discriminator", "critic", "generator") if k in logs]
            pairs.append((float(sum(logs[k] for k in names)), self.plain.step(self.batches)))
        return pairs


def pair(
    name: str, other: Callable[[Any], Any], change: Callable[[Any], Any] = lambda config: config
) -> Callable[[Path, torch.dtype], Pair]:
    """Makes a pair in a folder, in a precision; `change` alters the named set's config."""

    def make(folder: Path, dtype: torch.dtype) -> Pair:
        torch.set_default_dtype(dtype)
        return Pair(name, folder, other, change)

    return make


def agreement(name: str, checked: Pair) -> float:
    """How far the losses of the first steps are apart. Ends the program where the mathematics differ."""
    losses = checked.agree()
    torch.set_default_dtype(torch.float32)
    apart = max(abs(a - b) / max(1.0, abs(b)) for a, b in losses)
    if apart > 1e-6:
        raise SystemExit(f"{name}: the losses differ ({losses}): not the same mathematics, so no ratio")
    return apart


def measure(name: str, rounds: int, seconds: float) -> dict[str, object]:
    make = pair(name, PLAIN[name])
    with tempfile.TemporaryDirectory() as folder:
        apart = agreement(name, make(Path(folder) / "check", torch.float64))
        timed = make(Path(folder) / "timed", torch.float32)
        for first in (timed.ours, timed.theirs):
            first(seconds / 4)  # start-up
        runs = [(timed.ours(seconds), timed.theirs(seconds)) for _ in range(rounds)]
    ratios = [a / b for a, b in runs]
    return {
        "model": name,
        "batch": timed.batch,
        "losses apart": apart,
        "ours, items a second": statistics.mean(a for a, _ in runs),
        "plain loop": statistics.mean(b for _, b in runs),
        "ratio": statistics.mean(a for a, _ in runs) / statistics.mean(b for _, b in runs),
        "least": min(ratios),
        "greatest": max(ratios),
        "rounds": rounds,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=sorted(SETS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=10.0)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    rows = []
    for model in asked.models:
        rows.append(measure(model, asked.rounds, asked.seconds))
        print(json.dumps(rows[-1]), flush=True)
    if sorted(asked.models) == sorted(SETS):
        said = "By `python benchmarks/throughput.py`, in turns; ratio of the rates, least and greatest of a pair."
        print(tables.write("throughput", "Beside the plainest correct PyTorch loop", said, rows))
