"""Self-attention against the paper's formulas, place by place."""

import torch

from reverie.nets.self_attention import SelfAttention

CLOSE = {"rtol": 1e-9, "atol": 1e-9}


def build(channels=16):
    torch.manual_seed(0)
    return SelfAttention(channels).double()


def test_it_is_the_identity_at_gamma_0_and_gamma_starts_there():
    layer, x = build(), torch.randn(2, 16, 6, 4, dtype=torch.float64)
    assert layer.gamma.item() == 0
    assert torch.equal(layer(x), x)
    layer(x).square().sum().backward()
    assert layer.gamma.grad.abs() > 0  # from which it learns to leave it


def test_it_equals_the_formula_by_hand():
    """o_j = W_o Σ_i β_ji max-pooled (W_h x)_i with β_j = softmax over i of (W_f x)_j · max-pooled (W_g x)_i."""
    layer, x = build(), torch.randn(2, 16, 6, 4, dtype=torch.float64)
    layer.gamma.data.fill_(0.7)
    f, g, h, o = ((part.weight / part.sigma()).flatten(1) for part in (layer.query, layer.key, layer.value, layer.out))
    expected = torch.empty_like(x)
    for b in range(2):

        def pooled(w, b=b):
            """Largest of each 2×2 places, in rows."""
            maps = torch.einsum("oc,chw->ohw", w, x[b])
            return [maps[:, i : i + 2, j : j + 2].flatten(1).max(1).values for i in (0, 2, 4) for j in (0, 2)]

        keys, values = pooled(g), pooled(h)
        for i in range(6):
            for j in range(4):
                here = x[b, :, i, j]
                weight = torch.stack([(f @ here) @ key for key in keys]).softmax(0)
                seen = sum(w * value for w, value in zip(weight, values))
                expected[b, :, i, j] = here + 0.7 * (o @ seen)
    torch.testing.assert_close(layer(x), expected, **CLOSE)


def test_a_place_sees_the_far_corner():
    layer, x = build(), torch.randn(1, 16, 8, 8, dtype=torch.float64, requires_grad=True)
    layer.gamma.data.fill_(1.0)
    (slope,) = torch.autograd.grad(layer(x)[0, :, 0, 0].sum(), x)
    assert slope[0, :, 6:, 6:].abs().max() > 0  # of its four places, those that are the largest


def test_odd_maps_and_few_channels_pass():
    for channels, size in ((4, (7, 7)), (16, (5, 9))):
        x = torch.randn(2, channels, *size, dtype=torch.float64)
        layer = build(channels)
        layer.gamma.data.fill_(1.0)
        assert layer(x).shape == x.shape
        assert torch.equal(layer(x)[1:], layer(x[1:])) or torch.allclose(layer(x)[1:], layer(x[1:]), atol=1e-12)
