"""Conditional batch norm and projection against their formulas."""

import pytest
import torch

from reverie.core import Field, Spec
from reverie.nets.conditional import ConditionalBatchNorm2d, ProjectionHead, classes
from reverie.nets.norm import population_statistics

CLOSE = {"rtol": 1e-9, "atol": 1e-9}


def standardised(x):
    mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), correction=0, keepdim=True)
    return (x - mean) / (var + 1e-5).sqrt()


def test_a_class_has_a_gain_and_a_bias_of_its_own():
    torch.manual_seed(0)
    layer, x, label = ConditionalBatchNorm2d(3, classes=4).double(), torch.randn(5, 3, 2, 2).double() * 3 + 1, None
    label = torch.tensor([3, 0, 3, 1, 2])
    gain, bias = layer.gain.weight[label], layer.bias.weight[label]
    expected = standardised(x) * (1 + gain)[:, :, None, None] + bias[:, :, None, None]
    torch.testing.assert_close(layer(x, label), expected, **CLOSE)


def test_a_vector_gives_gain_and_bias_by_spectrally_normalised_matrices_without_biases():
    torch.manual_seed(0)
    layer, x = ConditionalBatchNorm2d(3, size=6).double(), torch.randn(5, 3, 2, 2).double()
    c = torch.randn(5, 6, dtype=torch.float64)
    assert [n for n, _ in layer.named_parameters()] == ["gain.weight", "bias.weight"]
    gain = c @ (layer.gain.weight / layer.gain.sigma()).t()
    bias = c @ (layer.bias.weight / layer.bias.sigma()).t()
    expected = standardised(x) * (1 + gain)[:, :, None, None] + bias[:, :, None, None]
    torch.testing.assert_close(layer(x, c), expected, **CLOSE)


def test_without_a_condition_it_is_batch_norm():
    layer, x = ConditionalBatchNorm2d(3).double(), torch.randn(5, 3, 2, 2).double()
    assert sorted(n for n, _ in layer.named_parameters()) == ["norm.bias", "norm.weight"]
    torch.testing.assert_close(layer(x, None), standardised(x), **CLOSE)


def test_statistics_are_of_all_classes_together():
    """What sampling normalises by knows no class: else a class's mean would be lost, not given."""
    torch.manual_seed(0)
    layer, x, label = ConditionalBatchNorm2d(2, classes=2), torch.randn(64, 2, 4, 4), torch.arange(64) % 2
    x[label == 1] += 5
    population_statistics(layer, [lambda: layer(x, label)])
    torch.testing.assert_close(layer.norm.mean, x.mean((0, 2, 3)))
    torch.testing.assert_close(layer.norm.var, x.var((0, 2, 3)))


def test_projection_equals_its_formula():
    """ψ(h) + ⟨V_y, h⟩, both with spectral norm (Miyato & Koyama 2018, equation 3)."""
    torch.manual_seed(0)
    head, h = ProjectionHead(6, 4).double(), torch.randn(5, 6, dtype=torch.float64)
    label = torch.tensor([0, 3, 1, 1, 2])
    vectors = head.embedding.weight / torch.dot(head.embedding.u, head.embedding.matrix() @ head.embedding.v)
    psi = h @ (head.linear.weight / head.linear.sigma()).flatten() + head.linear.bias
    by_hand = torch.stack([psi[i] + vectors[label[i]] @ h[i] for i in range(5)])
    torch.testing.assert_close(head(h, label), by_hand, **CLOSE)
    alone = ProjectionHead(6).double()
    assert alone(h, None).shape == (5,)
    assert sum(p.numel() for p in alone.parameters()) == 7


def test_two_labels_differ_by_the_difference_of_their_vectors_alone():
    torch.manual_seed(0)
    head, h = ProjectionHead(6, 4).double(), torch.randn(1, 6, dtype=torch.float64)
    said = [head(h, torch.tensor([k])).item() for k in (0, 1)]
    vectors = head.embedding(torch.tensor([0, 1]))
    assert said[1] - said[0] == pytest.approx(((vectors[1] - vectors[0]) @ h[0]).item(), rel=1e-9)


def test_classes_are_the_datas_where_it_has_some_and_are_asked_for_only_there():
    image = {"image": Field((1, 28, 28))}
    labelled, plain = Spec("image", image, {"label": Field((), categories=7)}), Spec("image", image)
    assert [classes(labelled, how, "x") for how in ("auto", "projection", "none")] == [7, 7, 0]
    assert [classes(plain, how, "x") for how in ("auto", "none")] == [0, 0]
    with pytest.raises(ValueError, match=r"--labels projection: the data has no classes for x .* pass --labels none"):
        classes(plain, "projection", "x")
