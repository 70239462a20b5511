"""Fréchet and kernel distances against mathematics and against torchmetrics."""

from math import sqrt

import numpy as np
import pytest
import torch
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from reverie.errors import Problem
from reverie.metrics.distances import Statistics, frechet, kernel, kid


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=seeded(seed), dtype=dtype)


def gaussian(mean, covariance):
    return Statistics(101, mean, covariance * 100)


def turned_blocks(d, seed):
    """Two covariances that do not commute and whose distance is known: 2 × 2 blocks, for which
    tr (AB)^½ = √(tr AB + 2 √(det A det B)), all turned by one rotation."""
    halves = [normal(d // 2, 2, 3, seed=seed + k) for k in (0, 1)]
    a, b = (h @ h.mT for h in halves)
    product = torch.einsum("nij,nji->n", a, b)
    cross = (product + 2 * (torch.linalg.det(a) * torch.linalg.det(b)).sqrt()).sqrt().sum()
    spread = float(a.diagonal(dim1=1, dim2=2).sum() + b.diagonal(dim1=1, dim2=2).sum() - 2 * cross)
    q = torch.from_numpy(np.linalg.qr(normal(d, d, seed=9).numpy())[0])
    first, second = (q @ torch.block_diag(*x) @ q.T for x in (a, b))
    return first, second, spread


@pytest.mark.parametrize("d", [64, 2048])
def test_the_frechet_distance_of_known_gaussians_is_their_closed_form(d):
    first, second, spread = turned_blocks(d, 1)
    one, two = normal(d, seed=5), normal(d, seed=6)
    expected = float((one - two).square().sum()) + spread
    assert frechet(gaussian(one, first), gaussian(two, second)) == pytest.approx(expected, rel=1e-9)


def test_the_closed_form_holds_where_both_covariances_lack_rank():
    """Rank 5 of 64, in one shared subspace: √a and √b along each axis."""
    q = torch.from_numpy(np.linalg.qr(normal(64, 64, seed=3).numpy())[0])[:, :5]
    a, b = torch.arange(1.0, 6, dtype=torch.float64), torch.arange(6.0, 1, -1, dtype=torch.float64)
    zero = torch.zeros(64, dtype=torch.float64)
    found = frechet(gaussian(zero, q @ a.diag() @ q.T), gaussian(zero, q @ b.diag() @ q.T))
    assert found == pytest.approx(float((a.sqrt() - b.sqrt()).square().sum()), rel=1e-9)


def test_covariances_in_subspaces_at_right_angles_do_not_cancel():
    zero = torch.zeros(4, dtype=torch.float64)
    one, two = torch.diag(torch.tensor([4.0, 0, 0, 0]).double()), torch.diag(torch.tensor([0, 0, 9.0, 0]).double())
    assert frechet(gaussian(zero, one), gaussian(zero, two)) == pytest.approx(13.0, rel=1e-12)


def test_constant_features_differ_by_their_means_alone():
    one, two = (Statistics.of(torch.full((10, 3), value)) for value in (1.0, 3.0))
    assert frechet(one, two) == pytest.approx(12.0, rel=1e-12)


def test_a_set_is_at_distance_zero_from_itself():
    x = normal(30, 64)  # rank 29 of 64
    scale = float(Statistics.of(x).covariance.trace())
    assert frechet(Statistics.of(x), Statistics.of(x)) == pytest.approx(0, abs=64 * 2.3e-16 * scale * 10)


def test_statistics_do_not_depend_on_order_or_block_size():
    x = normal(257, 8) + 1e4  # far from zero, where a naive sum of squares loses digits
    whole = Statistics.of(x)
    shuffled = x[torch.randperm(257, generator=seeded(1))]
    for size in (1, 7, 256):
        parts = Statistics.of(shuffled.split(size))
        assert parts.count == 257
        torch.testing.assert_close(parts.mean, whole.mean, rtol=1e-14, atol=0)
        torch.testing.assert_close(parts.covariance, torch.cov(x.T), rtol=1e-9, atol=1e-9)


def test_statistics_come_back_from_disk_bit_for_bit(tmp_path):
    found = Statistics.of(normal(20, 4))
    found.save(tmp_path / "s.npz")
    again = Statistics.load(tmp_path / "s.npz")
    assert again.count == 20
    assert torch.equal(again.mean, found.mean)
    assert torch.equal(again.scatter, found.scatter)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut"])
def test_a_broken_statistics_file_is_one_line(tmp_path, content):
    (tmp_path / "s.npz").write_bytes(content)
    with pytest.raises(Problem, match=r"s\.npz: not feature statistics") as caught:
        Statistics.load(tmp_path / "s.npz")
    assert "\n" not in str(caught.value)


def test_pickled_statistics_are_refused(tmp_path):
    np.savez(tmp_path / "s.npz", count=np.array([object()]), mean=np.zeros(2), scatter=np.zeros((2, 2)))
    with pytest.raises(Problem, match="not feature statistics"):
        Statistics.load(tmp_path / "s.npz")


@pytest.mark.parametrize(
    ("features", "match"),
    [
        (torch.empty(0, 3), "0 items"),
        (torch.tensor([[1.0, float("nan")], [0, 1]]), "not all finite"),
        (torch.tensor([[1.0, float("inf")], [0, 1]]), "not all finite"),
    ],
)
def test_features_that_have_no_statistics_are_one_line(features, match):
    with pytest.raises(Problem, match=match):
        Statistics.of(features)


def test_one_item_has_no_covariance():
    with pytest.raises(Problem, match="at least 2"):
        _ = Statistics.of(torch.ones(1, 3)).covariance


class Flat(nn.Module):
    """Pixels as features, as torchmetrics wants an extractor."""

    num_features = 48

    def forward(self, x):
        return x.flatten(1).double() / 255


def pictures(count, seed, shift=0):
    return (torch.randint(0, 200, (count, 3, 4, 4), generator=seeded(seed)) + shift).to(torch.uint8)


def test_the_frechet_distance_agrees_with_torchmetrics():
    real, fake = pictures(300, 1), pictures(200, 2, shift=20)
    theirs = FrechetInceptionDistance(feature=Flat(), input_img_size=(3, 4, 4)).set_dtype(torch.float64)
    theirs.update(real, real=True)
    theirs.update(fake, real=False)
    ours = frechet(Statistics.of(Flat()(real)), Statistics.of(Flat()(fake)))
    assert ours == pytest.approx(float(theirs.compute()), rel=1e-6)


@pytest.mark.parametrize("size", [40, 150])
def test_the_kernel_distance_agrees_with_torchmetrics_subset_by_subset(size):
    """Both draw subsets by `randperm`, real first: the same seed takes the same ones."""
    real, fake = pictures(400, 1), pictures(300, 2, shift=10)
    theirs = KernelInceptionDistance(feature=Flat(), subsets=20, subset_size=size, normalize=False)
    theirs.update(real, real=True)
    theirs.update(fake, real=False)
    torch.manual_seed(7)
    mean, spread = map(float, theirs.compute())
    ours = kid(Flat()(real), Flat()(fake), seeded(7), subsets=20, size=size)
    assert ours.value == pytest.approx(mean, rel=1e-6)
    assert ours.error == pytest.approx(spread * sqrt(size / (300 - size)), rel=1e-5)


def test_the_kernel_distance_is_the_plain_double_sum():
    real, fake = normal(8, 5, seed=1), normal(8, 5, seed=2) + 0.5
    index = [torch.randperm(8, generator=g)[:4] for g in [seeded(3)] for _ in range(2)]
    x, y = real[index[0]], fake[index[1]]
    off = [(i, j) for i in range(4) for j in range(4) if i != j]
    k = lambda a, b: float((a @ b / 5 + 1) ** 3)  # noqa: E731
    within = sum(k(x[i], x[j]) + k(y[i], y[j]) for i, j in off) / 12
    across = sum(k(a, b) for a in x for b in y) / 16
    assert kid(real, fake, seeded(3), subsets=1).value == pytest.approx(within - 2 * across, rel=1e-12)


def test_the_kernel_distance_is_unbiased_around_zero_and_known_off_it():
    """The mean over 200 pairs of sets from N(0, 1) and N(m, 1) lies within 4 of its standard errors (false alarm: 6e-5)
    of MMD² = Σ_j C(3, j) (E x^j - E y^j)²."""
    for shift in (0.0, 0.5):
        found = torch.tensor(
            [
                kid(normal(40, 1, seed=2 * k), normal(40, 1, seed=2 * k + 1) + shift, seeded(k), subsets=10).value
                for k in range(200)
            ]
        )
        moments = [shift, shift**2, shift**3 + 3 * shift]
        expected = sum(c * d * d for c, d in zip((3, 3, 1), moments))
        assert abs(float(found.mean()) - expected) < 4 * float(found.std()) / sqrt(200)


def test_the_kernel_distances_error_is_its_spread_over_new_data():
    """Between distinct distributions, over 200 repeats: the mean claimed variance is within a third of the true one
    (a variance from 200 has a relative error of 10 %; the jackknife's own bias is of order 1/n)."""
    found = [kid(normal(200, 4, seed=2 * k), normal(200, 4, seed=2 * k + 1) * 1.5, seeded(k)) for k in range(200)]
    true = float(torch.tensor([f.value for f in found]).var())
    claimed = float(torch.tensor([f.error**2 for f in found]).mean())
    assert 2 / 3 < claimed / true < 3 / 2


def test_the_same_seed_gives_the_same_kernel_distance_and_another_seed_does_not():
    real, fake = normal(100, 4, seed=1), normal(100, 4, seed=2)
    assert kid(real, fake, seeded(1)) == kid(real, fake, seeded(1))
    assert kid(real, fake, seeded(1)) != kid(real, fake, seeded(2))


def test_blocks_do_not_change_the_kernel_distance(monkeypatch):
    real, fake = normal(90, 4, seed=1), normal(70, 4, seed=2)
    whole = kid(real, fake, seeded(1))
    monkeypatch.setattr("reverie.metrics.distances.ROWS", 7)
    assert kid(real, fake, seeded(1)) == pytest.approx(whole, rel=1e-9)


def test_too_few_items_for_a_kernel_distance_are_one_line():
    with pytest.raises(Problem, match="3 items: the kernel distance needs at least 4"):
        kid(normal(3, 2), normal(9, 2), seeded())


def test_the_kernel_is_the_papers():
    assert float(kernel(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]]))) == pytest.approx((11 / 2 + 1) ** 3)
