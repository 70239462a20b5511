"""Attributions against their closed forms."""

import pytest
import torch
from torch import nn

from reverie.core import Batch
from reverie.errors import Problem
from reverie.tasks.attribution import (
    CLOSE,
    integrated_gradients,
    saliency,
    without_columns,
    without_tokens,
)

G = torch.Generator().manual_seed(0)
X = torch.randn(1, 3, 4, 5, generator=G, dtype=torch.float64)
B = torch.randn(3, 4, 5, generator=G, dtype=torch.float64)
W = torch.randn(3, 4, 5, generator=G, dtype=torch.float64)


def of(f):
    """A function of x (K, …) as a score."""
    return lambda batch: f(batch["x"])


def batch(x: torch.Tensor = X) -> Batch:
    return Batch({"x": x, "other": torch.zeros(1)})


def test_of_a_linear_function_it_is_weight_times_difference():
    found = integrated_gradients(of(lambda x: (x * W).flatten(1).sum(1) + 7), batch(), "x", B, 64)
    assert torch.allclose(found.values, W * (X[0] - B), rtol=1e-12, atol=0)
    assert found.residual == pytest.approx(0, abs=1e-12)
    assert found.steps < 64, "nothing is missed, so nothing is refined"


def test_of_a_quadratic_form_it_is_known():
    """From 0: x_k² of a sum of squares, and a product's value halved among its two factors."""
    zero = torch.zeros(2, dtype=torch.float64)
    x = torch.tensor([[3.0, -2.0]], dtype=torch.float64)
    squares = integrated_gradients(of(lambda x: (x**2).sum(1)), batch(x), "x", zero, 64)
    assert squares.values.tolist() == pytest.approx([9, 4], rel=1e-12)  # the trapezoid rule is exact on a line
    product = integrated_gradients(of(lambda x: x[:, 0] * x[:, 1]), batch(x), "x", zero, 64)
    assert product.values.tolist() == pytest.approx([-3, -3], rel=1e-12)


@pytest.mark.parametrize("activation", [nn.Tanh, nn.ReLU, nn.GELU])
def test_values_of_a_network_sum_to_the_difference(activation):
    """What all parts miss together is at most CLOSE of the score's range on the way, unless the steps ran out."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(60, 32), activation(), nn.Linear(32, 32), activation(), nn.Linear(32, 1)
    )
    score = of(lambda x: 5 * net.double()(x)[:, 0])
    found = integrated_gradients(score, batch(), "x", B, 2_000)
    assert found.steps < 2_000
    at = torch.linspace(0, 1, 2_001, dtype=torch.float64).view(-1, 1, 1, 1)
    way = score(batch(B + at * (X - B))).detach()
    assert abs(found.residual) <= CLOSE * 1.01 * float(way.max() - way.min())
    assert found.answer == pytest.approx(float(way[-1]))
    assert found.baseline == pytest.approx(float(way[0]))
    coarse = integrated_gradients(score, batch(), "x", B, 2)
    assert abs(coarse.residual) > abs(found.residual), "few steps miss more, and that is said"


def test_it_agrees_with_equal_steps():
    """The paper's own sum, of 20,000 of them."""
    torch.manual_seed(1)
    net = nn.Sequential(nn.Flatten(), nn.Linear(60, 32), nn.Tanh(), nn.Linear(32, 1)).double()
    found = integrated_gradients(of(lambda x: net(x)[:, 0]), batch(), "x", B, 2_000).values
    total = torch.zeros_like(B)
    for part in torch.split((torch.arange(20_000) + 0.5) / 20_000, 1_000):
        points = (B + part.double().view(-1, 1, 1, 1) * (X - B)).requires_grad_(True)
        total += torch.autograd.grad(net(points).sum(), points)[0].sum(0)
    wanted = (X[0] - B) * total / 20_000
    assert float((found - wanted).abs().max()) < 2e-3 * float(wanted.abs().sum())


