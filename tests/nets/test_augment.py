"""Augmentation of what a discriminator sees: DiffAugment by hand, and how ADA's p follows overfitting."""

import pytest
import torch

from reverie.nets.augment import Augment
from reverie.nets.diff_augment import cut_out, diff_augment, moved, recoloured
from reverie.training.seeds import generator

CLOSE = {"rtol": 0, "atol": 1e-12}


def double(*shape):
    return torch.rand(shape, dtype=torch.float64, generator=generator(0, "x")) * 2 - 1


def numbers(*values):
    return torch.tensor(values, dtype=torch.float64)


# ---------------------------------------------------------------------------------------------------------- DiffAugment


def test_brightness_is_added_saturation_pulls_from_grey_contrast_from_the_mean():
    x = numbers(0.1, 0.2, 0.6, 0.4, 0.0, -0.7).view(1, 3, 1, 2)  # pixels (0.1, 0.6, 0), (0.2, 0.4, -0.7)
    plain = numbers(0.0), numbers(1.0), numbers(1.0)
    torch.testing.assert_close(recoloured(x, *plain), x, **CLOSE)
    torch.testing.assert_close(recoloured(x, numbers(0.3), *plain[1:]), x + 0.3, **CLOSE)
    grey = numbers(0.7 / 3, -0.1 / 3).view(1, 1, 1, 2)
    torch.testing.assert_close(recoloured(x, plain[0], numbers(0.5), plain[2]), (x + grey) / 2, **CLOSE)
    torch.testing.assert_close(recoloured(x, *plain[:2], numbers(0.5)), (x + 0.1) / 2, **CLOSE)  # the mean is 0.1
    bright = recoloured(x, numbers(0.3), numbers(0.0), numbers(2.0))  # one after the other: grey, then about 0.4
    torch.testing.assert_close(bright, (0.4 + 2 * (grey + 0.3 - 0.4)).expand(1, 3, 1, 2), **CLOSE)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_picture_s_mean_moves_by_its_brightness_alone_and_alpha_not_at_all(channels):
    x = double(2, channels, 3, 4)
    y = recoloured(x, numbers(0.3, -0.2), numbers(1.7, 0.1), numbers(0.6, 1.4))
    seen = channels if channels % 2 else channels - 1
    means = [t[:, :seen].mean((1, 2, 3)) for t in (x, y)]
    torch.testing.assert_close(means[1] - means[0], numbers(0.3, -0.2), **CLOSE)
    assert torch.equal(x[:, seen:], y[:, seen:])


def test_colour_is_drawn_so_that_the_mean_is_kept_in_expectation():
    """Of one picture 4,000 times: brightness is even over [-0.5, 0.5], of variance 1/12. Five standard errors. Without
    what moves or is cut: those bring in zeros, so the picture's middle quarter is seen by nobody and holds its mean."""
    n = 4000
    x = torch.full((n, 1, 2, 2), 0.25, dtype=torch.float64)  # no side of 2 is moved: an eighth is no pixel
    torch.manual_seed(0)
    y = diff_augment(x)
    kept = y != 0
    means = torch.where(kept, y, torch.zeros_like(y)).sum((1, 2, 3)) / kept.sum((1, 2, 3))
    assert abs(means.mean() - 0.25) < 5 / (12 * n) ** 0.5
    assert float(means.var()) == pytest.approx(1 / 12, rel=5 * (0.8 / n) ** 0.5)


def test_what_is_moved_leaves_zeros_behind():
    x = double(2, 3, 4, 5)
    y = moved(x, torch.tensor([1, 0]), torch.tensor([-2, 0]))
    assert torch.equal(y[0, :, 1:, :3], x[0, :, :-1, 2:])
    assert torch.equal(y[0, :, 0], torch.zeros(3, 5, dtype=torch.float64))
    assert torch.equal(y[0, :, :, 3:], torch.zeros(3, 4, 2, dtype=torch.float64))
    assert torch.equal(y[1], x[1])


def test_a_hole_is_half_the_sides_wherever_its_middle_is():
    x = torch.ones(3, 2, 4, 6)
    y = cut_out(x, torch.tensor([2, 0, 4]), torch.tensor([3, 0, 6]))
    rows, columns = torch.arange(4)[:, None], torch.arange(6)
    for item, hole in enumerate(
        [
            (rows >= 1) & (rows < 3) & (columns >= 2) & (columns < 5),
            (rows < 1) & (columns < 2),
            (rows >= 3) & (columns >= 5),
        ]
    ):
        assert torch.equal(y[item], (~hole).float().expand(2, 4, 6))


def test_pictures_are_moved_by_an_eighth_and_holes_lie_anywhere():
    """Every shift of -2 … 2 of 16 pixels comes as often, every middle of a hole too. Five standard errors."""
    n = 4000
    torch.manual_seed(0)
    y = diff_augment(torch.ones(n, 1, 16, 16))
    there = (y != 0).squeeze(1)
    top = there.any(2).float().argmax(1)  # of what is seen; a hole never hides a whole row
    share = (top == 1).float().mean()  # one row lower, unless what was drawn goes up
    assert abs(share - 0.2) < 5 * (0.2 * 0.8 / n) ** 0.5
    hidden = (
        (~there[:, 8, :]).float().mean(0)
    )  # in the middle row, by column: of 17 middles 8 hide a pixel far from edges
    assert abs(hidden[8] - (8 / 17) ** 2) < 5 * 0.5 / n**0.5


