"""Residual networks: start as the identity, and backpropagate as they should."""

import torch

from reverie.nets.conv import doubling
from reverie.nets.residual import Residual, plain, residual


def test_a_residual_block_starts_as_the_identity():
    x = torch.rand(2, 3, 5, 4)  # not negative: the ReLU after the sum lets it pass
    assert torch.equal(Residual(3)(x), x)


def test_gradients_of_both_forms_are_those_of_finite_differences():
    torch.manual_seed(0)
    x = torch.randn(3, 2, 6, 5, dtype=torch.float64, requires_grad=True)
    for form in (plain, residual):
        network = form(2, [2, 4]).double()
        for p in network.parameters():
            torch.nn.init.normal_(p, 0.5, 0.3)  # so that no ReLU stands at its kink, and no block is the identity
        assert torch.autograd.gradcheck(lambda y, network=network: network(y).mean((2, 3)), x, atol=1e-5)


def test_parameters_are_as_counted_by_hand():
    widths = doubling(8, 3, 4)  # 8, 16, 32
    convolutions = 9 * (3 * 8 + 8 * 16 + 2 * 16 * 16 + 16 * 32 + 2 * 32 * 32)
    norms = 2 * (8 + 3 * 16 + 3 * 32)
    assert sum(p.numel() for p in residual(3, widths).parameters()) == convolutions + norms
    assert sum(p.numel() for p in plain(3, widths).parameters()) == 9 * (
        3 * 8 + 8 * 16 + 16 * 16 + 16 * 32 + 32 * 32
    ) + 2 * (8 + 2 * 16 + 2 * 32)
