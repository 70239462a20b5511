"""The pipeline of adaptive discriminator augmentation: every change by hand, and the paper's distributions."""

from math import pi

import pytest
import torch

from reverie.nets.ada import ada, aspect, coloured, exact, placement, scaling, shifting, tint, turning, warped
from reverie.training.seeds import generator

CLOSE = {"rtol": 0, "atol": 1e-12}
LITTLE = torch.zeros(())
ALWAYS = torch.ones(())


def double(*shape):
    return torch.rand(shape, dtype=torch.float64, generator=generator(0, "x")) * 2 - 1


def one(value):
    return torch.tensor([value], dtype=torch.float64)


def turned(x, quarters):
    return warped(x, turning(*exact(torch.tensor([quarters]))).double())


# ------------------------------------------------------------------------------------------------------------- geometry


def test_mirrored_and_by_quarters_a_picture_is_itself_mirrored_and_turned():
    x = double(1, 2, 5, 5)
    torch.testing.assert_close(warped(x, scaling(one(-1.0), one(1.0))), x.flip(3), **CLOSE)
    for quarters in range(4):
        torch.testing.assert_close(turned(x, quarters), torch.rot90(x, quarters, (2, 3)), **CLOSE)
    wide = double(1, 3, 4, 6)
    torch.testing.assert_close(turned(wide, 2), wide.flip(2, 3), **CLOSE)


def test_moved_by_whole_pixels_it_is_itself_further_on_with_its_mirror_behind():
    x = double(1, 1, 4, 6)
    y = warped(x, shifting(one(2.0), one(-1.0)))  # right and up
    torch.testing.assert_close(y[..., :3, 2:], x[..., 1:, :4], **CLOSE)
    torch.testing.assert_close(y[..., :3, :2], x[..., 1:, :2].flip(3), **CLOSE)
    torch.testing.assert_close(y[..., 3, 2:], x[..., 3, :4], **CLOSE)


def test_moved_by_half_a_pixel_each_is_the_mean_of_two():
    x = double(1, 1, 4, 6)
    y = warped(x, shifting(one(0.5), one(0.0)))
    torch.testing.assert_close(y[..., 1:], (x[..., 1:] + x[..., :-1]) / 2, **CLOSE)


def test_a_slope_is_turned_and_stretched_as_a_plane_is():
    """Bilinear resampling is exact on planes, away from the edges."""
    down, right = torch.meshgrid(torch.arange(20.0) - 9.5, torch.arange(24.0) - 11.5, indexing="ij")
    down, right = down.double(), right.double()
    x = (right + 3 * down)[None, None]
    inner = (..., slice(8, 12), slice(9, 15))
    angle = one(0.4)
    c, s = float(angle.cos()), float(angle.sin())
    expected = (c * right - s * down) + 3 * (s * right + c * down)
    torch.testing.assert_close(
        warped(x, turning(angle.cos(), angle.sin()))[inner], expected[None, None][inner], **CLOSE
    )
    wider = right / 2**0.5 + 3 * down * 2**0.5
    torch.testing.assert_close(warped(x, aspect(one(0.5)))[inner], wider[None, None][inner], **CLOSE)
    larger = (right + 3 * down) / 2  # twice as large: half as steep
    torch.testing.assert_close(warped(x, scaling(one(0.5), one(0.5)))[inner], larger[None, None][inner], **CLOSE)


def test_of_many_pictures_half_are_mirrored_and_sizes_spread_as_the_paper_has_them():
    """p = 1. The determinant is ∓ 1 / scale², the singular values' ratio stretch²: log2 of both are N(0, 0.2²). Five
    standard errors."""
    n = 4000
    torch.manual_seed(0)
    places = placement(torch.zeros(n, 1, 32, 32, dtype=torch.float64), ALWAYS)[:, :2, :2]
    assert abs((torch.det(places) < 0).double().mean() - 0.5) < 5 * 0.5 / n**0.5
    scale = -torch.log2(torch.det(places).abs()) / 2
    assert abs(scale.mean()) < 5 * 0.2 / n**0.5
    assert float(scale.var()) == pytest.approx(0.04, rel=5 * (2 / n) ** 0.5)
    high, low = torch.linalg.svdvals(places).log2().unbind(1)
    assert float(((high - low) / 2).square().mean()) == pytest.approx(0.04, rel=5 * (2 / n) ** 0.5)


@pytest.mark.parametrize("p", [0.1, 0.7])
def test_a_picture_keeps_its_place_as_often_as_no_change_is_drawn(p):
    """Mirror and quarter turns change nothing in 1/2 and 1/4 of their draws, whole shifts of 32 pixels where both round
    to 0: a step of 8 from 0, so 1/8 each; the two rotations together come with probability p."""
    n = 4000
    torch.manual_seed(0)
    places = placement(torch.zeros(n, 1, 32, 32), torch.tensor(p))
    kept = (places == torch.eye(3)).flatten(1).all(1).double().mean()
    expected = (1 - p / 2) * (1 - p * 3 / 4) * (1 - p * 63 / 64) * (1 - p) ** 4
    assert abs(kept - expected) < 5 * (expected * (1 - expected) / n) ** 0.5


