"""What is said of codes is what its definition says, on codes with known answers."""

from math import log2, sqrt

import numpy as np
import pytest
import torch

from reverie.errors import Problem
from reverie.metrics import embedding


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_definition(x: torch.Tensor, z: torch.Tensor, k: int) -> float:
    """Venna & Kaski 2001: 1 - 2 / (n k (2n - 3k - 1)) times the ranks beyond k of what is near only among the codes."""
    n = len(x)
    far = torch.eye(n, dtype=torch.float64) * 1e9
    ranks = (torch.cdist(x, x) + far).argsort(1).argsort(1) + 1  # 1: the nearest
    near = (torch.cdist(z, z) + far).argsort(1)[:, :k]
    excess = (ranks.gather(1, near) - k).clamp(min=0).sum()
    return 1 - float(excess) * 2 / (n * k * (2 * n - 3 * k - 1))


def test_trustworthiness_is_the_papers_formula():
    x, z = normal(40, 6), normal(40, 2, seed=1)
    assert embedding.trustworthiness(x, z, 4) == pytest.approx(by_definition(x, z, 4), abs=1e-12)
    assert embedding.trustworthiness(x, 3 * x, 4) == 1


def test_an_item_is_not_its_own_neighbour():
    """Pairs of the two classes, each pair in one place far from all others: the nearest other is of the other class."""
    x = (10.0 * torch.arange(6)).repeat_interleave(2)[:, None]
    assert embedding.neighbour_accuracy(x, torch.tensor([0, 1] * 6), k=1) == 0
    assert embedding.neighbour_accuracy(x, torch.arange(6).repeat_interleave(2), k=1) == 1


def test_of_a_tie_the_nearer_neighbours_class_counts():
    x, labels = torch.tensor([[0.0], [1.0], [-3.0], [1.5]]), torch.tensor([1, 1, 0, 0])
    # the two nearest: of item 0 they are 1 and 3, of both classes; of 1 they are 3 and 0, of 2: 0 and 1, of 3: 1 and 0
    assert embedding.neighbour_accuracy(x, labels, k=2) == 1 / 4


def test_principal_components_are_those_of_the_covariance():
    x = normal(30, 5) @ torch.diag(torch.tensor([5.0, 3, 1, 0.5, 0.1], dtype=torch.float64))
    _, vectors = torch.linalg.eigh(torch.cov(x.T))
    true = (x - x.mean(0)) @ vectors.flip(1)[:, :2]
    made = embedding.principal(x, 2)
    assert torch.allclose(made.abs(), true.abs(), atol=1e-9)
    assert embedding.principal(x, 9).shape == (30, 5)


def test_clusters_are_found_whatever_they_are_called():
    labels = torch.arange(3).repeat(20)
    found, centres = embedding.grouped(normal(60, 2) * 0.1 + 10 * labels[:, None], 3)
    assert embedding.agreement(found, labels) == (1, 1)
    assert sorted(round(float(c)) for c in centres[:, 0]) == [0, 10, 20]
    assert embedding.agreement(torch.arange(60) % 2, torch.arange(60) // 30) == pytest.approx((0, 0), abs=0.03)


def test_a_probe_finds_what_is_linear_and_nothing_in_noise():
    labels = torch.arange(4).repeat(250)
    x = normal(1000, 6)
    clear = x + 20 * torch.nn.functional.one_hot(labels, 6)
    assert min(embedding.probe((clear, labels), (clear, labels), 40, 2)) == 1
    right = embedding.probe((x, labels), (normal(2000, 6, seed=5), torch.arange(4).repeat(500)), 40, 3)
    # chance: 1/4 of 2,000, four deviations of a binomial
    assert all(abs(one - 0.25) < 4 * sqrt(0.25 * 0.75 / 2000) for one in right)


def test_a_probe_is_the_same_whatever_the_scale_and_where_items_lie():
    labels = torch.arange(3).repeat(100)
    x = normal(300, 4) + torch.nn.functional.one_hot(labels, 4)
    one, two = (embedding.probe((z, labels), (z, labels), 30, 2) for z in (x, 1000 * x - 7))
    assert one == pytest.approx(two, abs=0.011)  # three items: the solver stops near the optimum, not at it
    with pytest.raises(Problem, match="100 items: 600 labels needs at least 200"):
        embedding.probe((x, labels), (x, labels), 600, 1)


def test_a_number_that_is_the_class_carries_all_of_it_and_noise_none():
    labels = torch.arange(4).repeat(100)
    whole = embedding.carried(labels + 1e-3 * normal(400), labels)
    assert whole.bits == pytest.approx(2, abs=0.05)  # log2 of four classes; neighbours in 400 items
    assert whole.accuracy > 0.95
    assert (whole.told, whole.auc) in ((0, 0.0), (3, 1.0))
    noise = embedding.carried(normal(400, seed=3), labels)
    assert noise.bits < 0.1
    assert abs(noise.accuracy - 0.25) < 4 * sqrt(0.25 * 0.75 / 400)
    assert log2(4) == 2


def test_the_area_is_the_share_of_pairs_in_order():
    x = torch.tensor([1.0, 2, 2, 3, 0])
    mine = torch.tensor([False, True, False, True, False])
    pairs = [(a > b) + 0.5 * (a == b) for a in x[mine].tolist() for b in x[~mine].tolist()]
    assert embedding.larger(x, mine) == pytest.approx(np.mean(pairs))


def test_too_few_items_are_a_problem_that_says_how_many():
    with pytest.raises(Problem, match="10 items: trustworthiness on 5 neighbours needs at least 11"):
        embedding.trustworthiness(normal(10, 3), normal(10, 2))
    with pytest.raises(Problem, match="3 items: 4 clusters"):
        embedding.grouped(normal(3, 2), 4)
