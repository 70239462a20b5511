"""Orthogonal weights and what is paid for others, by hand."""

import pytest
import torch
from torch import nn

from reverie.nets.orthogonal import glorot_, normal_, orthogonal_, orthogonal_penalty
from reverie.nets.spectral import SpectralConv2d, SpectralLinear


def test_the_penalty_by_hand():
    """W Wᵀ = [[5, 4], [4, 5]] : twice 4². Lengths are free."""
    w = torch.tensor([[1.0, 2.0], [2.0, 1.0]])
    assert orthogonal_penalty([w]).item() == 32.0
    assert orthogonal_penalty([w, w]).item() == 64.0
    assert orthogonal_penalty([torch.diag(torch.tensor([3.0, 0.1]))]).item() == 0.0


def test_it_is_between_filters_not_between_inputs():
    """Two filters at right angles of three inputs: Wᵀ W is not diagonal, W Wᵀ is."""
    w = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 2.0]])
    assert orthogonal_penalty([w]).item() == 0.0
    assert orthogonal_penalty([w.t()]).item() == 2.0


@pytest.mark.parametrize("shape", [(4, 3, 2, 2), (20, 3)])
def test_its_gradient_is_four_times_the_masked_product_of_wide_and_of_tall_matrices(shape):
    """d/dW ‖W Wᵀ ⊙ M‖² = 4 (W Wᵀ ⊙ M) W."""
    torch.manual_seed(0)
    w = torch.randn(*shape, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(orthogonal_penalty([w]), w)
    m = w.detach().flatten(1)
    expected = 4 * (m @ m.t() * (1 - torch.eye(len(m), dtype=torch.float64))) @ m
    torch.testing.assert_close(slope.flatten(1), expected, rtol=1e-9, atol=1e-9)


def network():
    torch.manual_seed(0)
    return nn.Sequential(SpectralConv2d(3, 8), SpectralLinear(20, 6), nn.Embedding(5, 7))


def test_an_orthogonal_start_has_orthonormal_rows_or_columns():
    net = network()
    orthogonal_(net)
    for layer in net:
        w = layer.weight.detach().flatten(1)
        gram = w @ w.t() if w.shape[0] <= w.shape[1] else w.t() @ w
        torch.testing.assert_close(gram, torch.eye(len(gram)), rtol=0, atol=1e-5)
    assert not net[0].bias.any()
    assert not net[1].bias.any()
    assert orthogonal_penalty([net[0].weight.double()]).item() == pytest.approx(
        0, abs=1e-9
    )  # QR's float32 rounding, squared


@pytest.mark.parametrize("start", [normal_, glorot_])
def test_other_starts_have_their_deviations(start):
    """Five standard errors; of a uniform one √(4/5) of a normal's."""
    torch.manual_seed(0)
    layer = SpectralLinear(300, 200)
    layer.bias.data.fill_(1.0)
    start(layer)
    deviation = 0.02 if start is normal_ else (2 / 500) ** 0.5
    assert abs(layer.weight.std() / deviation - 1) < 5 / (2 * layer.weight.numel()) ** 0.5
    assert not layer.bias.any()
