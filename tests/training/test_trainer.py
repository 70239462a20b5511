"""The trainer's own claims, on models small enough to work out by hand."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from reverie.core import Batch, Loss, Model, Spec, Update
from reverie.errors import Diverged, Problem
from reverie.spec import Field
from reverie.training.ema import Average
from reverie.training.sentinel import FIRST, Sentinel
from reverie.training.stream import Stream
from reverie.training.trainer import Plan, Trainer
from toys import Values

SPEC = Spec("row", {"x": Field((1,))})


class Mean(Model):
    """Learns the mean of x by plain gradient descent, and counts in a buffer what it has seen."""

    def __init__(self, rate=lambda at: 1.0):
        super().__init__()
        self.spec, self.rate = SPEC, rate
        self.mu = nn.Parameter(torch.zeros(1, dtype=torch.float64))
        self.register_buffer("seen", torch.zeros(2, dtype=torch.float64))

    def loss(self, batch: Batch, at) -> Loss:
        x = batch["x"]
        error = (x - self.mu).square().sum() / 2
        return Loss(error, len(x), {"error": error}, {"sum": x.sum()})

    def optimizers(self):
        return {"sgd": torch.optim.SGD([self.mu], lr=0.5)}

    def updates(self):
        return [Update("sgd", self.loss, rate=self.rate)]

    def absorb(self, stats, count):
        self.seen += torch.stack([stats["sum"], torch.tensor(count, dtype=torch.float64)])


def numbers(count: int) -> Values:
    return Values({"x": torch.arange(count, dtype=torch.float64)[:, None]})


def trainer(model=None, count=10, **plan) -> Trainer:
    return Trainer(model or Mean(), numbers(count), Plan(**plan), Fabric(accelerator="cpu", devices=1))


def test_the_gradient_is_the_mean_over_unequal_shards():
    """10 items in 3 shards: one step from 0 at rate 1/2 lands on half the mean."""
    t = trainer(batch=10, shards=3)
    logs = t.advance(1)
    assert t.model.mu.item() == pytest.approx(4.5 / 2, abs=1e-12)
    assert logs["error"].item() == pytest.approx(sum(i * i for i in range(10)) / 20, abs=1e-12)


def test_statistics_are_absorbed_once_an_update_over_all_shards():
    t = trainer(batch=10, shards=3)
    t.advance(2)
    t.advance(2)
    assert t.model.seen.tolist() == [90.0, 20.0]


class Begun(Mean):
    """Begins at the first batch's mean."""

    def begin(self, stream) -> None:
        self.mu.copy_(stream(0)["x"].mean(0))


def test_what_the_data_set_is_set_before_the_first_step_and_a_checkpoint_overrules_it():
    new = trainer(Begun(), batch=3, ema_items=5.0)
    first = float(new.model.mu.detach())
    assert first == float(trainer(Begun(), batch=3).model.mu.detach()) != 0
    assert float(new.average.weights().mu) == first
    new.advance(10)
    later = trainer(Begun(), batch=3, ema_items=5.0)
    later.load(new.state())
    assert float(later.model.mu.detach()) == float(new.model.mu.detach()) != first


def test_the_rate_is_a_function_of_the_step():
    t = trainer(Mean(rate=lambda at: 0.0 if at.step == 0 else 1.0), batch=10)
    t.advance(2)
    assert t.model.mu.item() == 0.0
    t.advance(2)
    assert t.model.mu.item() == pytest.approx(2.25, abs=1e-12)


def test_clipping_bounds_the_gradient():
    t = trainer(batch=10, clip=0.1)
    t.advance(1)
    assert t.model.mu.item() == pytest.approx(0.05, abs=1e-6)


def test_repeat_and_every_say_how_often_an_update_takes_its_turn():
    model = Mean()
    model.updates = lambda: [Update("sgd", model.loss, repeat=3, every=2)]
    t = trainer(model, batch=5)
    for _ in range(4):
        t.advance(4)
    assert t.turns == 6


@pytest.mark.parametrize(("count", "batch"), [(10, 4), (3, 8), (7, 7), (1, 3)])
def test_an_epoch_holds_every_item_once(count, batch):
    stream = Stream(numbers(count), batch, seed=0)
    drawn = torch.cat([stream.index(k) for k in range(count)])  # count batches are `batch` epochs
    for epoch in drawn.split(count):
        assert sorted(epoch.tolist()) == list(range(count))


def test_a_batch_is_a_function_of_its_number_alone():
    walked, jumped = Stream(numbers(50), 8, seed=3), Stream(numbers(50), 8, seed=3)
    for k in range(40):
        last = walked.index(k)
    assert torch.equal(last, jumped.index(39))
    assert not torch.equal(walked.index(0), Stream(numbers(50), 8, seed=4).index(0))


def test_shards_are_the_batch_cut_in_parts():
    whole, parts = Stream(numbers(50), 10, 0), Stream(numbers(50), 10, 0, shards=4)
    assert torch.equal(torch.cat([parts.shard(2, s)["x"] for s in range(4)]), whole.shard(2, 0)["x"])


def test_the_average_forgets_half_in_a_half_life():
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    average = Average(model, half_life=100)
    nn.init.ones_(model.weight)
    for k in range(10):
        average.update(10, 10**6 + 10 * k)  # long past the ramp
    assert average.weights().weight.item() == pytest.approx(0.5, abs=1e-6)


def test_without_a_half_life_the_average_is_the_weights():
    model = nn.Linear(1, 1)
    average = Average(model, half_life=0)
    nn.init.ones_(model.weight)
    average.update(10, 10)
    assert average.weights().weight.item() == 1.0


def test_shards_that_the_processes_do_not_divide_are_refused():
    with pytest.raises(Problem, match=r"--shards 3.*2 processes"):
        Trainer(Mean(), numbers(4), Plan(shards=3), World(2))  # type: ignore[arg-type]


class World:
    """Only what the check needs: how many processes there are."""

    def __init__(self, size: int):
        self.world_size = size


def test_nan_is_named():
    with pytest.raises(Diverged, match=r"loss became nan at step 7.*--learning-rate"):
        Sentinel().look(7, {"loss": float("nan")})


def test_a_loss_that_explodes_is_named_and_one_that_wanders_is_not():
    sentinel = Sentinel()
    for step in range(FIRST):
        sentinel.look(step, {"loss": 2.0})
    sentinel.look(FIRST, {"loss": 2_000.0})
    with pytest.raises(Diverged, match=r"loss grew to 1e\+06 by step 99"):
        sentinel.look(99, {"loss": 1e6})


def test_weights_that_are_not_finite_are_not_kept():
    with pytest.raises(Diverged, match="weight is not finite"):
        Sentinel().check(1, [torch.ones(3), torch.tensor([1.0, float("inf")])])


@pytest.mark.parametrize("processes", [2, 4])
def test_more_processes_learn_the_same(processes, tmp_path):
    """Every model, four shards, ten steps in float64: 1 = 2 = 4 processes to 1e-9."""
    script = Path(__file__).with_name("processes.py")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[1])}
    one, many = tmp_path / "one.pt", tmp_path / "many.pt"
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    subprocess.run([sys.executable, script, one], check=True, env=environment, timeout=300)
    subprocess.run([*launch, script, many], check=True, env=environment, timeout=300)
    alone, shared = torch.load(one), torch.load(many)
    assert alone.keys() == shared.keys()
    assert alone
    for name in alone:
        assert (alone[name] - shared[name]).abs().max().item() < 1e-9, name