@pytest.mark.parametrize("kind", ["diff", "ada"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(28, 28), (40, 56), (9, 5)])
def test_pictures_of_any_form_keep_it_and_each_is_changed_by_itself(kind, channels, size):
    augment = Augment(kind)
    if kind == "ada":
        augment.p.fill_(1.0)
    x = double(1, channels, *size).float().expand(4, -1, -1, -1)
    torch.manual_seed(0)
    y = augment(x)
    assert y.shape == x.shape
    assert y.isfinite().all()
    assert not torch.equal(y[0], y[1])


def test_channels_share_a_shift_and_a_hole():
    torch.manual_seed(0)
    y = diff_augment(torch.ones(50, 4, 16, 16))
    assert torch.equal((y != 0).any(1), (y != 0).all(1))


def test_gradients_pass_through_diff_augment_twice():
    x = double(2, 3, 4, 3).requires_grad_()

    def changed(x):
        torch.manual_seed(3)
        return diff_augment(x)

    assert torch.autograd.gradcheck(changed, x)
    assert torch.autograd.gradgradcheck(lambda x: changed(x).pow(2), x, fast_mode=True)


# ------------------------------------------------------------------------------------------------------------------ off


def test_without_augmentation_nothing_is_drawn_kept_or_changed():
    augment, x = Augment("none"), torch.rand(2, 3, 4, 4)
    state = torch.get_rng_state()
    assert augment(x) is x
    assert torch.equal(torch.get_rng_state(), state)
    assert not augment.state_dict()
    assert augment.stats(torch.ones(2)) == augment.logs(torch.ones(2)) == {}
    augment.absorb({}, 2)


# ------------------------------------------------------------------------------------------------------------ p follows


def fed(augment, *logits, count=50):
    """So many updates, each of `count` real items with these logits in turn."""
    on_real = torch.tensor(logits * (count // len(logits)))
    augment.absorb(augment.stats(on_real), count)


def test_p_moves_every_fourth_update_up_above_the_target_and_down_below():
    """200 items of a ramp of 1,000: a step of 0.2."""
    augment, seen = Augment("ada", 0.6, 1000), []
    for logits in [(3.0,)] * 8 + [(2.0, -1.0)] * 4 + [(1.0, 1.0, 1.0, 1.0, -1.0)] * 4:
        fed(augment, *logits)
        seen.append(round(float(augment.p), 6))
    # signs' means: 1, then 0, then 0.6, which is the target itself: no step
    assert seen == [0, 0, 0, 0.2, 0.2, 0.2, 0.2, 0.4, 0.4, 0.4, 0.4, 0.2, 0.2, 0.2, 0.2, 0.2]


def test_it_is_the_mean_over_all_four_updates_that_counts():
    augment = Augment("ada", 0.6, 1000)
    for logits in [(-1.0,), (1.0,), (1.0,), (1.0,)]:  # 0.5: below the target, though the last are above
        augment.p.fill_(0.5)
        fed(augment, *logits)
    assert float(augment.p) == pytest.approx(0.3)


def test_p_stays_a_probability():
    augment = Augment("ada", 0.6, 100)
    for _ in range(4):
        fed(augment, -1.0)
    assert float(augment.p) == 0.0
    for _ in range(4):
        fed(augment, 1.0)
    assert float(augment.p) == 1.0


def test_the_ramp_is_the_items_from_0_to_1():
    augment, items = Augment("ada", 0.6, 4000), 0
    while augment.p < 0.9999:  # float32: 20 steps of 0.05
        fed(augment, 1.0)
        items += 50
    assert items == 4000


def test_updates_without_statistics_leave_p_alone():
    augment = Augment("ada", 0.6, 1000)
    for _ in range(8):
        fed(augment, 1.0)
        augment.absorb({}, 50)
    assert float(augment.p) == pytest.approx(0.4)


def test_logs_are_p_and_the_mean_sign():
    augment = Augment("ada")
    augment.p.fill_(0.25)
    logs = augment.logs(torch.tensor([1.0, 2.0, -1.0, 3.0]))
    assert {k: float(v) / 4 for k, v in logs.items()} == {"augment_p": 0.25, "augment_sign": 0.5}


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (("both",), "augment both: there is no such one. Pass one of none, diff, ada"),
        (("ada", 1.0), "augment_target 1.0: the mean of signs lies between -1 and 1"),
        (("ada", 0.6, 0.0), "augment_ramp 0.0: not above 0"),
    ],
)
def test_what_makes_no_sense_is_refused(values, says):
    with pytest.raises(ValueError, match=says):
        Augment(*values)
