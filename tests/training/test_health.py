"""Signs of trouble in a log, each said when it shows and only then; and the gradients' norms that they read."""

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from PIL import Image
from torch import nn

from reverie.core import Loss, Model, Spec, Update
from reverie.errors import Diverged
from reverie.models.adversarial.dcgan import DCGAN
from reverie.spec import Field
from reverie.training import health
from reverie.training.fit import fit
from reverie.training.log import read
from reverie.training.progress import Silent
from reverie.training.sentinel import FIRST, Sentinel
from reverie.training.trainer import Plan, Trainer
from toys import Values

HEALTHY = {
    "discriminator": 0.8, "real": 0.7, "fake": 0.3, "generator": 1.5, "distance": 1.2, "sample_spread": 0.8,
    "kl": 20.0, "active_units": 9.0,
    "codes_used": 0.9,
    "gradient_norm": 2.0, "gradient_norm_generator": 2.0, "gradient_norm_discriminator": 2.0, "held_out_nats": 1.0,
}  # fmt: skip
USUAL = {name: 2.0 for name in HEALTHY if name.startswith("gradient_norm")}


def test_of_a_healthy_run_nothing_is_said():
    assert health.health(HEALTHY, USUAL) == ""
    assert health.health({"loss": 3.0}, {}) == ""
    assert health.health({}, {}) == ""


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"real": 0.999, "fake": 0.001}, "the discriminator has won (it calls real items real with 0.999, made"),
        ({"distance": -0.25}, "the critic rates made items above real ones (gap -0.25)"),
        ({"sample_spread": 0.03}, "samples are all alike (spread 3% of real)"),
        ({"kl": 0.02, "active_units": 0.0}, "posterior collapse: the code says nothing of its item (KL 0.02 nats"),
        ({"codes_used": 0.05}, "only 5% of the codes are in use"),
        ({"gradient_norm_generator": 500.0}, "the generator gradient's norm rose to 500, 250 times"),
        ({"gradient_norm": 500.0}, "the gradient's norm rose to 500, 250 times"),
    ],
)
def test_each_sign_is_said_and_no_other_with_it(values, says):
    said = health.health({**HEALTHY, **values}, USUAL)
    assert says in said
    assert ";" not in said.replace("it does not keep up; ", "").replace("recovers; ", "")
    assert len(health.signs({**HEALTHY, **values}, USUAL)) == 1


@pytest.mark.parametrize(
    "values",
    [
        {"real": 0.999, "fake": 0.05},
        {"real": 0.9, "fake": 0.001},
        {"distance": 0.0},
        {"sample_spread": 0.11},
        {"kl": 0.02},  # of units that are in use
        {"active_units": 0.0},  # each by a little, which adds up
        {"codes_used": 0.11},
        {"gradient_norm_generator": 199.0},
        {"gradient_norm_newer": 1e9},  # of which no beginning is known
    ],
)
def test_short_of_it_nothing_is_said(values):
    assert health.health({**HEALTHY, **values}, USUAL) == ""


def test_several_signs_are_said_in_one_line():
    said = health.health({"real": 1.0, "fake": 0.0, "sample_spread": 0.0}, {})
    assert "has won" in said
    assert "all alike (spread 0% of real)" in said
    assert "\n" not in said


def test_a_divergence_says_what_showed_before_it():
    sentinel = Sentinel()
    sentinel.look(1, {"loss": 1.0, "real": 0.5, "fake": 0.5})
    sentinel.look(2, {"loss": 1.0, "real": 1.0, "fake": 0.0})
    with pytest.raises(Diverged, match=r"loss became nan at step 3.*What showed before: the discriminator has won"):
        sentinel.look(3, {"loss": float("nan"), "real": float("nan"), "fake": float("nan")})
    with pytest.raises(Diverged) as plain:
        Sentinel().look(3, {"loss": float("nan")})
    assert "showed" not in str(plain.value)


def test_a_gradient_that_grows_is_a_sign_and_no_end_but_one_that_is_not_finite_is():
    sentinel = Sentinel()
    for step in range(FIRST):
        sentinel.look(step, {"gradient_norm": 0.5})
    sentinel.look(99, {"gradient_norm": 1e6})
    assert "2,000,000 times" in sentinel.note({"gradient_norm": 1e6})[0]
    with pytest.raises(Diverged, match="gradient_norm became inf"):
        sentinel.look(100, {"gradient_norm": float("inf")})


