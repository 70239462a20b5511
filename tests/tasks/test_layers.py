"""What `models --show` says of a layer is what the layer does."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from reverie.core import At, Batch, Field, Loss, Model, Spec, Update
from reverie.tasks.layers import dead, random_batch, turns

SPEC = Spec("image", {"x": Field((3,), low=-2, high=2)})


class Two(Model):
    """Two networks, each with an update of its own; all weights known."""

    def __init__(self):
        super().__init__()
        self.spec = SPEC
        self.first, self.second = nn.Linear(3, 4, bias=False), nn.Linear(4, 1, bias=False)
        with torch.no_grad():
            self.first.weight.copy_(torch.eye(4, 3))
            self.first.weight[3] = -100  # for inputs above 0 this unit of the ReLU never opens
            self.second.weight.fill_(2)

    def forward(self, x):
        return self.second(F.relu(self.first(x)))

    def optimizers(self):
        return {name: torch.optim.SGD(getattr(self, name).parameters(), lr=1) for name in ("first", "second")}

    def updates(self):
        return [Update("first", self.loss), Update("second", self.loss)]

    def loss(self, batch: Batch, at: At) -> Loss:
        y = self(batch["x"])
        return Loss(y.sum(), len(y), {"loss": y.sum(), "logged": y.sigmoid().sum()})


def shown():
    model = Two()
    x = torch.tensor([[1.0, 2.0, 3.0], [3.0, 2.0, 5.0]])
    return model, turns(model, Batch({"x": x}))


def test_outputs_gradients_and_dead_units_are_the_true_ones():
    _, (first, _) = shown()
    assert [layer.name for layer in first.layers] == ["first", "relu", "second"]
    linear, relu, second = first.layers
    assert (linear.shape, relu.shape, second.shape) == ((2, 4), (2, 4), (2, 1))
    assert relu.mean == pytest.approx((1 + 2 + 3 + 3 + 2 + 5) / 8)
    assert relu.dead == 0.5  # the unit that never opens, and the one whose input is 2 both times
    assert first.loss == pytest.approx(2 * (6 + 10) / 2)
    # by the last layer's output: 1/2 for each of 2 items; by relu's: 1 at 8 places; by first's: at its 6 open ones
    assert second.signal == pytest.approx(math.sqrt(2 * 0.25))
    assert relu.signal == pytest.approx(math.sqrt(8))
    assert linear.signal == pytest.approx(math.sqrt(6))
    # by the weights: the sum over items of the input, for 3 open units
    assert linear.gradient == pytest.approx(math.sqrt(3 * (4**2 + 4**2 + 8**2)))
    assert (linear.parameters, relu.parameters, second.parameters) == (12, 0, 4)


def test_an_update_gives_gradients_to_its_own_parameters_alone():
    _, (first, second) = shown()
    assert [layer.gradient is not None for layer in first.layers] == [True, False, False]
    assert [layer.gradient is not None for layer in second.layers] == [False, False, True]
    assert second.layers[0].signal is None  # nothing before the last layer is free in its turn


def test_looking_changes_nothing():
    model, _ = shown()
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), Two().parameters()))
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert not [m for m in model.modules() if m._forward_hooks or m._forward_pre_hooks]


@pytest.mark.parametrize(
    ("x", "share"),
    [
        (torch.zeros(4, 3), 1.0),
        (torch.arange(12.0).view(4, 3), 0.0),
        (torch.stack([torch.arange(4.0), torch.ones(4)], 1), 0.5),
        (torch.cat([torch.rand(5, 3, 2, 2), torch.full((5, 1, 2, 2), 7.0)], 1), 0.25),  # (B, C, H, W): channels
        (torch.cat([torch.rand(5, 6, 3), torch.full((5, 6, 1), 7.0)], 2), 0.25),  # (B, T, C): features
    ],
)
def test_a_dead_unit_says_the_same_for_every_item_and_place(x, share):
    assert dead(x) == share


def test_random_values_fit_the_spec():
    fields = {"x": Field((3, 4), low=-1, high=1, levels=5), "n": Field((2,), categories=3)}
    batch = random_batch(Spec("image", fields, {"label": Field((), categories=2)}), 400)
    assert set(batch["x"].unique().tolist()) == {-1.0, -0.5, 0.0, 0.5, 1.0}
    assert set(batch["n"].unique().tolist()) == {0, 1, 2}
    assert (batch["x"].shape, batch["label"].shape) == ((400, 3, 4), (400,))
    assert torch.equal(batch["x"], random_batch(Spec("image", fields, {"label": Field((), categories=2)}), 400)["x"])
