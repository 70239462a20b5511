"""A leaky rectifier whose second derivative ends: every derivative is what torch's own has."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from reverie.nets.bent import LeakyReLU, leaky


def network(bend):
    """Two layers of it, whose gradient is differentiated once more."""
    torch.manual_seed(0)
    first, second = nn.Linear(3, 5).double(), nn.Linear(5, 1).double()

    def penalty(x):
        y = second(bend(first(x)).square())
        (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        return g.square().sum() + y.sum()

    return penalty, [*first.parameters(), *second.parameters()]


@pytest.mark.parametrize("slope", [0.2, 0.01])
def test_values_and_both_derivatives_are_those_of_torch(slope):
    x = torch.randn(7, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    found = []
    for bend in (LeakyReLU(slope, inplace=True), lambda x: F.leaky_relu(x, slope), lambda x: leaky(x, slope)):
        penalty, parameters = network(bend)
        value = penalty(x)
        found.append([value, *torch.autograd.grad(value, [x, *parameters])])
    for ours, theirs, again in zip(*found):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
        assert torch.equal(ours, again)


def test_a_penalty_goes_no_second_time_through_the_pass_that_it_is_of():
    """The graph of a gradient's square leads to the weights by the gradient alone: no way through the values."""
    layer = nn.Linear(4, 4)
    asked = []
    x = torch.randn(3, 4, requires_grad=True)
    before = layer(x)
    before.register_hook(lambda g: asked.append(g))
    y = leaky(before.clone(), 0.2)
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    assert len(asked) == 1  # the gradient itself
    g.square().sum().backward()
    assert len(asked) == 1
    assert layer.weight.grad is not None


def test_it_works_in_place_and_without_gradients():
    x = torch.tensor([-1.0, 0.0, 2.0])
    assert LeakyReLU(0.5, inplace=True)(x) is x
    assert x.tolist() == [-0.5, 0.0, 2.0]
    with torch.inference_mode():
        assert LeakyReLU(0.5, inplace=True)(torch.tensor([-1.0])).tolist() == [-0.5]
