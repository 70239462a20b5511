"""SpecAugment and a move in time."""

import torch

from reverie.maths.masking import blocks, moved_in_time, spec_augment

N = 4000


def test_a_row_has_at_most_two_blocks_within_its_count_and_as_wide_as_the_share_allows():
    torch.manual_seed(0)
    counts = torch.tensor([20, 8, 1]).repeat_interleave(N)
    found = blocks(counts, 20, 0.25)
    assert not found[torch.arange(20) >= counts[:, None]].any()
    edges = torch.nn.functional.pad(found.int(), (1, 1)).diff(dim=1)
    assert set(edges.clamp(min=0).sum(1).tolist()) == {0, 1, 2}
    assert found[:N].sum(1).max() == 10  # two of 5 places each
    assert found[N : 2 * N].sum(1).max() == 4  # two of 2
    assert not found[2 * N :].any()  # a quarter of one place is none


def test_widths_and_starts_are_uniform():
    """Of one place in four, a block is 0 or 1 wide: each place is in one of two with 1 - (7/8)², five deviations."""
    torch.manual_seed(0)
    found = blocks(torch.full((N,), 4), 4, 0.25)
    p = 1 - (7 / 8) ** 2
    assert ((found.float().mean(0) - p).abs() < 5 * (p * (1 - p) / N) ** 0.5).all()


def test_masks_cover_frames_and_bands_and_leave_the_rest():
    torch.manual_seed(0)
    x, lengths = torch.ones(N, 6, 8), torch.full((N,), 6)
    time, bands = spec_augment(x, lengths, 0.5, 0.0) == 0, spec_augment(x, lengths, 0.0, 0.5) == 0
    assert torch.equal(time, time[:, :, :1].expand_as(time))
    assert torch.equal(bands, bands[:, :1].expand_as(bands))
    assert time.any()
    assert bands.any()
    assert torch.equal(spec_augment(x, lengths, 0.0, 0.0), x)


def test_a_move_in_time_stays_within_an_item_and_reaches_every_offset():
    torch.manual_seed(0)
    lengths = torch.tensor([6, 3]).repeat_interleave(N)
    x = torch.arange(1.0, 9.0).view(1, 8, 1).expand(2 * N, 8, 1)  # with rubbish beyond an item's length
    y = moved_in_time(x, lengths, 2)[..., 0]
    for k, n in enumerate((6, 3)):
        wanted = {
            tuple(float(t + 1 - by) if t < n and 0 <= t - by < n else 0.0 for t in range(8)) for by in range(-2, 3)
        }
        assert set(map(tuple, y[k * N : (k + 1) * N].tolist())) == wanted
