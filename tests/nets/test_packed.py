"""Tokens without padding: laid out and packed again they are the same, and dropout by bytes is dropout."""

import pytest
import torch

from reverie.nets.packed import Packed, drop

LENGTHS = torch.tensor([3, 1, 4, 4, 2])


@pytest.mark.parametrize("group", [1, 2, 3, 99])
def test_what_is_laid_out_is_packed_again(group):
    at = Packed(LENGTHS, group)
    x = torch.randn(14, 6)
    back = [g.pack(g.lay(part)) for g, part in zip(at.groups, at.parts(x))]
    assert torch.equal(torch.cat(back), x)
    assert sum(g.items for g in at.groups) == 5


def test_tokens_lie_where_their_item_and_time_say():
    at = Packed(LENGTHS)
    tokens = torch.arange(25).view(5, 5)
    assert at.item.tolist() == [0, 0, 0, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4]
    assert at.time.tolist() == [0, 1, 2, 0, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1]
    assert at.of(tokens).tolist() == [0, 1, 2, 5, 10, 11, 12, 13, 15, 16, 17, 18, 20, 21]
    (group,) = at.groups
    assert torch.equal(group.lay(at.of(tokens)[:, None].float())[4, :, 0], torch.tensor([20.0, 21.0, 0.0, 0.0]))


def test_a_mask_says_which_keys_are_there():
    one, other = Packed(torch.tensor([3, 1, 4, 4]), 2).groups
    assert one.mask[:, 0, 0].tolist() == [[True, True, True], [True, False, False]]
    assert other.mask is None


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.9])
def test_dropout_leaves_the_mean_and_drops_its_share_at_every_place(share):
    """By the normal approximation each of the 8 places in a word, and the mean of all, within 5 deviations: one false
    alarm in 100,000 seeds."""
    torch.manual_seed(0)
    n = 800_000
    x = torch.ones(n // 4, 4)
    y = drop(x, share, True)
    kept = 1 - round(share * 256) / 256
    assert set(y.unique().tolist()) == {0.0, float(torch.tensor(1 / kept))}
    for place in (y.view(-1, 8) > 0).double().mean(0):
        assert float(place) == pytest.approx(kept, abs=5 * (kept * (1 - kept) / (n / 8)) ** 0.5)
    assert float(y.double().mean()) == pytest.approx(1, abs=5 * ((1 - kept) / kept / n) ** 0.5)
    assert kept == pytest.approx(1 - share, abs=1 / 512)


def test_without_training_or_share_nothing_is_dropped():
    x = torch.randn(5, 3)
    assert torch.equal(drop(x, 0.5, False), x)
    assert torch.equal(drop(x, 0.0, True), x)


def test_the_gradient_passes_where_a_number_is_left():
    torch.manual_seed(0)
    x = torch.ones(5, 3, requires_grad=True)
    y = drop(x, 0.5, True)
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())
