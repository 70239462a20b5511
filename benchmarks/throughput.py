"""Items a second through the whole of our loop (averaged weights, log, checkpoints) against the plainest correct loop.

    python benchmarks/throughput.py [MODEL …] [--gans] [--threads 2] [--rounds 7] [--seconds 6]

Same network, data, batch and chance. First the losses are compared step by step; then both train in turns, A B A B, and
the rates over all rounds are compared, beside the least and greatest ratio of a pair. Ours writes a checkpoint as often
as `fit` does: after each 60 seconds of its time, so rounds × seconds should be more than that. On one thread seconds
are the processor's own, which other work on the machine does not take.

`--gans` is the adversarial family, on pictures of 32×32 (results/throughput_gans.md). Beside it stands what share of
the machine's convolution rate our step reaches: its floating-point operations, counted, over those of the fastest of
some plain convolutions, which runs in turn with the two.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.nn.functional import conv2d
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

import plain_gans
import tables
from plain import PLAIN, STEPS, TEXTS, batches
from reverie.catalog import find
from reverie.core import Batch, Field, Items, Spec
from reverie.kinds.domains import Domains
from reverie.training.build import build_model
from reverie.training.log import Log
from reverie.training.progress import Silent
from reverie.training.seeds import reseed
from reverie.training.session import SAVE_SECONDS, Session, Sums, log_interval
from reverie.training.trainer import Plan, Trainer

SETS = {
    "dcgan": "small", "wgan_gp": "small", "vae": "paper", "gpt": "nanogpt_cpu",
    "recurrent_lm": "small",
    "convolutional": "small", "feedforward": "dense",
}  # fmt: skip
GANS = tuple(plain_gans.PLAIN)  # each at its set `small`
LABELLED = ("convolutional", "feedforward", "cgan", "sagan", "biggan")
WINDOWS = {"gpt": 64, "recurrent_lm": 128}  # tokens that are predicted
CHECKED = 5  # steps whose losses are compared, in float64: in float32 a GAN's part by rounding alone
LOSSES = ("loss", "discriminator", "critic", "generator", "discriminators", "generators")
LAZY = {"stylegan2": 16}  # steps after which every update has had its turn, where that is not one
CONVOLUTIONS = ((32, 64, 64, 32), (32, 128, 128, 16), (64, 256, 256, 8))  # items, channels in and out, side


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


def data(model: str) -> tuple[Spec, Items, tuple[Tensor, ...]]:
    """Spec, our items, and the tensors of a plain loop. Speed does not depend on what the pictures show."""
    g = torch.Generator().manual_seed(0)
    if model in WINDOWS:
        length = WINDOWS[model] + 1
        tokens = torch.randint(65, (TEXTS, length), generator=g)
        return Spec("text", {"text": Field((length,), categories=65, start=0)}), Held("text", tokens), (tokens,)
    side, channels = (32, 3) if "gan" in model or model == "progressive" else (28, 1)
    pictures = torch.randint(256, (5_000, side, side, channels), generator=g, dtype=torch.uint8)
    label = torch.randint(10, (5_000,), generator=g) if model in LABELLED else None
    spec = Spec(
        "image",
        {"image": Field((channels, side, side), levels=256)},
        {"label": Field((), categories=10)} if label is not None else {},
    )
    if model == "cyclegan":
        halves = {name: Held("image", half) for name, half in zip("AB", pictures.split(2_500))}
        tensors = tuple(half.take(torch.arange(2_500))["image"].contiguous() for half in halves.values())
        return replace(spec, domains=("A", "B")), Domains(halves), tensors
    items = Held("image", pictures, label)
    x = items.take(torch.arange(5_000))["image"].contiguous()
    return spec, items, (x,) if label is None else (x, label)


class Operations(TorchDispatchMode):
    """Counts as torch's FlopCounterMode does, whose hooks on modules a gradient penalty does not survive."""

    total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        counts = flop_registry.get(func._overloadpacket)
        self.total += counts(*args, **(kwargs or {}), out_val=out) if counts else 0
        return out


def clock() -> Callable[[], float]:
    return time.process_time if torch.get_num_threads() == 1 else time.perf_counter


class Pair:
    """Ours and the plain loop, from the same weights."""

    def __init__(self, name: str, folder: Path, other: Callable[[Any], Any], change: Callable[[Any], Any]):
        family = find(name)
        config, training = getattr(family.load().Config, SETS.get(name, "small"))()
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
        self.batches, self.unsaved, self.clock = self.endless(tensors), 0.0, clock()

    def endless(self, tensors: tuple[Tensor, ...]) -> Iterator[Any]:
        """The same batches as ours, through a DataLoader; of domains, through one each."""
        streams = list(self.trainer.stream.domains.values())
        for k in count(0, 200):
            if streams:
                orders = [[stream.index(j).tolist() for j in range(k, k + 200)] for stream in streams]
                yield from zip(*(batches((one,), order) for one, order in zip(tensors, orders)))
            else:
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

    def agree(self, steps: int) -> list[tuple[float, float]]:
        """Losses of the first steps, ours beside theirs: of a GAN the sum of both networks' last ones."""
        pairs = []
        for _ in range(steps):
            logs = self.trainer.advance(STEPS)
            names = [k for k in LOSSES if k in logs]
            pairs.append((float(sum(logs[k] for k in names)), self.plain.step(self.batches)))
        return pairs

    def operations(self, steps: int) -> float:
        """Floating-point operations of a step of ours, the mean over some."""
        with Operations() as counted:
            for _ in range(steps):
                self.trainer.advance(STEPS)
        return counted.total / steps


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
    losses = checked.agree(CHANGED[name].checked if name in CHANGED else CHECKED)
    torch.set_default_dtype(torch.float32)
    apart = max(abs(a - b) / max(1.0, abs(b)) for a, b in losses)
    if not apart <= 1e-6:  # NaN is not equal either
        raise SystemExit(f"{name}: the losses differ ({losses}): not the same mathematics, so no ratio")
    return apart


