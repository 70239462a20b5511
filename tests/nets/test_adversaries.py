"""Networks of the first GANs: maxout by hand, dropout in training alone, conditions that count."""

import pytest
import torch
from torch import nn

from reverie.nets.adversaries import Dense, DenseJudge, Hidden, Maxout, PictureJudge, PictureMaker, judged, settle
from reverie.nets.norm import BatchNorm


def test_a_maxout_unit_is_the_greatest_of_its_pieces():
    layer = Maxout(3, units=2, pieces=4).double()
    x = torch.randn(5, 3, dtype=torch.float64)
    for unit in range(2):
        pieces = [x @ layer.weight[k] + layer.bias[k] for k in range(4 * unit, 4 * unit + 4)]
        torch.testing.assert_close(layer(x)[:, unit], torch.stack(pieces).max(0).values)


def test_two_inputs_have_layers_of_their_own_and_common_ones():
    own = [Hidden().layers(3, 4), Hidden().layers(2, 5)]
    network = Dense(own, Hidden().layers(9, 6), nn.Linear(6, 1)).double()
    x, y = torch.randn(7, 3).double(), torch.randn(7, 2).double()
    by_hand = (torch.cat([own[0][0](x).relu(), own[1][0](y).relu()], 1) @ network.common[0].weight.T).add(
        network.common[0].bias
    )
    torch.testing.assert_close(network(x, y), network.last(by_hand.relu()))


def test_dropout_leaves_units_out_in_training_alone_and_keeps_the_mean():
    layer = Hidden("maxout", 2, dropout=0.25).layers(4, 4000)
    x = torch.ones(1, 4)
    torch.manual_seed(0)
    some, all_of_it = layer(x), layer.eval()(x)
    gone = (some == 0) & (all_of_it != 0)
    assert abs(gone.float().mean() - 0.25) < 5 * (0.25 * 0.75 / 4000) ** 0.5
    torch.testing.assert_close(some[~gone], all_of_it[~gone] / 0.75)


@pytest.mark.parametrize("size", [(28, 28), (40, 56), (96, 64), (9, 8)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pictures_of_any_size_are_made_and_judged_with_a_condition(size, channels):
    shape, y = (channels, *size), torch.eye(3)
    x = PictureMaker(5 + 3, shape, 2)(torch.randn(3, 5), y)
    assert x.shape == (3, channels * size[0] * size[1])
    judge = PictureJudge(shape, 3, 2, norm=False)
    told = judge(x.detach(), y)
    assert told.shape == (3,)
    assert not torch.allclose(told, judge(x.detach(), y.flip(0)))


@pytest.mark.parametrize("norm", [False, True])
def test_real_and_made_items_never_share_a_batch_norm(norm):
    """What is said of real items does not hang on the made ones."""
    judge = PictureJudge((1, 16, 16), 0, 2, norm=norm).double()
    assert any(isinstance(m, BatchNorm) for m in judge.modules()) == norm
    real, fake, other = torch.randn(3, 4, 256).double().unbind()
    torch.testing.assert_close(judged(judge, real, fake)[0], judged(judge, real, other)[0], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(judged(judge, real, fake)[1], judge(fake), rtol=1e-12, atol=1e-12)


def test_both_networks_are_settled_and_no_mode_changes():
    maker, judge = PictureMaker(4, (1, 16, 16), 2), PictureJudge((1, 16, 16), 0, 2)
    settle(maker, judge, lambda k: (torch.randn(8, 4),), lambda k: (torch.randn(8, 256),))
    assert maker.training
    assert judge.training
    assert all((m.var != 1).all() for part in (maker, judge) for m in part.modules() if isinstance(m, BatchNorm))
    settle(
        DenseJudge(Dense([nn.Identity()], nn.Identity(), nn.Linear(4, 1))), nn.Identity(), lambda k: (), lambda k: ()
    )
