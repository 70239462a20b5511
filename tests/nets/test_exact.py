"""Networks in whole numbers: near the float network, the same whatever the batch, the order and the threads."""

import copy

import pytest
import torch
from torch import nn

from reverie.maths.fixed import NUMBER
from reverie.nets.exact import exact
from reverie.nets.transform import Synthesis


def network(width: int = 12) -> nn.Sequential:
    torch.manual_seed(0)
    made = Synthesis(6, width, 5, halvings=3, blocks=2, gain=1.0, pictures=[[0]]).network
    for p in made.parameters():
        p.data.add_(0.05 * torch.randn_like(p))
    return made


def codes(count: int = 4) -> torch.Tensor:
    return torch.randint(-9, 10, (count, 6, 3, 5), generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_it_says_what_the_float_network_says_but_for_the_rounding():
    """Weights are off by 2^-17 at most and activations by 2^-12: a layer adds fan-in · 2^-17 · |x| + 2^-12 · sum |w| at
    most. Here every layer sees at most 200 numbers of size 40 and a gain of 20."""
    net = network()
    said, true = exact([net], codes()).double() / 2**NUMBER, net.double()(codes().double())
    error = float((said - true).abs().max())
    assert 0 < error < 0.01 * float(true.abs().max())


@torch.no_grad()
def test_neither_companions_nor_the_order_of_channels_change_a_bit():
    """Channels permuted on both sides of every sum: floats would differ in their last places."""
    net, x = network(), codes(64)
    whole = exact([net], x)
    assert torch.equal(whole[7:8], exact([net], x[7:8]))
    order = torch.randperm(6, generator=torch.Generator().manual_seed(2))
    other = copy.deepcopy(net)
    other[0].weight.data = net[0].weight.data[:, order]
    assert torch.equal(exact([other], x[:, order]), whole)
    floats = net(x.float())
    assert not torch.equal(other(x[:, order].float()), floats)  # the claim is not empty


@torch.no_grad()
def test_several_networks_add_up():
    first, second = nn.Conv2d(6, 5, 1), nn.Conv2d(6, 5, 3, padding=1)
    assert torch.equal(exact([first, second], codes()), exact([first], codes()) + exact([second], codes()))


def test_hostile_codes_are_bounded_not_wrapped():
    far = exact([network()], torch.full((1, 6, 3, 5), 2**40))
    assert torch.equal(far, exact([network()], torch.full((1, 6, 3, 5), 4_096)))
    assert int(far.abs().max()) <= 2 ** (NUMBER + 8)


def test_weights_that_could_leave_the_exact_range_are_refused():
    net = network()
    net[0].weight.data.fill_(1e5)
    with pytest.raises(ValueError, match="too large for exact sums"):
        exact([net], codes())


def test_a_layer_without_an_exact_form_is_refused():
    with pytest.raises(TypeError, match="Tanh"):
        exact([nn.Sequential(nn.Conv2d(6, 2, 1), nn.Tanh(), nn.Conv2d(2, 2, 1))], codes())