class Change(NamedTuple):
    """What is measured of a named set but for a field or two, and how many steps then show all of its mathematics."""

    fields: dict[str, Any]
    checked: int


CHANGED = {
    # grows in the first four steps, so that the losses of fading and whole sizes are compared and the full size timed
    "progressive": Change({"growing": 4 / STEPS}, 6),
    "cyclegan": Change({"pool": 4}, 4),  # full after a batch, so that old pictures are seen
    # in float64 a step takes seconds; the second has seen an update of each network
    "sagan": Change({}, 2),
    "biggan": Change({}, 2),
    "stylegan2": Change({}, 3),
}


def changed(name: str) -> Callable[[Any], Any]:
    return lambda config: replace(config, **CHANGED[name].fields) if name in CHANGED else config


class Convolution:
    """The fastest of some plain convolutions, forward, channels-last."""

    def __init__(self, seconds: float):
        self.made = {shape: self.make(*shape) for shape in CONVOLUTIONS}
        self.shape = max(CONVOLUTIONS, key=lambda shape: self.rate(seconds, shape))

    def make(self, items: int, inputs: int, outputs: int, side: int) -> tuple[Tensor, Tensor]:
        x, weight = torch.randn(items, inputs, side, side), torch.randn(outputs, inputs, 3, 3)
        return tuple(t.contiguous(memory_format=torch.channels_last) for t in (x, weight))  # type: ignore[return-value]

    @torch.inference_mode()
    def rate(self, seconds: float, shape: tuple[int, ...] = ()) -> float:
        """Floating-point operations a second."""
        items, inputs, outputs, side = shape = shape or self.shape
        now = clock()
        (x, weight), done, begun = self.made[shape], 0, now()
        while now() - begun < seconds:
            conv2d(x, weight, padding=1)
            done += 1
        return done * 2 * 9 * items * inputs * outputs * side**2 / (now() - begun)


def measure_gan(name: str, rounds: int, seconds: float) -> dict[str, object]:
    """The same, with the share of the convolution rate; each round measures that, too."""
    torch.set_default_dtype(torch.float32)
    convolution, rates = Convolution(seconds / 8), []

    def between() -> None:
        rates.append(convolution.rate(seconds / 4))

    row, timed = measure(name, rounds, seconds, between)
    operations, rate = timed.operations(LAZY.get(name, 1)), statistics.mean(rates)
    steps = float(row["ours, items a second"]) / timed.batch  # type: ignore[arg-type]
    return {
        **row,
        "GFLOP a step": operations / 1e9,
        "convolution, GFLOP/s": rate / 1e9,
        "share of it": operations * steps / rate,
    }


def measure(
    name: str, rounds: int, seconds: float, between: Callable[[], object] = bool
) -> tuple[dict[str, object], Pair]:
    make = pair(name, (PLAIN | plain_gans.PLAIN)[name], changed(name))
    with tempfile.TemporaryDirectory() as folder:
        apart = agreement(name, make(Path(folder) / "check", torch.float64))
        timed = make(Path(folder) / "timed", torch.float32)
        for first in (timed.ours, timed.theirs):
            first(seconds / 4)  # start-up
        runs = [(timed.ours(seconds), timed.theirs(seconds), between()) for _ in range(rounds)]
    ratios = [a / b for a, b, _ in runs]
    row: dict[str, object] = {
        "model": name,
        "batch": timed.batch,
        "losses apart": apart,
        "ours, items a second": statistics.mean(a for a, *_ in runs),
        "plain loop": statistics.mean(b for _, b, _ in runs),
        "ratio": statistics.mean(a for a, *_ in runs) / statistics.mean(b for _, b, _ in runs),
        "least": min(ratios),
        "greatest": max(ratios),
        "rounds": rounds,
    }
    return row, timed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*")
    parser.add_argument("--gans", action="store_true", help="the adversarial family, where no model is named")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=10.0)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    rows, models = [], asked.models or sorted(GANS if asked.gans else SETS)
    said = "By `python benchmarks/throughput.py{}`, in turns; ratio of the rates, least and greatest of a pair."
    share = " Share: of the rate of the fastest plain convolution, in turn with both."
    for model in models:
        if model in GANS:
            rows.append(measure_gan(model, asked.rounds, asked.seconds))
        else:
            rows.append(measure(model, asked.rounds, asked.seconds)[0])
        print(json.dumps(rows[-1]), flush=True)
        if not asked.models and asked.gans:  # a page that grows
            how = f" --gans --threads {asked.threads} --rounds {asked.rounds} --seconds {asked.seconds:g}"
            told = said.format(how) + share
            tables.write("throughput_gans", "GANs beside the plainest correct PyTorch loop", told, rows)
    if not asked.models and not asked.gans:
        print(tables.write("throughput", "Beside the plainest correct PyTorch loop", said.format(""), rows))
