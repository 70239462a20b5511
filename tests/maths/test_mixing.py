"""Mixup and CutMix: a mixed target is the share of each item that is in the mixed picture; cutout: a square is gone."""

import torch

from reverie.maths.mixing import cutmix, cutout, mixup

MARK = torch.arange(1.0, 9.0)  # one value an item
X = MARK.view(-1, 1, 1, 1).expand(-1, 2, 7, 5).contiguous()
SHARES = torch.eye(8)


def test_mixup_blends_pictures_and_targets_alike():
    torch.manual_seed(0)
    mixed, shares = mixup(X, SHARES, 0.4)
    assert torch.allclose(mixed[:, 0, 0, 0], shares @ MARK)
    assert torch.allclose(shares.sum(1), torch.ones(8))


def test_cutmix_takes_a_rectangle_and_its_share_of_the_target():
    taken = []
    for seed in range(200):
        torch.manual_seed(seed)
        mixed, shares = cutmix(X, SHARES, 1.0)
        assert torch.allclose(mixed.mean((1, 2, 3)), shares @ MARK, atol=1e-5)
        changed = (mixed[:, 0] != X[:, 0]).any(0)
        rows, columns = changed.any(1), changed.any(0)
        assert torch.equal(changed, rows[:, None] & columns[None])  # a rectangle
        taken.append(float(changed.float().mean()))
    assert 0 <= min(taken) < 0.05
    assert max(taken) > 0.5


def test_alpha_sets_how_even_a_blend_is():
    """Beta(a, a) has the variance 1 / (4 (2a + 1)): of 4,000 draws, within four standard errors."""
    for alpha in (0.2, 1.0, 5.0):
        torch.manual_seed(1)
        pair = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1)
        drawn = []
        for _ in range(4_000):
            mixed, _ = mixup(pair, torch.eye(2), alpha)
            drawn.append(float(mixed[0, 0, 0, 0]))
        moved = torch.tensor([d for d in drawn if d > 0], dtype=torch.float64)  # half are mixed with themselves
        wanted = 1 / (4 * (2 * alpha + 1))
        spread = ((moved - 0.5) ** 2).std() / len(moved) ** 0.5
        assert abs(float(((moved - 0.5) ** 2).mean()) - wanted) < 4 * float(spread)


def test_cutout_leaves_out_a_square_that_may_reach_over_the_edge():
    torch.manual_seed(0)
    x = torch.randn(600, 2, 7, 5)
    y = cutout(x, 3)
    gone = y != x
    assert torch.equal(gone[:, 0], gone[:, 1])
    heights, widths = gone[:, 0].any(2).sum(1), gone[:, 0].any(1).sum(1)
    assert torch.equal(gone[:, 0].sum((1, 2)), heights * widths)  # a rectangle
    assert set(heights.tolist()) == set(widths.tolist()) == {2, 3}
    means = x.mean((0, 2, 3), keepdim=True).expand_as(x)
    assert torch.equal(y[gone], means[gone])
    assert 0.99 < gone[:, 0].any(0).float().mean() <= 1  # any pixel may be gone
    shares = gone[:, 0].float().mean(0)
    assert torch.allclose(shares[1:-1, 1:-1], torch.full((5, 3), 9 / 35), atol=0.06)  # away from edges, all alike
    assert torch.equal(cutout(x, 0), x)
