"""Permutation importance against what it must be."""

from math import sqrt

import pytest
import torch

from reverie.core import Batch
from reverie.spec import Field
from reverie.tasks.importance import importance, others, swapped

NUMBER = ("y", Field((), 0.0, 0.0))
ONE = torch.ones((), dtype=torch.float64)


def drawn(count: int, seed: int = 0) -> Batch:
    a, b, c, d = torch.randn(4, count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return Batch({"a": a, "b": b, "c": c, "y": a + 0.5 * d})


def test_every_item_gets_anothers_value():
    for count in (2, 3, 50):
        donor = others(count, torch.Generator().manual_seed(count))
        assert sorted(donor.tolist()) == list(range(count))
        assert not (donor == torch.arange(count)).any()


def test_the_loss_rises_by_twice_the_variance_of_what_decides():
    """y = a and y_hat = a: the mean of (a_i - a_j)² over all pairs, which is twice the sample variance."""
    batch = drawn(60)
    batch = Batch({**batch.values, "y": batch["a"]})
    found, _ = importance(lambda x: x["a"] + 0 * x["b"], batch, ["a", "b"], NUMBER, 3 * ONE, 2_000)
    exact = 9 * 2 * float(batch["a"].var())
    spread = 9 * float(((batch["a"][:, None] - batch["a"]) ** 2).std()) / sqrt(60 * 2_000)
    assert abs(found.loss - exact) < 5 * spread
    assert found.measure == pytest.approx(sqrt(found.loss), rel=1e-9), "of 0: the root of the squares' rise"


def test_a_column_that_is_not_used_has_none_at_all():
    _, unused = importance(lambda x: x["a"], drawn(100), ["a", "c"], NUMBER, ONE, 5)
    assert unused[1:] == (0.0, 0.0, 0.0, 0.0)


def test_intervals_hold_the_true_rise_as_often_as_they_say():
    """y = a + noise, y_hat = a + b / 2: without a the loss is higher by 2 for everyone, and without b by nothing."""
    draws, inside, widths, said = 200, {"a": 0, "b": 0}, [], []
    for seed in range(draws):
        found = importance(lambda x: x["a"] + x["b"] / 2, drawn(200, seed), ["a", "b"], NUMBER, ONE, 10)
        for one, true in zip(found, (2.0, 0.0)):
            inside[one.column] += one.low <= true <= one.high
        widths.append(found[1].high - found[1].low)
        said.append(found[1].loss)
    least = 0.95 - 4 * sqrt(0.95 * 0.05 / draws)
    assert all(hits / draws >= least for hits in inside.values())
    assert sum(widths) / draws < 1.5 * 2 * 1.96 * float(torch.tensor(said).std()), "and are no wider than they must be"


def test_what_decides_the_class_counts_most_and_noise_counts_nothing():
    g = torch.Generator().manual_seed(3)
    a, b, c = torch.randn(3, 600, generator=g)
    batch = Batch({"a": a, "b": b, "c": c, "y": (a + 0.3 * b > 0).long()})

    def predict(x: Batch) -> torch.Tensor:
        score = 4 * x["a"] + x["b"] + 0.2 * x["c"]
        return torch.stack([-score, score], 1)

    found = importance(predict, batch, ["a", "b", "c"], ("y", Field((), categories=2)), ONE, 10)
    losses = [one.loss for one in found]
    assert losses[0] > 3 * losses[1] > 0
    assert found[2].low <= 0 <= found[2].high
    assert found[0].low > found[1].high
    assert found[0].measure == pytest.approx(0.45, abs=0.08), "a coin decides, where a little hangs on b"


def test_several_labels_count_together():
    g = torch.Generator().manual_seed(3)
    a, b = torch.randn(2, 400, generator=g)
    truth = torch.stack([(a > 0).long(), (b > 0).long()], 1)
    batch = Batch({"a": a, "b": b, "y": truth})
    target = ("y", Field((2,), categories=2))
    found = importance(lambda x: torch.stack([9 * x["a"], 9 * x["b"]], 1), batch, ["a", "b"], target, ONE, 20)
    for one in found:
        assert one.measure == pytest.approx(0.25, abs=0.03), "half of the one label's answers, of two"


def test_a_gap_goes_where_its_value_goes():
    there = torch.arange(40) % 3 > 0
    value = torch.where(there, torch.arange(40) + 1.0, 0.0)
    batch = Batch({"a": value, "b": value, "y": value}, masks={"a": there, "b": there})
    donor = others(40, torch.Generator().manual_seed(0))
    now = swapped(batch, "a", donor)
    assert torch.equal(now["a"] > 0, now.masks["a"])
    assert torch.equal(now["b"], value)
    assert torch.equal(now.masks["b"], there)


def test_the_same_call_gives_the_same_numbers():
    one, two = (importance(lambda x: x["a"] + x["b"], drawn(90), ["a", "b"], NUMBER, ONE, 3) for _ in range(2))
    assert one == two