def test_what_is_not_square_is_never_turned_by_a_quarter():
    torch.manual_seed(0)
    x = double(1, 1, 4, 6)
    places = placement(x.expand(400, -1, -1, -1), torch.tensor(0.3)).round(decimals=9)
    blits = {(1, 0, 0, 1), (-1, 0, 0, 1), (-1, 0, 0, -1), (1, 0, 0, -1)}
    whole = [tuple(m) for m in places[:, :2, :2].flatten(1).tolist() if all(v in (-1, 0, 1) for v in m)]
    assert set(whole) == blits


# --------------------------------------------------------------------------------------------------------------- colour


def test_colours_spread_as_the_paper_has_them():
    """p = 1: along grey the gain is ± contrast, log2 N(0, 0.5²); the rest of the determinant is saturation², log2
    N(0, 1); grey's offset over its gain is the brightness, N(0, 0.2²). Five standard errors."""
    n = 4000
    torch.manual_seed(0)
    how = tint(torch.zeros(n, 3, 1, 1, dtype=torch.float64), ALWAYS)
    gain, offset = how[:, :3, :3], how[:, :3, 3]
    grey = gain.sum((1, 2)) / 3
    assert abs((grey < 0).double().mean() - 0.5) < 5 * 0.5 / n**0.5
    within = 5 * (2 / n) ** 0.5
    contrast = grey.abs().log2()
    assert float(contrast.var()) == pytest.approx(0.25, rel=within)
    assert float(((torch.det(gain).abs().log2() - 3 * contrast) / 2 + contrast).var()) == pytest.approx(
        1 + 0.25, rel=2 * within
    )
    assert float((offset.mean(1) / grey).var()) == pytest.approx(0.04, rel=within)


def test_hue_turns_colours_about_grey_and_keeps_their_distance_from_it():
    torch.manual_seed(0)
    how = tint(torch.zeros(4000, 3, 1, 1, dtype=torch.float64), ALWAYS)[:, :3, :3]
    red = torch.tensor([2.0, -1.0, -1.0], dtype=torch.float64)  # no grey in it
    seen = how @ red
    torch.testing.assert_close(seen.sum(1), torch.zeros(4000, dtype=torch.float64), rtol=0, atol=1e-9)
    across = torch.tensor([0.0, 1.0, -1.0], dtype=torch.float64) * 3**0.5
    angle = torch.atan2(seen @ across, seen @ red)
    assert abs(angle.mean()) < 5 * pi / 3**0.5 / 4000**0.5  # even over the circle
    assert float(angle.var()) == pytest.approx(pi**2 / 3, rel=5 * (0.8 / 4000) ** 0.5)  # kurtosis of a uniform: 1.8


def test_grey_and_alpha_are_what_they_would_be_among_colours():
    torch.manual_seed(0)
    how = tint(torch.zeros(6, 1, 1, 1, dtype=torch.float64), ALWAYS)
    x = double(6, 1, 3, 2)
    among = coloured(x.expand(-1, 3, -1, -1), how)
    torch.testing.assert_close(coloured(x, how), among.mean(1, keepdim=True), **CLOSE)
    for channels in (2, 4):
        y = torch.cat([x.expand(-1, channels - 1, -1, -1), double(6, 1, 3, 2)], 1)
        assert torch.equal(coloured(y, how)[:, -1], y[:, -1])
        torch.testing.assert_close(coloured(y, how)[:, :-1], among[:, : channels - 1], **CLOSE)


# -------------------------------------------------------------------------------------------------------------- whole


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(7, 7), (6, 9)])
def test_without_a_chance_a_picture_stays_bit_for_bit(channels, size):
    x = torch.rand(5, channels, *size)
    assert torch.equal(ada(x, LITTLE), x)
    changed = ada(x, ALWAYS)
    assert changed.shape == x.shape
    assert not any(torch.equal(a, b) for a, b in zip(changed, x))


def test_channels_share_a_change_of_place_and_items_do_not():
    x = double(1, 1, 8, 8).expand(4, 2, -1, -1)
    torch.manual_seed(0)
    y = warped(x, placement(x, ALWAYS))
    assert torch.equal(y[:, 0], y[:, 1])
    assert not torch.equal(y[0], y[1])


def test_gradients_pass_twice():
    x = double(2, 3, 4, 3).requires_grad_()

    def changed(x):
        torch.manual_seed(3)
        return ada(x, torch.tensor(0.8))

    assert torch.autograd.gradcheck(changed, x)
    assert torch.autograd.gradgradcheck(lambda x: changed(x).pow(2), x, fast_mode=True)