def test_a_sign_is_said_once_while_it_lasts_also_after_a_cut():
    sentinel, bad, good = Sentinel(), {"sample_spread": 0.01}, {"sample_spread": 0.9}
    assert len(sentinel.note(bad)) == 1
    assert sentinel.note(bad) == []
    later = Sentinel()
    later.load(sentinel.state())
    assert later.note(bad) == []
    assert later.note(good) == []
    assert len(later.note(bad)) == 1


# ------------------------------------------------------------------------------------------------------------ gradients


class Two(Model):
    """Two parameters of an optimiser each, whose gradients are known: of a·w it is the mean of a."""

    def __init__(self, several: bool = True):
        super().__init__()
        self.spec, self.several = Spec("row", {"x": Field((2,))}), several
        self.one, self.other = (nn.Parameter(torch.ones(2, dtype=torch.float64)) for _ in range(2))

    def optimizers(self):
        one, other = ({"params": [p]} for p in (self.one, self.other))
        if not self.several:
            return {"sgd": torch.optim.SGD([one, other], lr=0.1)}
        return {"one": torch.optim.SGD([one], lr=0.1), "other": torch.optim.SGD([other], lr=0.1)}

    def updates(self):
        if not self.several:
            return [Update("sgd", lambda batch, at: self.loss(batch, self.one + 2 * self.other))]
        return [
            Update("one", lambda batch, at: self.loss(batch, self.one)),
            Update("other", lambda batch, at: self.loss(batch, 2 * self.other), repeat=2),
        ]

    def loss(self, batch, w):
        total = (batch["x"] * w).sum()
        return Loss(total, len(batch), {"loss": total})


X = torch.tensor([[3.0, 4.0], [3.0, 4.0], [9.0, 12.0]], dtype=torch.float64)  # mean (5, 20/3)


def trainer(several=True, **plan):
    return Trainer(Two(several), Values({"x": X}), Plan(batch=3, **plan), Fabric(accelerator="cpu", devices=1))


@pytest.mark.parametrize("shards", [1, 2])
@pytest.mark.parametrize("clip", [0.0, 0.5])
def test_the_logged_norm_is_that_of_the_mean_gradient_before_clipping(shards, clip):
    """|(5, 20/3)| = 25/3 for one, twice that for the other; of both in one optimiser the root of the sum of squares."""
    logs = trainer(shards=shards, clip=clip).advance(1, norms=True)
    assert logs["gradient_norm_one"].item() == pytest.approx(25 / 3, rel=1e-12)
    assert logs["gradient_norm_other"].item() == pytest.approx(50 / 3, rel=1e-12)
    alone = trainer(several=False, shards=shards, clip=clip).advance(1, norms=True)
    assert alone["gradient_norm"].item() == pytest.approx(5**0.5 * 25 / 3, rel=1e-12)


def test_norms_are_taken_where_they_are_asked_for_and_change_nothing():
    plain, with_norms = trainer(clip=0.5), trainer(clip=0.5)
    for _ in range(3):
        one, other = plain.advance(3), with_norms.advance(3, norms=True)
        assert set(other) - set(one) == {"gradient_norm_one", "gradient_norm_other"}
        assert all(torch.equal(one[k], other[k]) for k in one)
    assert torch.equal(plain.model.one, with_norms.model.one)
    assert torch.equal(plain.model.other, with_norms.model.other)


# ---------------------------------------------------------------------------------------------------------- whole runs


class Told(Silent):
    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


def test_a_run_logs_its_health_and_a_collapse_is_said_once_and_ends_nothing(tmp_path, monkeypatch):
    """A generator that hears nothing of its noise makes one picture over and over."""
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(DCGAN, "noise", lambda self, generator, how: torch.zeros(self.cfg.latents))
    folder, told = tmp_path / "pictures", Told()
    folder.mkdir()
    for i, x in enumerate(np.random.default_rng(0).integers(0, 256, (60, 16, 20), dtype=np.uint8)):
        Image.fromarray(x).save(folder / f"{i}.png")
    run = fit(folder, "dcgan", out=tmp_path / "run", steps=120, set="tiny", training={"batch": 8}, reporter=told)
    lines = read(run.path / "log.jsonl")
    assert [line["step"] for line in lines if "sample_spread" in line] == [50, 100, 120]
    assert all(line["sample_spread"] < 1e-3 for line in lines if "sample_spread" in line)
    assert all(line["gradient_norm_generator"] > 0 < line["gradient_norm_discriminator"] for line in lines)
    assert sum("samples are all alike (spread 0% of real)" in line for line in told.lines) == 1
    assert run.step == 120
