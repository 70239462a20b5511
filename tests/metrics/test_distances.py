"""Fréchet and kernel distances against mathematics and against torchmetrics."""

from math import sqrt

import numpy as np
import pytest
import torch
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from reverie.errors import NoRoom, Problem
from reverie.metrics.distances import Statistics, frechet, frechet_error, influence, kernel, kid
from reverie.metrics.neighbours import nearest, neighbourhood


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
    found = Statistics.of(normal(20, 4), "net-in64", "20 of photos/")
    found.save(tmp_path / "s.npz")
    again = Statistics.load(tmp_path / "s.npz", "net-in64")
    assert (again.count, again.extractor, again.source) == (20, "net-in64", "20 of photos/")
    assert [p.name for p in tmp_path.iterdir()] == ["s.npz"]
    assert torch.equal(again.mean, found.mean)
    assert torch.equal(again.scatter, found.scatter)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut"])
def test_a_broken_statistics_file_is_one_line(tmp_path, content):
    (tmp_path / "s.npz").write_bytes(content)
    with pytest.raises(Problem, match=r"s\.npz: not feature statistics") as caught:
        Statistics.load(tmp_path / "s.npz")
    assert "\n" not in str(caught.value)


def test_statistics_of_another_extractor_are_refused(tmp_path):
    """In a file that is passed on, and wherever two meet."""
    here, there = Statistics.of(normal(20, 4), "net-in64"), Statistics.of(normal(20, 4), "net-in128")
    there.save(tmp_path / "s.npz")
    with pytest.raises(Problem, match=r"s\.npz: of net-in128, not of net-in64\. Pass --extractor") as caught:
        Statistics.load(tmp_path / "s.npz", "net-in64")
    assert "\n" not in str(caught.value)
    for meet in (frechet, frechet_of_none, Statistics.__add__):
        with pytest.raises(Problem, match="features of net-in64 and of net-in128 can't be compared"):
            meet(here, there)
    with pytest.raises(Problem, match="features of 4 and of 5 dimensions can't be compared"):
        frechet(here, Statistics.of(normal(20, 5)))


def frechet_of_none(one, two):
    return frechet_error(one, normal(20, 4), two)


def test_statistics_that_name_no_extractor_load_where_none_is_asked_for(tmp_path):
    """As files did before they had a name in them."""
    found = Statistics.of(normal(20, 4))
    np.savez(tmp_path / "s.npz", count=20, mean=found.mean.numpy(), scatter=found.scatter.numpy())
    assert torch.equal(Statistics.load(tmp_path / "s.npz").scatter, found.scatter)
    with pytest.raises(Problem, match=r"of an extractor that it does not name, not of net\."):
        Statistics.load(tmp_path / "s.npz", "net")


def test_a_missing_statistics_file_is_one_line(tmp_path):
    with pytest.raises(Problem, match=r"s\.npz: no such file"):
        Statistics.load(tmp_path / "s.npz")


@pytest.mark.parametrize(
    "change",
    [
        {"count": 0},
        {"mean": np.array([1.0, np.nan])},
        {"scatter": np.array([[1.0, 2.0], [0.0, 1.0]])},
        {"scatter": np.eye(3)},
        {"mean": np.zeros(2, np.float32)},
        {"extractor": np.array(3)},
        {"extractor": np.array(["a", "b"])},
    ],
)
def test_numbers_that_are_no_statistics_are_refused(tmp_path, change):
    np.savez(tmp_path / "s.npz", **{"count": 5, "mean": np.zeros(2), "scatter": np.eye(2)} | change)
    with pytest.raises(Problem, match="not feature statistics"):
        Statistics.load(tmp_path / "s.npz")


def test_a_file_that_cannot_be_written_leaves_what_was_there(tmp_path):
    (tmp_path / "s.npz").mkdir()
    with pytest.raises(NoRoom, match=r"s\.npz: not written"):
        Statistics.of(normal(20, 4)).save(tmp_path / "s.npz")
    assert [p.name for p in tmp_path.iterdir()] == ["s.npz"]


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


def test_nan_among_features_is_one_line_in_every_distance():
    good, bad = normal(20, 3), normal(20, 3)
    bad[4, 1] = float("nan")
    for one, two in ((good, bad), (bad, good)):
        for measure in (lambda x, y: kid(x, y, seeded()), neighbourhood, nearest):
            with pytest.raises(Problem, match=r"features: not all finite \(1 of 20 rows\)"):
                measure(one, two)
    with pytest.raises(Problem, match="not all finite"):
        frechet_error(Statistics.of(good), bad, Statistics.of(good))


# ------------------------------------------------------------------------------------------ what a finite sample brings


@pytest.mark.parametrize(("d", "n"), [(16, 2000), (64, 2000)])
def test_equal_gaussians_are_apart_by_the_known_bias(d, n):
    """(2 d + d (d + 1) / 2) / n, to first order in 1 / n; the next order is of size d / n, at most 3.2 %. The spread of
    a pair is some 2 % at d = 64 and 9 % at d = 16, of which four standard errors over 40 pairs are 6 %."""
    pairs = [[Statistics.of(normal(n, d, seed=2 * k + one)) for one in (0, 1)] for k in range(40)]
    mean = sum(frechet(*pair) for pair in pairs) / 40
    assert mean == pytest.approx((2 * d + d * (d + 1) / 2) / n, rel=0.032 + 0.06)


