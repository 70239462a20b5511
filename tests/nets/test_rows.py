"""Rows as vectors, and layers that an ensemble shares."""

import pytest
import torch

from reverie.nets.rows import Categories, Dense, Heads, Numbers, Shared

THERE = torch.ones(1, 1, dtype=torch.bool)


def test_piecewise_linear_encoding_is_its_equation():
    """Edges 0, 1, 3: two bins, linear within, 1 and 0 beyond, and going on outside."""
    numbers = Numbers(1, 2, 3)
    numbers.edges.copy_(torch.tensor([[0.0, 1.0, 3.0]]))
    for x, wanted in ((0.5, [0.5, 0]), (1.0, [1, 0]), (2.0, [1, 0.5]), (-1.0, [-1, 0]), (5.0, [1, 2])):
        assert numbers.encode(torch.tensor([[x]]))[0, 0].tolist() == pytest.approx(wanted)


def test_a_bin_without_width_is_a_step():
    numbers = Numbers(1, 2, 3)
    numbers.edges.copy_(torch.tensor([[0.0, 0.0, 0.0]]))
    assert numbers.encode(torch.tensor([[-1.0], [0.0], [1.0]]))[:, 0].tolist() == [[0, 0], [1, 1], [1, 1]]


def test_edges_are_quantiles_of_what_is_there():
    numbers = Numbers(2, 4, 3)
    x = torch.stack([torch.arange(101.0), torch.arange(101.0)], 1)
    there = torch.ones(101, 2, dtype=torch.bool)
    there[50:, 1] = False
    numbers.learn(x, there)
    few = [0, 16, 33, 33, 49]  # 50 values fill three bins of 16 or more; the fourth has no width
    assert numbers.edges.tolist() == [[0, 25, 50, 75, 100], few]


def test_a_frequent_value_does_not_take_the_bins_of_the_rare_ones():
    numbers = Numbers(1, 4, 3)
    x = torch.cat([torch.zeros(900), torch.arange(1.0, 101.0)])[:, None]
    numbers.learn(x, torch.ones(1000, 1, dtype=torch.bool))
    assert numbers.edges.tolist() == [[0, 25, 50, 75, 100]]


def test_what_is_missing_has_no_influence():
    for bins in (0, 4):
        numbers = Numbers(1, bins, 3)
        gone = numbers(torch.tensor([[3.0]]), ~THERE)
        assert torch.equal(gone, numbers(torch.tensor([[-9.0]]), ~THERE))
        assert not torch.equal(gone, numbers(torch.tensor([[0.0]]), THERE))  # a gap is not a zero
        assert gone.shape[1] == numbers.width


def test_a_category_has_a_vector_of_its_own():
    categories = Categories([3, 100], 8)
    assert categories.width == 3 + 8
    y = categories(torch.tensor([[0, 5], [1, 5]]))
    assert torch.equal(y[0, 3:], y[1, 3:])
    assert not torch.equal(y[0, :3], y[1, :3])


def test_one_member_is_a_plain_layer_and_many_share_their_matrix():
    torch.manual_seed(0)
    x = torch.randn(5, 1, 4)
    alone = Shared(1, 4, 3)
    assert sum(p.numel() for p in alone.parameters()) == 4 * 3 + 3
    assert torch.allclose(alone(x), x @ alone.linear.weight.T + alone.bias)
    many = Shared(6, 4, 3, first=True)
    assert sum(p.numel() for p in many.parameters()) == 4 * 3 + 6 * (3 + 4 + 3)
    assert set(many.before.unique().tolist()) == {-1.0, 1.0}
    y = many(x.expand(-1, 6, -1))
    k = 4
    assert torch.allclose(y[:, k], (x[:, 0] * many.before[k]) @ many.linear.weight.T * many.after[k] + many.bias[k])


def test_members_have_heads_of_their_own():
    heads, x = Heads(3, 4, 2), torch.randn(5, 3, 4)
    for k in range(3):
        assert torch.allclose(heads(x)[:, k], x[:, k] @ heads.weight[k] + heads.bias[k], atol=1e-6)


@pytest.mark.parametrize("activation", [torch.nn.GELU, torch.nn.SiLU, torch.nn.Tanh, torch.nn.Sigmoid])
@pytest.mark.parametrize("norm", [torch.nn.Identity(), torch.nn.LayerNorm(4)])
@pytest.mark.parametrize("add", [True, False])
def test_gradients_are_those_of_finite_differences(activation, norm, add):
    torch.manual_seed(0)
    layer = Dense(Shared(2, 4, 4, first=True), norm, activation, 0.0, add).double()
    x = torch.randn(3, 2, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, x)
