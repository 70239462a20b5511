"""Precision, recall, density and coverage against a plain double loop, and against known answers."""

import pytest
import torch

from reverie.errors import Problem
from reverie.metrics.neighbours import apart, nearest, neighbourhood, radii, squared
from reverie.metrics.table.frame import Form, closest


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def plain(real, fake, k, k_density):
    """The definitions, item by item."""

    def ball(x, i, k):
        return sorted(float((x[i] - x[j]).norm()) for j in range(len(x)) if j != i)[k - 1]

    def inside(a, b, radius):
        return float((a - b).norm()) <= radius

    n, m = range(len(real)), range(len(fake))
    precise = [any(inside(fake[j], real[i], ball(real, i, k)) for i in n) for j in m]
    recalled = [any(inside(real[i], fake[j], ball(fake, j, k)) for j in m) for i in n]
    density = [sum(inside(fake[j], real[i], ball(real, i, k_density)) for i in n) / k_density for j in m]
    covered = [any(inside(fake[j], real[i], ball(real, i, k_density)) for j in m) for i in n]
    return precise, recalled, density, covered


@pytest.mark.parametrize("rows", [5, 1000])
def test_all_four_are_their_definitions(rows, monkeypatch):
    monkeypatch.setattr("reverie.metrics.neighbours.ROWS", rows)
    real, fake = normal(31, 3, seed=1).double(), (normal(23, 3, seed=2) * 0.8 + 0.4).double()
    found = neighbourhood(real, fake, 3, 5)
    for ours, theirs in zip(found, plain(real, fake, 3, 5)):
        assert ours.tolist() == pytest.approx(theirs)
    shares = [float(x.double().mean()) for x in found]
    assert all(0.05 < share < 0.95 or name == "density" for name, share in zip(found._fields, shares))  # says something


def test_a_copy_of_the_data_is_wholly_precise_and_wholly_recalled():
    real = normal(50, 4)
    found = neighbourhood(real, real.clone())
    assert [bool(x.all()) for x in (found.precise, found.recalled, found.covered)] == [True] * 3


def test_a_copy_stays_precise_where_real_items_are_repeated():
    """Radius 0: only exact arithmetic on equal rows finds them."""
    real = normal(5, 300).repeat_interleave(8, 0) * 1e3 + 1e4
    assert bool(neighbourhood(real, real[::8].repeat(2, 1)).precise.all())


def test_far_samples_are_neither_precise_nor_recalled():
    found = neighbourhood(normal(40, 4, seed=1), normal(40, 4, seed=2) + 100)
    assert [float(x.double().sum()) for x in found] == [0.0] * 4


def test_one_mode_of_two_is_precise_with_half_the_recall():
    left, right = normal(100, 2, seed=1), normal(100, 2, seed=2) + 50
    found = neighbourhood(torch.cat([left, right]), normal(200, 2, seed=3))
    assert float(found.precise.double().mean()) > 0.9
    assert 0.4 < float(found.recalled.double().mean()) <= 0.5
    assert 0.4 < float(found.covered.double().mean()) <= 0.5


def test_order_does_not_matter():
    real, fake = normal(60, 4, seed=1), normal(50, 4, seed=2)
    order, other = torch.randperm(60, generator=torch.Generator().manual_seed(1)), torch.arange(49, -1, -1)
    straight, mixed = neighbourhood(real, fake), neighbourhood(real[order], fake[other])
    assert torch.equal(straight.precise[other], mixed.precise)
    assert torch.equal(straight.recalled[order], mixed.recalled)
    assert torch.equal(straight.covered[order], mixed.covered)
    torch.testing.assert_close(straight.density[other], mixed.density)


def test_too_few_items_are_one_line():
    with pytest.raises(Problem, match="5 items: measures on 5 neighbours need at least 6"):
        neighbourhood(normal(5, 2), normal(9, 2))


def test_radii_leave_an_item_itself_out():
    assert radii(torch.tensor([[0.0], [1.0], [3.0]]).double(), 1).tolist() == [1.0, 1.0, 4.0]


@pytest.mark.parametrize("rows", [3, 1000])
def test_nearest_finds_what_sorting_all_distances_finds(rows, monkeypatch):
    monkeypatch.setattr("reverie.metrics.neighbours.ROWS", rows)
    queries, bank = normal(6, 5, seed=1), normal(40, 5, seed=2)
    distances, index = nearest(queries, bank, 4)
    all_of_them = torch.cdist(queries.double(), bank.double(), compute_mode="donot_use_mm_for_euclid_dist").sort(1)
    assert torch.equal(index, all_of_them.indices[:, :4])
    torch.testing.assert_close(distances, all_of_them.values[:, :4], rtol=1e-9, atol=1e-9)


@pytest.fixture
def sizes(monkeypatch):
    """Rows and columns of each matrix of distances that is made, blocks being of 7 rows."""
    made = []

    def seen(x, y):
        made.append((len(x), len(y)))
        return squared(x, y)

    for name, value in (("neighbours.squared", seen), ("neighbours.ROWS", 7), ("table.frame.BLOCK", 7)):
        monkeypatch.setattr(f"reverie.metrics.{name}", value)
    return made


def test_no_matrix_of_distances_grows_with_the_queries(sizes):
    queries, bank = normal(30, 3, seed=1), normal(20, 3, seed=2)
    distances, index = nearest(queries, bank, 2)
    plainly = torch.cdist(queries.double(), bank.double(), compute_mode="donot_use_mm_for_euclid_dist").sort(1)
    assert torch.equal(index, plainly.indices[:, :2])
    torch.testing.assert_close(distances, plainly.values[:, :2], rtol=1e-9, atol=1e-9)
    whole = torch.cdist(queries.double(), queries.double(), compute_mode="donot_use_mm_for_euclid_dist")
    assert apart(queries) == pytest.approx(float(whole.sum()) / (30 * 29), rel=1e-9)
    assert max(sizes) == (7, 7)


def test_nor_does_one_of_rows_of_a_table(sizes):
    table = [{"x": float(x), "w": "abc"[k % 3]} for k, x in enumerate(normal(70, 1)[:, 0])]
    form = Form.of(table)
    queries, bank = form.read(table[:25]), form.read(table[25:])
    near, which = closest(queries, bank, 3)
    mine, other = queries.vectors(), bank.vectors()
    plainly = (mine[:, None] - other).square().sum(2).sqrt().sort(1)
    assert torch.equal(which, plainly.indices[:, :3])
    torch.testing.assert_close(near, plainly.values[:, :3], rtol=1e-8, atol=1e-8)
    assert max(sizes) == (7, 7)
    assert [len(part) for part in closest(queries[:0], bank)] == [0, 0]


def test_a_bank_smaller_than_k_gives_all_of_it():
    assert nearest(normal(2, 3), normal(1, 3, seed=1), 5)[1].tolist() == [[0], [0]]