def test_all_weight_lies_on_the_one_pixel_that_counts():
    def planted(x):
        return torch.tanh(3 * x[:, 1, 2, 3])

    for found in (
        integrated_gradients(of(planted), batch(), "x", B, 200).values,
        saliency(of(planted), batch(), "x").values,
    ):
        assert found[1, 2, 3] != 0
        found[1, 2, 3] = 0
        assert not found.any()


def test_the_slope_is_of_no_sign():
    found = saliency(of(lambda x: (x * W).flatten(1).sum(1)), batch(), "x")
    assert torch.allclose(found.values, W.abs())
    assert found.answer == pytest.approx(float((X * W).sum()))


def test_a_jump_beside_the_baseline_is_left_over_and_said():
    """As of a network that sees each item in its own scale: no step is short enough."""
    found = integrated_gradients(
        of(lambda x: x.flatten(1).sum(1) + (x != 0).any(3).any(2).any(1) * 5.0), batch(), "x", 0 * B, 500
    )
    assert found.residual == pytest.approx(5)
    assert found.steps < 100


def test_where_there_is_no_gradient_at_the_baseline_short_steps_do():
    """Of the root of a sum of squares at 0, not even a number."""
    found = integrated_gradients(of(lambda x: (x**2).flatten(1).sum(1).sqrt()), batch(), "x", 0 * B, 500)
    assert abs(found.residual) <= CLOSE * found.answer * 1.01
    assert found.values.isfinite().all()


def test_predictions_without_a_gradient_are_one_line():
    with pytest.raises(Problem, match="no gradient"):
        saliency(of(lambda x: x.detach().flatten(1).sum(1)), batch(), "x")


def test_what_was_made_in_inference_mode_stays_usable():
    score = of(lambda x: (x**2).flatten(1).sum(1))
    with torch.inference_mode():
        said = score(batch())
    assert integrated_gradients(score, batch(), "x", B * 0, 16).answer == pytest.approx(float(said))


def test_left_out_columns_of_a_sum_are_its_terms():
    count = 6
    a, b = torch.randn(2, count, generator=G, dtype=torch.float64)
    kind = torch.randint(0, 3, (count,), generator=G)
    there = torch.tensor([True, False] * 3)
    worth = torch.tensor([0.5, 2.0, -1.0], dtype=torch.float64)

    def score(x: Batch) -> torch.Tensor:
        return 2 * x["a"] + torch.where(x.masks["b"], 3 * x["b"], 10.0) + worth[x["kind"]]

    items = Batch({"a": a, "b": b, "kind": kind}, masks={"b": there, "a": torch.ones_like(there)})
    answer, falls = without_columns(score, items, {"a": 0.0, "b": 0.0, "kind": 1})
    assert torch.allclose(answer, score(items))
    assert torch.allclose(falls[:, 0], 2 * a)
    assert torch.allclose(falls[:, 1], torch.where(there, 3 * b, 10.0)), "a gap is filled by the baseline"
    assert torch.allclose(falls[:, 2], worth[kind] - 2.0)


def test_a_left_out_word_of_a_sum_is_its_worth_less_the_unknown_ones():
    worth = torch.tensor([0.0, 0.25, 1.0, -2.0, 4.0] * 10, dtype=torch.float64)
    text = torch.tensor([[2, 3, 4, 2, 7, 9, 8, 6, 4, 3, 2, 4, 4, 3, 2, 2, 4, 3, 0, 0]])
    items = Batch({"text": text}, {"text": torch.tensor([18])})

    def score(x: Batch) -> torch.Tensor:
        assert x.lengths["text"].tolist() == [18] * len(x["text"])
        return worth[x["text"]].sum(1)

    answer, falls = without_tokens(score, items, "text", 1)
    assert answer == pytest.approx(float(worth[text].sum()))
    assert torch.allclose(falls, worth[text[0, :18]] - 0.25)
