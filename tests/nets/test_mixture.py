"""The density on codes: a density in any number of dimensions, fast, and fit for whatever codes there are."""

from math import log, pi

import pytest
import torch

from reverie.core import Batch
from reverie.maths.mixture import log_density
from reverie.nets import mixture as module
from reverie.nets.mixture import Mixture, codes


def draws(mixture: Mixture, count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return mixture.draw(torch.stack([mixture.noise(generator) for _ in range(count)]).to(mixture.centre))


def clusters(count: int, size: int) -> torch.Tensor:
    """Two, apart along the first dimension, each dimension on a scale of its own."""
    torch.manual_seed(0)
    x = torch.randn(count, size, dtype=torch.float64)
    x[:, 0] += 8.0 * (torch.arange(count) % 2) - 4.0
    return x * torch.logspace(0, -2, size, dtype=torch.float64) + 3.0


def test_it_integrates_to_1():
    """By importance sampling from a wider normal distribution."""
    mixture = Mixture(2, 2).double()
    mixture.fit(clusters(2_000, 2))
    mine = draws(mixture, 4_000)
    wide = torch.distributions.MultivariateNormal(mine.mean(0), 4 * torch.cov(mine.T))
    x = wide.sample((20_000,))
    ratio = (-mixture.nll(x) - wide.log_prob(x)).exp()
    assert (ratio.mean() - 1).abs() < 4 * ratio.std() / 20_000**0.5


def test_in_many_dimensions_it_is_a_mixture_along_the_axes_times_a_normal_off_them():
    mixture = Mixture(100, 2).double()
    mixture.fit(clusters(2_000, 100))
    mine = draws(mixture, 100)
    whole = torch.linalg.qr(torch.cat([mixture.axes, torch.randn(100, 36).double()], 1))[0]
    off = (mine - mixture.centre) @ whole[:, 64:]
    expected = mixture.scales.log().sum() - log_density(mixture.along(mine), mixture.gaussians)
    expected = expected - torch.distributions.Normal(0.0, mixture.rest).log_prob(off).sum(1)
    assert torch.allclose(mixture.nll(mine), expected, rtol=1e-9)


def test_draws_have_the_mean_and_covariance_of_the_codes():
    x = clusters(4_000, 5)
    mixture = Mixture(5, 2).double()
    mixture.fit(x)
    mine = draws(mixture, 20_000)
    error = (x.var(0) / 20_000).sqrt()
    assert ((mine.mean(0) - x.mean(0)).abs() < 4 * error + 1e-3 * x.std(0)).all()
    scale = x.std(0)[:, None] * x.std(0)
    assert ((torch.cov(mine.T) - torch.cov(x.T)).abs() / scale < 4 * (2 / 20_000) ** 0.5 + 0.002).all()
    assert float((mine[:, 0] - 3).abs().median()) == pytest.approx(4, abs=0.1)  # both clusters, nothing between


def test_off_the_axes_draws_spread_as_codes_do():
    x = clusters(3_000, 100)
    mixture = Mixture(100, 2).double()
    mixture.fit(x)
    mine = draws(mixture, 3_000)
    assert float(mine.var(0).sum()) == pytest.approx(float(x.var(0).sum()), rel=4 * (2 / 3_000) ** 0.5)
    assert mixture.axes.shape == (100, 64)
    assert torch.allclose(mixture.axes.T @ mixture.axes, torch.eye(64).double(), atol=1e-9)
    off = ((x - x.mean(0)) - (x - x.mean(0)) @ mixture.axes @ mixture.axes.T).square().sum() / len(x) / 36
    assert float(mixture.rest) ** 2 == pytest.approx(float(off), rel=1e-6)


def test_it_is_standard_normal_until_it_is_fitted():
    mixture = Mixture(3, 4)
    x = torch.randn(5, 3)
    assert torch.allclose(mixture.nll(x), 0.5 * x.square().sum(1) + 1.5 * log(2 * pi), atol=1e-5)
    assert "no density" in mixture.said()


def test_more_components_fit_clusters_better():
    x = clusters(1_000, 3)
    nats = []
    for components in (1, 2):
        mixture = Mixture(3, components).double()
        mixture.fit(x)
        nats.append(float(mixture.nats))
        assert ("1 Gaussian,", "2 Gaussians,")[components - 1] in mixture.said()
    assert nats[1] < nats[0] - 0.5


@pytest.mark.parametrize(
    "x",
    [
        torch.ones(50, 3),  # all alike
        torch.tensor([[1.0, 2.0, 3.0]]),  # a single one
        torch.cat([torch.randn(40, 2), torch.full((40, 1), 7.0)], 1),  # a dimension that never changes
        torch.randn(3, 3),  # fewer than components
        torch.randn(5, 1).expand(5, 3),  # on a line
        1e-6 * torch.randn(60, 3),
        1e6 * torch.randn(60, 3),
        torch.randn(7, 90),  # fewer than axes
        torch.zeros(7, 90),
    ],
)
def test_odd_codes_leave_a_finite_density_and_draws_near_them(x):
    mixture = Mixture(x.shape[1], 5)
    mixture.fit(x)
    assert mixture.nll(x).isfinite().all()
    mine = draws(mixture, 50)
    assert mine.isfinite().all()
    scale = (x - x.mean(0)).abs().max() + 1e-6
    assert ((mine - x.mean(0)).abs().max() < 20 * scale).all()


def test_codes_that_are_not_finite_leave_it_as_it_was():
    mixture = Mixture(2, 2)
    mixture.fit(torch.tensor([[1.0, float("nan")], [0.0, 1.0]]))
    assert int(mixture.count) == 0


def test_a_fit_is_its_state():
    first, second = Mixture(3, 2), Mixture(3, 2)
    x = torch.randn(100, 3) + 1
    first.fit(x)
    second.load_state_dict(first.state_dict())
    assert torch.equal(first.nll(x), second.nll(x))
    assert first.said() == second.said()


class Data:
    """A stream over items that are their own numbers."""

    shards = 1

    def __init__(self, items: int, batch: int):
        self.items, self.size = items, batch

    def __call__(self, k: int) -> Batch:
        return Batch({"x": -1 - torch.arange(k * self.size, (k + 1) * self.size)[:, None].float()})

    def whole(self):
        for index in torch.arange(self.items).split(self.size):
            yield Batch({"x": index[:, None].float()})


def test_few_items_are_each_encoded_once_and_many_are_drawn_evenly():
    def encode(batch: Batch) -> torch.Tensor:
        return batch["x"]

    assert codes(encode, Data(100, 32)).flatten().tolist() == list(range(100))
    many = codes(encode, Data(module.CODES + 1, 64))
    assert len(many) == module.CODES
    assert (many < 0).all()  # batches shuffled as in training, not the first items of a sorted folder
