"""Mixed precision: where it is taken, what it does, and that a run keeps to it."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from reverie.errors import Problem
from reverie.training import precision
from reverie.training.files import write_json
from reverie.training.fit import fit
from reverie.training.precision import mixed, settled
from reverie.training.progress import Silent

CPU = torch.device("cpu")
SMALL = {"set": "tiny", "training": {"batch": 8, "precision": "auto"}}


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "cache"))
    for i, x in enumerate(np.random.default_rng(0).integers(0, 256, (30, 16, 20), dtype=np.uint8)):
        place = tmp_path / "pictures" / str(i % 2)
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(x).save(place / f"{i}.png")
    return tmp_path / "pictures"


@pytest.fixture
def units(monkeypatch):
    """Sets whether this machine has units for bf16."""
    return lambda has: monkeypatch.setattr(precision, "has_units", lambda device: has)


def test_auto_takes_bf16_only_where_there_are_units(units):
    units(True)
    assert [settled(asked, CPU) for asked in ("float32", "bf16", "auto")] == ["float32", "bf16", "bf16"]
    units(False)
    assert [settled(asked, CPU) for asked in ("float32", "auto")] == ["float32", "float32"]
    with pytest.raises(Problem, match="--precision bf16: this cpu has no units for it"):
        settled("bf16", CPU)
    with pytest.raises(Problem, match="--precision fp8: there are float32, bf16, auto"):
        settled("fp8", CPU)


class Nets(nn.Module):
    """Of every way to hold a network."""

    def __init__(self):
        super().__init__()
        self.one, self.plain = nn.Linear(3, 2), nn.ReLU()
        self.many = nn.ModuleList([nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2))])
        self.seen = []
        self.one.register_forward_hook(lambda net, args, said: self.seen.append(said.dtype))

    def forward(self, x):
        x = self.plain(self.one(x))
        for net in self.many:
            x = net(x)
        return x


def test_networks_are_bf16_inside_and_float32_outside_and_only_within():
    nets, x = Nets(), torch.randn(4, 3)
    own = nets(x)
    with mixed(nets, "bf16", CPU):
        said = nets(x)
    assert nets.seen == [torch.float32, torch.bfloat16]  # a hook of theirs sees what they say before it is widened
    assert said.dtype == torch.float32
    assert not torch.equal(said, own)
    assert torch.allclose(said, own, atol=0.05)
    assert torch.equal(nets(x), own)
    assert not torch.is_autocast_enabled("cpu")
    with mixed(nets, "float32", CPU):
        assert torch.equal(nets(x), own)


def test_what_fails_inside_leaves_no_trace():
    nets = Nets()
    with pytest.raises(RuntimeError), mixed(nets, "bf16", CPU):
        nets(torch.randn(4, 7))
    assert not torch.is_autocast_enabled("cpu")
    assert not any(net._forward_pre_hooks for net in nets.modules())


def test_a_run_keeps_its_precision_and_goes_on_bit_for_bit(pictures, tmp_path, units, monkeypatch):
    units(True)
    monkeypatch.setattr("reverie.training.session.SAVE_SECONDS", 0.0)
    whole = fit(pictures, "convolutional", out=tmp_path / "whole", steps=6, predict="labels", **SMALL)
    assert whole.info["plan"]["precision"] == "bf16"
    cut = tmp_path / "cut"

    class Cuts(Silent):
        def step(self, step, *more):
            if step == 3:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(pictures, "convolutional", out=cut, steps=6, predict="labels", reporter=Cuts(), **SMALL)
    fit(pictures, "convolutional", out=cut, steps=6, predict="labels", **SMALL)
    assert (cut / "weights.safetensors").read_bytes() == (whole.path / "weights.safetensors").read_bytes()
    with pytest.raises(Problem, match="was trained with bf16"):
        fit(pictures, out=cut, steps=8, predict="labels", training={"precision": "float32"})
    said = []
    units(False)

    class Says(Silent):
        def say(self, line):
            said.append(line)

    fit(pictures, out=cut, steps=8, predict="labels", reporter=Says())
    assert any("bf16 is slow on this cpu" in line for line in said)


def test_a_run_from_before_there_was_a_choice_is_float32(pictures, tmp_path, units):
    units(True)
    run = fit(pictures, "vae", out=tmp_path / "run", steps=2, set="tiny", training={"batch": 8})
    del run.info["plan"]["precision"], run.info["config"]["decay"]
    write_json(run.path / "run.json", run.info)
    with pytest.raises(Problem, match="was trained with float32"):
        fit(pictures, "vae", out=run.path, steps=4, training={"precision": "bf16"})
    assert fit(pictures, "vae", out=run.path, steps=4, training={"precision": "auto"}).step == 4


def test_the_rest_of_training_is_float32(pictures, tmp_path, units):
    units(True)
    run = fit(pictures, "vae", out=tmp_path / "run", steps=3, **SMALL)
    assert {p.dtype for p in run.model.parameters()} == {torch.float32}
    units(False)
    other = fit(pictures, "vae", out=tmp_path / "other", steps=3, **SMALL)
    assert other.info["plan"]["precision"] == "float32"
    changed = [not torch.equal(a, b) for a, b in zip(run.model.parameters(), other.model.parameters())]
    assert any(changed)
