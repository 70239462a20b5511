"""Does each planted fault get its right name, and a good run none?

    python benchmarks/verdicts.py [FAULT …] [--seeds 5] [--out runs/verdicts] [--resamples 20]

Trains, on the pictures that travel in the package: `frozen` (a dcgan at 1 % of its usual training), `fifty` (what `fit`
chooses for 50 pictures, for too long), `collapsed` (a dcgan whose generator in the end takes 30 turns for each of the
discriminator's, so that it runs to whatever is taken for real at the time: Metz et al. 2017, arXiv:1611.02163),
`copier` (a generator that hands out training pictures), and `good` (a dcgan trained for some minutes); judges each as
`reverie evaluate` does. The good runs' samples are then drawn again and again, and each false alarm is counted.
"""

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

import tables
from reverie import core
from reverie.judging import items
from reverie.judging.course import course
from reverie.judging.evaluate import evaluate
from reverie.judging.samples import classes
from reverie.judging.verdict import verdicts
from reverie.metrics import Sets, copies, judge
from reverie.metrics.distances import Statistics
from reverie.metrics.features import Streamed
from reverie.metrics.image import prepare
from reverie.models.adversarial.dcgan import DCGAN
from reverie.terminal import Terminal
from reverie.training.fit import fit
from reverie.training.run import Run

DATA = "demo-fashion"
NAMES = {
    "frozen": ("undertrained",),
    "fifty": ("memorising", "overfitted"),
    "collapsed": ("collapsed",),
    "copier": ("memorising",),
    "good": ("good",),
}
GOOD_STEPS, DRAWN, JUDGED = 3_000, 4_000, 1_000


class Copier(core.Model):
    """Hands out training pictures, each with an even noise of a grey level or two."""

    def __init__(self, run: Run):
        super().__init__()
        self.spec, self.run = run.spec, run
        self.weight = nn.Parameter(torch.zeros(1))

    def optimizers(self) -> dict[str, Any]:
        return {}

    def updates(self) -> list[Any]:
        return []

    def noise(self, generator: torch.Generator, how: Any) -> Tensor:
        return torch.randint(len(self.run.prepared.train), (1,), generator=generator)

    def sample(self, noise: Tensor, condition: Any, how: Any) -> dict[str, Tensor]:
        x = self.run.prepared.train.take(noise[:, 0])["image"]
        return {"image": (x + 0.02 * torch.sin(37.0 * x)).clamp(-1, 1)}


def made(fault: str, seed: int, out: Path) -> Run:
    """The run with that fault."""
    here = {"out": out / f"{fault}-seed{seed}", "seed": seed, "reporter": Terminal()}
    if fault == "frozen":
        return fit(DATA, "dcgan", set="quick", steps=200, **here)
    if fault == "fifty":
        return fit(fifty(seed, out / f"fifty-pictures-{seed}"), steps=3_000, **here)
    if fault == "collapsed":
        plain = {"training": {"ema_items": 0.0, "steps": 1_500}, **here}
        if not (here["out"] / "report").is_dir():  # else it is past that, and judged
            fit(DATA, "dcgan", set="quick", steps=1_500, **plain)
        with overtaught(30):
            return fit(DATA, "dcgan", set="quick", steps=1_700, **plain)
    run = fit(DATA, "dcgan", set="quick", steps=GOOD_STEPS, **{**here, "out": out / f"good-seed{seed}"})
    if fault == "copier":
        run = Run.open(run.path)
        run.model = Copier(run).eval()  # in place of what was trained; its course stays the good run's
    return run


@contextmanager
def overtaught(turns: int) -> Iterator[None]:
    """Dcgan's generator learns so many times a step."""
    whole = DCGAN.updates

    def updates(self: DCGAN) -> list[core.Update]:
        return [replace(u, repeat=turns) if u.optimizer == "generator" else u for u in whole(self)]

    DCGAN.updates = updates  # type: ignore[method-assign]
    try:
        yield
    finally:
        DCGAN.updates = whole  # type: ignore[method-assign]


def fifty(seed: int, folder: Path) -> Path:
    """Fifty pictures of the set, by seed."""
    if not folder.is_dir():
        from reverie.kinds import DataOptions
        from reverie.kinds.find import open_source

        prepared = open_source(DATA, DataOptions()).prepare()
        some = prepared.train.raw(torch.arange(50) * 97 + 1000 * seed)
        folder.mkdir(parents=True)
        for k, picture in enumerate(some):
            Image.fromarray(picture[..., 0]).save(folder / f"{k:02d}.png")
    return folder


def alarms(run: Run, resamples: int, judged: int = JUDGED) -> list[list[str]]:
    """Verdicts on sample sets drawn anew from 4,000 of the run's samples, whose features are computed once."""
    train, held_out = run.prepared.train, run.prepared.held_out
    fake = items.drawn(run, DRAWN, 1000)
    some = items.Served(train, items.spread(len(train), judged))
    sets = Sets(
        fake, items.Served(held_out, items.spread(len(held_out), judged)), some,
        bank=items.Served(train, torch.arange(len(train))), untrained=items.drawn_untrained(run, judged, 0),
        labels=some.labels(), classes=classes(run),
    )  # fmt: skip
    whole, found = prepare(sets), []
    judge("image", whole)  # so that all that hangs on no sample is there
    for k in range(resamples):
        index = torch.randperm(DRAWN, generator=torch.Generator().manual_seed(k))[:judged]
        part = prepare(replace(sets, fake=fake[index.numpy()], seed=k), whole)
        part.all_fake = Streamed(Statistics.of(whole.fake[index]), whole.fake[index])
        part.copied = copies.Found(*(x[index] for x in whole.copied))
        found.append([v.name for v in verdicts(judge("image", part), course(run))])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faults", nargs="*", default=list(NAMES))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="seed")
    parser.add_argument("--resamples", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("runs/verdicts"))
    asked = parser.parse_args()
    rows = []
    for fault in asked.faults:
        for seed in range(asked.first, asked.first + asked.seeds):
            run = made(fault, seed, asked.out)
            report = evaluate(run)
            names = [v.name for v in report.verdicts]
            row = {
                "planted": fault, "seed": seed, "said": ", ".join(names),
                "right": "yes" if names and names[0] in NAMES[fault] else "NO",
                "evidence": "; ".join(v.evidence for v in report.verdicts),
            }  # fmt: skip
            if fault == "good":
                drawn = alarms(run, asked.resamples)
                row["false alarms"] = f"{sum(one != ['good'] for one in drawn)} of {len(drawn)}"
            rows.append(row)
            print(json.dumps(row, ensure_ascii=False), flush=True)
    if len(asked.faults) == len(NAMES):
        columns = dict.fromkeys(name for row in rows for name in row)
        whole = [{name: row.get(name, "") for name in columns} for row in rows]
        said = "By `python benchmarks/verdicts.py`: planted faults, and how often good runs are accused."
        print(tables.write("verdicts", "Verdicts on planted faults", said, whole))


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    main()
