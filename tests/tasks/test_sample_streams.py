"""Samples go to disk as they are made: memory holds a block of them, however many are asked for."""

import tracemalloc
from argparse import Namespace
from pathlib import Path

import pytest
import torch
from torch import nn

from reverie import core
from reverie.commands import sample
from reverie.commands.places import Places
from reverie.core import Spec
from reverie.kinds import image, molecule
from reverie.kinds.image import Codec
from reverie.training.run import Run

SIDE = 64


class Watching(core.Model):
    """Makes grey pictures, and at every call notes how many files there are."""

    def __init__(self, spec: Spec, folder: Path):
        super().__init__()
        self.spec, self.folder, self.weight, self.there = spec, folder, nn.Parameter(torch.zeros(())), []

    def optimizers(self):
        return {}

    def updates(self):
        return []

    def noise(self, generator, how):
        return torch.zeros(1)

    def sample(self, noise, condition, how):
        self.there.append(len(list(self.folder.glob("*.png"))))
        return {"image": torch.zeros(len(noise), *self.spec.only[1].shape)}


@pytest.fixture
def sampled(tmp_path):
    """Makes so many samples of a run of `Watching` into a folder; gives the model, and the files."""

    def make(count: int):
        out, codec = tmp_path / f"out-{count}", Codec((SIDE, SIDE), 3)
        run = Run(tmp_path / "run", {"model": "watching", "source": {"where": "nowhere"}})
        model = Watching(codec.spec, out).eval().requires_grad_(False)
        vars(run).update(spec=codec.spec, codec=codec, model=model, sampling=None, device=torch.device("cpu"))
        args = Namespace(n=count, seed=0, label="", attribute=None, out=str(out), wav=False)
        place = Places(out, tmp_path / f"{count}.png", own=False)
        return model, sample.written(args, run, image, place)

    return make


def test_a_block_is_written_before_the_next_is_drawn(sampled):
    model, files = sampled(300)
    drawn = [64 * k for k in range(len(model.there))]
    ahead = [made - there for made, there in zip(drawn, model.there)]
    assert len(files) == 300
    assert max(ahead) < sample.AT_ONCE
    assert [file.name for file in files] == [f"sample-{i:06d}.png" for i in range(300)]
    assert all(file.is_file() for file in files)


def test_memory_does_not_grow_with_the_number_of_samples(sampled):
    """What numpy holds at most: beyond a block nothing but the files' names, of less than a tenth of an item."""
    peaks = {}
    for count in (2 * sample.AT_ONCE, 2 * sample.AT_ONCE, 5 * sample.AT_ONCE):  # the first also fills caches
        tracemalloc.start()
        sampled(count)
        peaks[count] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    few, many = peaks
    assert peaks[many] - peaks[few] < (many - few) * SIDE * SIDE * 3 / 10


def test_molecules_of_a_later_block_come_after_those_that_are_there(tmp_path):
    pytest.importorskip("rdkit")
    (table, lines) = molecule.save(["CCO", "not one"], tmp_path)
    assert molecule.save(["c1ccccc1", "CN"], tmp_path, 2) == []
    assert lines.read_text() == "CCO\nc1ccccc1\nCN\n"
    assert [row.split(",")[0] for row in table.read_text().splitlines()[1:]] == ["CCO", "not one", "c1ccccc1", "CN"]
