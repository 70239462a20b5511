"""Expectation maximisation against what is known of it."""

from itertools import pairwise

import pytest
import torch

from reverie.maths.mixture import Gaussians, drawn, fitted, grouped, log_density, maximised

PLANTED = Gaussians(
    torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64),
    torch.tensor([[6.0, 0, 0], [-6, 2, 0], [0, -4, 5]], dtype=torch.float64),
    torch.tensor([[[1.0, 0, 0], [0.5, 0.5, 0], [0, 0, 1]]] * 2 + [[[2.0, 0, 0], [-1, 1, 0], [0.3, 0, 0.4]]]).double(),
)


def planted(count: int) -> torch.Tensor:
    torch.manual_seed(0)
    return drawn(torch.rand(count).double(), torch.randn(count, 3).double(), PLANTED)


def theirs(mixture: Gaussians) -> torch.distributions.Distribution:
    components = torch.distributions.MultivariateNormal(mixture.means, scale_tril=mixture.factors)
    return torch.distributions.MixtureSameFamily(torch.distributions.Categorical(mixture.weights), components)


def test_the_density_is_that_of_torch_s_distributions():
    x = 4 * torch.randn(50, 3, dtype=torch.float64)
    assert torch.allclose(log_density(x, PLANTED), theirs(PLANTED).log_prob(x), rtol=1e-12, atol=0)


def test_each_iteration_makes_the_items_more_probable():
    """Without a prior: Dempster, Laird & Rubin's theorem, to rounding."""
    x = torch.rand(400, 3, dtype=torch.float64).pow(2)
    torch.manual_seed(1)
    _, nats = fitted(x, grouped(x, 4), prior=0.0, gain=1e-9)
    assert len(nats) > 10
    assert all(later <= before + 1e-12 for before, later in pairwise(nats))


def test_a_planted_mixture_is_found():
    """Within four standard errors of the means and shares; a covariance of n items is known to sqrt(2 / n)."""
    x = planted(20_000)
    found, _ = fitted(x, grouped(x, 3), prior=1.0, gain=1e-6)
    order = torch.cdist(PLANTED.means, found.means).argmin(1)
    assert sorted(order.tolist()) == [0, 1, 2]
    for k, mine in enumerate(order):
        weight, items = PLANTED.weights[k], 20_000 * PLANTED.weights[k]
        covariance = PLANTED.factors[k] @ PLANTED.factors[k].T
        spread = covariance.diagonal()
        assert (found.weights[mine] - weight).abs() < 4 * (weight * (1 - weight) / 20_000).sqrt()
        assert ((found.means[mine] - PLANTED.means[k]).abs() < 4 * (spread / items).sqrt()).all()
        errors = found.factors[mine] @ found.factors[mine].T - covariance
        bound = 4 * ((spread[:, None] * spread + covariance.square()) / items).sqrt() + 1 / items
        assert (errors.abs() < bound).all()


def test_draws_have_the_moments_of_the_mixture():
    x = planted(40_000)
    mean = PLANTED.weights @ PLANTED.means
    within = PLANTED.factors @ PLANTED.factors.mT + PLANTED.means[:, :, None] * PLANTED.means[:, None]
    covariance = (PLANTED.weights[:, None, None] * within).sum(0) - mean[:, None] * mean
    error = (covariance.diagonal() / len(x)).sqrt()
    assert ((x.mean(0) - mean).abs() < 4 * error).all()
    products = (x - mean)[:, :, None] * (x - mean)[:, None]
    assert ((torch.cov(x.T) - covariance).abs() < 4 * products.std(0) / len(x) ** 0.5).all()


def test_a_component_of_weight_0_is_never_drawn():
    mixture = PLANTED._replace(weights=torch.tensor([0.0, 1.0, 0.0]).double())
    edge = torch.tensor([0.0, 0.5, 1 - 2**-53], dtype=torch.float64)
    assert torch.equal(drawn(edge, torch.zeros(3, 3).double(), mixture), PLANTED.means[1].expand(3, 3))


def test_a_prior_gives_a_component_of_one_item_the_covariance_of_a_unit():
    x = torch.tensor([[1.0, 2.0]], dtype=torch.float64)
    found = maximised(x, torch.ones(1, 1).double(), prior=1.0)
    assert torch.equal(found.means, x)
    assert torch.allclose(found.factors[0] @ found.factors[0].T, torch.eye(2).double() / 2)


@pytest.mark.parametrize("items", [torch.zeros(5, 2), torch.arange(3.0)[:, None].expand(3, 2)])
def test_groups_are_no_more_than_items_differ(items):
    shares = grouped(items, 4)
    assert shares.sum(1).tolist() == [1.0] * len(items)
    assert int((shares.sum(0) > 0).sum()) == len(items.unique(dim=0))


def test_groups_are_those_that_lie_apart():
    torch.manual_seed(0)
    truth = torch.arange(90) % 3
    x = torch.randn(90, 2) + 20.0 * torch.tensor([[0, 0], [1, 0], [0, 1]])[truth]
    owner = grouped(x, 3).argmax(1)
    assert len({(int(a), int(b)) for a, b in zip(owner, truth)}) == 3