def spread_of(d, n, repeats, both=False):
    """Of Fréchet distances over independent draws of known Gaussians, and the errors claimed for some of them. With
    `both`, real items are drawn anew each time too, a quarter as many, so that they make most of the spread."""
    widths = torch.arange(1.0, d + 1, dtype=torch.float64).rsqrt()
    ratios = (0.4 * normal(d, seed=7)).exp()
    turn = torch.from_numpy(np.linalg.qr(normal(d, d, seed=8).numpy())[0])
    draw = lambda count, seed: normal(count, d, seed=seed) * widths @ turn  # noqa: E731
    fixed = draw(n, 99)
    values, claims = [], []
    for k in range(repeats):
        one = draw(n // 4, 10_000 + k) if both else fixed
        real, fake = Statistics.of(one), normal(n, d, seed=100 + k) * (widths * ratios) @ turn + 0.04
        values.append(frechet(real, Statistics.of(fake)))
        if k < 20:
            claims.append(frechet_error(real, fake, real_features=one if both else None))
    return float(torch.tensor(values).double().std()), float(torch.tensor(claims).double().mean())


@pytest.mark.parametrize("both", [False, True])
def test_the_frechet_distances_error_is_its_spread_over_new_samples(both):
    """64 dimensions, 2,000 items. A spread over 200 draws is known to 1 / √400 = 5 %, four of which are 20 %; the
    delta method's own error is of order d / n: 3 %, of the 500 real items 13 %."""
    true, claimed = spread_of(64, 2000, 200, both)
    assert claimed == pytest.approx(true, rel=0.2 + (0.13 if both else 0.03))


def test_both_sides_variances_add_up():
    real, fake = normal(200, 6, seed=1), normal(300, 6, seed=2) * 1.4 + 0.1
    one, two = Statistics.of(real), Statistics.of(fake)
    parts = frechet_error(one, fake) ** 2 + frechet_error(two, real) ** 2  # the distance is symmetric
    assert frechet_error(one, fake, real_features=real) == pytest.approx(sqrt(parts), rel=1e-9)


def test_the_error_is_near_its_spread_with_fewer_items_than_dimensions():
    """No derivation holds there: within a third, as the docstring says."""
    true, claimed = spread_of(64, 50, 200)
    assert 2 / 3 < claimed / true < 3 / 2


def test_the_error_of_known_numbers_is_its_formula():
    """In one dimension T = s' / s: ψ = 2 (m - m') (x - m) + (1 - s' / s) (x - m)²."""
    fake, real = normal(500, 1, seed=1) * 2 + 1, Statistics.of(normal(400, 1, seed=2))
    m, s = fake.mean(), fake.std()
    x = fake[:, 0] - m
    psi = 2 * (m - real.mean) * x + (1 - real.covariance[0].sqrt() / s) * x.square()
    assert frechet_error(real, fake) == pytest.approx(float(psi.std()) / sqrt(500), rel=1e-9)


def test_one_item_moves_the_distance_by_its_influence():
    """The derivative of the distance along a point mass, by a finite difference: weight ε on x."""
    fake, real = normal(300, 6, seed=1) * 1.5 + 0.3, Statistics.of(normal(200, 6, seed=2))
    own, point, share = Statistics.of(fake), normal(1, 6, seed=3) * 2, 1e-6
    step = point[0] - own.mean
    spread = (1 - share) * own.covariance + share * torch.outer(step, step)
    moved = gaussian(own.mean + share * step, spread)
    psi = influence(torch.cat([fake, point]), own, real)
    constant = float(psi[:-1].sum()) / (300 - 1)  # ψ adds up to 0 under the covariance, which is over 299
    found = (frechet(moved, real) - frechet(own, real)) / share
    assert found == pytest.approx(float(psi[-1]) - constant, rel=1e-3)


@pytest.mark.parametrize("count", [2, 30])
def test_the_error_is_finite_where_covariances_lack_rank(count):
    real = Statistics.of(normal(20, 64, seed=1))
    for fake in (normal(count, 64, seed=2), torch.ones(count, 64), normal(count, 64, seed=2)[:, :1].expand(-1, 64)):
        assert 0 <= frechet_error(real, fake) < float("inf")


def test_the_error_of_a_part_is_that_of_all_where_all_are_counted():
    """Statistics of 2,000, features of the first 500: sd(ψ) of these, over √2000. Both estimate one number: an sd from
    500 is known to some 5 %, four of which are 20 %."""
    fake, real = normal(2000, 8, seed=1) * 1.3, Statistics.of(normal(500, 8, seed=2))
    assert frechet_error(real, fake[:500], Statistics.of(fake)) == pytest.approx(frechet_error(real, fake), rel=0.2)


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
