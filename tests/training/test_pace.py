"""Time as a number of steps: which steps are timed, and that they leave no trace."""

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from reverie.core import Batch, Loss, Model, Spec, Update
from reverie.spec import Field
from reverie.training import pace
from reverie.training.pace import place, step_seconds
from reverie.training.trainer import Plan, Trainer
from toys import Values


class Watched(Model):
    """Learns a number, and keeps in mind where each turn stood in the schedule."""

    def __init__(self):
        super().__init__()
        self.spec, self.at = Spec("row", {"x": Field((1,))}), []
        self.mu = nn.Parameter(torch.zeros(1))

    def loss(self, batch: Batch, at) -> Loss:
        self.at.append(at)
        return Loss((batch["x"] - self.mu).square().sum(), len(batch))

    def optimizers(self):
        return {"adam": torch.optim.Adam([self.mu], lr=0.5)}

    def updates(self):
        return [Update("adam", self.loss)]


@pytest.mark.parametrize("count", [2, 8, 50])
def test_timed_steps_lie_evenly_over_the_schedule(count):
    """A multiple of the golden ratio's fraction leaves no gap wider than 2.2 times the even one."""
    places = sorted(place(k) / pace.LONG for k in range(count))
    gaps = [b - a for a, b in zip([0.0, *places], [*places, 1.0])]
    assert max(gaps) < 2.2 / count
    assert abs(sum(places) / count - 0.5) < 0.6 / count + pace.CYCLE / pace.LONG


@pytest.mark.parametrize("every", [2, 4, 8, 16])
def test_what_comes_every_so_many_steps_is_timed_as_often(every):
    assert [place(k) % every == 0 for k in range(48)] == [k % every == 0 for k in range(48)]


def test_a_trial_sees_the_whole_schedule_and_leaves_no_trace(monkeypatch):
    monkeypatch.setattr(pace, "WARM_UP", 0.05)
    model = Watched()
    trainer = Trainer(
        model, Values({"x": torch.arange(6.0)[:, None]}), Plan(batch=3), Fabric(accelerator="cpu", devices=1)
    )
    assert step_seconds(trainer) > 0
    progress = [at.progress for at in model.at[1:]]
    assert len(progress) > 2
    assert min(progress) < 0.5 < max(progress)
    assert (trainer.step, trainer.turns, float(model.mu.detach())) == (0, 0, 0.0)
    assert not any(trainer.optimizers["adam"].state.values())
