"""Batch norm without running averages."""

import pytest
import torch
from torch import nn

from reverie.errors import Problem
from reverie.nets.norm import BatchNorm1d, BatchNorm2d, population_statistics


def pair(ours, theirs):
    """The same affine map in both, not the identity."""
    with torch.no_grad():
        theirs.weight.copy_(torch.linspace(0.5, 2, len(theirs.weight)))
        theirs.bias.copy_(torch.linspace(-1, 1, len(theirs.bias)))
        ours.weight.copy_(theirs.weight)
        ours.bias.copy_(theirs.bias)
    return ours.double(), theirs.double()


@pytest.mark.parametrize(
    ("ours", "theirs", "shape"),
    [
        (BatchNorm1d, nn.BatchNorm1d, (6, 5)),
        (BatchNorm2d, nn.BatchNorm2d, (6, 5, 3, 4)),
    ],
)
def test_equals_torch_in_training_and_after_a_cumulative_average(ours, theirs, shape):
    torch.manual_seed(0)
    ours, theirs = pair(ours(5), theirs(5, momentum=None))  # None: torch averages over all batches alike
    batches = [3 * torch.randn(shape, dtype=torch.float64) + 1 for _ in range(4)]
    for x in batches:
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-12, atol=1e-12)
    population_statistics(ours, [lambda x=x: ours(x) for x in batches])
    torch.testing.assert_close(ours.mean, theirs.running_mean, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(ours.var, theirs.running_var, rtol=1e-12, atol=1e-12)
    ours.eval()
    theirs.eval()
    torch.testing.assert_close(ours(batches[0]), theirs(batches[0]), rtol=1e-12, atol=1e-12)


def test_one_value_a_channel_has_no_deviation_to_learn_by():
    layer = BatchNorm2d(3)
    with pytest.raises(Problem, match=r"one value a channel\. Pass --batch 2 or more"):
        layer(torch.randn(1, 3, 1, 1))
    assert layer(torch.randn(1, 3, 1, 2)).isfinite().all()
    assert layer.eval()(torch.randn(1, 3, 1, 1)).isfinite().all()


def test_a_forward_pass_writes_no_buffer_in_either_mode():
    layer = BatchNorm2d(3)
    before = {k: v.clone() for k, v in layer.named_buffers()}
    for mode in (True, False):
        layer.train(mode)
        layer(torch.randn(4, 3, 2, 2))
    assert set(before) == {"mean", "var"}
    assert all(torch.equal(v, before[k]) for k, v in layer.named_buffers())


def test_training_output_has_the_weights_as_deviation_and_the_bias_as_mean():
    torch.manual_seed(1)
    layer = BatchNorm2d(4, eps=1e-13).double()
    layer.weight.data = torch.tensor([0.5, 1, 2, 3], dtype=torch.float64)
    layer.bias.data = torch.tensor([-1, 0, 1, 2], dtype=torch.float64)
    y = layer(5 + 7 * torch.randn(8, 4, 3, 3, dtype=torch.float64))
    torch.testing.assert_close(y.mean((0, 2, 3)), layer.bias.data, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(y.std((0, 2, 3), correction=0), layer.weight.data, rtol=1e-12, atol=1e-12)


def test_deeper_layers_see_inputs_normalised_by_the_batch_and_other_layers_keep_their_mode():
    torch.manual_seed(2)
    first, drop, second = BatchNorm1d(4), nn.Dropout(0.5), BatchNorm1d(4)
    network = nn.Sequential(first, drop, second).double().eval()
    batches = [10 + 3 * torch.randn(16, 4, dtype=torch.float64) for _ in range(5)]
    population_statistics(network, [lambda x=x: network(x) for x in batches])
    assert not first.training
    assert not drop.training
    # each batch leaves the first layer with mean 0 and biased variance v / (v + eps)
    variances = torch.stack([x.var(0, correction=0) / (x.var(0, correction=0) + 1e-5) for x in batches])
    torch.testing.assert_close(second.mean, torch.zeros(4, dtype=torch.float64), rtol=0, atol=1e-12)
    torch.testing.assert_close(second.var, variances.mean(0) * 16 / 15, rtol=1e-12, atol=0)
    torch.testing.assert_close(first.mean, torch.stack(batches).mean((0, 1)), rtol=1e-12, atol=0)


def test_filling_leaves_no_hooks_and_gives_the_same_again():
    torch.manual_seed(3)
    layer = BatchNorm1d(3)
    x = torch.randn(8, 3)
    population_statistics(layer, [lambda: layer(x)])
    once = layer.mean.clone(), layer.var.clone()
    population_statistics(layer, [lambda: layer(x)] * 4)  # the same batch four times: the same averages
    assert torch.equal(layer.mean, once[0])
    assert torch.equal(layer.var, once[1])
    assert not layer._forward_pre_hooks
    assert layer.training


def test_a_layer_that_no_batch_reaches_is_named():
    network = nn.ModuleDict({"used": BatchNorm1d(2), "forgotten": BatchNorm1d(2)})
    with pytest.raises(ValueError, match="forgotten: no batch reached this layer"):
        population_statistics(network, [lambda: network["used"](torch.randn(4, 2))])


def test_a_failing_batch_leaves_the_mode_as_it_was():
    layer = BatchNorm1d(2).eval()

    def fails():
        raise RuntimeError("no data")

    with pytest.raises(RuntimeError, match="no data"):
        population_statistics(layer, [fails])
    assert not layer.training
    assert not layer._forward_pre_hooks


def test_gradients_are_those_of_the_batch_statistics():
    torch.manual_seed(4)
    layer = BatchNorm1d(3).double()
    x = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, w, b: layer(x), (x, layer.weight, layer.bias))
