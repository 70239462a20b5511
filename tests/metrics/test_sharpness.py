"""Fine detail: a number that falls with blur and rises with noise."""

import numpy as np
import pytest

from reverie.metrics import Sets, measures
from reverie.metrics.image.seen import Seen
from reverie.metrics.image.sharpness import detail, measure


def noise(seed: int, count: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 16, 16, 3), np.uint8)


def blurred(x: np.ndarray) -> np.ndarray:
    """Each pixel the mean of itself and the two beside it."""
    wide = x.astype(float)
    return ((np.roll(wide, 1, 2) + wide + np.roll(wide, -1, 2)) / 3).astype(np.uint8)


def test_of_a_chessboard_it_is_the_whole_contrast_and_of_a_ramp_nothing():
    """A square's four neighbours are all of the other colour: |100 - 20| a pixel."""
    board = np.where(np.indices((8, 8)).sum(0) % 2, 100, 20)[None, :, :, None].astype(np.uint8)
    ramp = np.broadcast_to(np.arange(8) * 9, (1, 8, 8))[..., None].astype(np.uint8)
    assert detail([board]) == pytest.approx(80)
    assert detail([ramp]) == pytest.approx(0)
    assert detail([board, ramp]) == pytest.approx(80 / 2**0.5)
    assert detail([np.zeros((3, 2, 2, 1), np.uint8)]) == 0


def test_blurred_samples_score_below_1_and_real_ones_1():
    """Of independent pixels of variance v the measure squared is (1 + 4/16) v; of their blur, the sum of the squares
    of the two kernels' convolution."""
    sets = Sets(blurred(noise(0)), noise(1), noise(2))
    (found,) = measure(Seen(sets))
    assert found.name == "sharpness_40"
    assert found.floor == pytest.approx(1.0, abs=0.02)
    kernel = np.zeros((3, 5))  # the Laplacian of the blur: what a pixel's value is multiplied by
    for shift in (0, 1, 2):
        kernel[1, shift + 1] += 1 / 3
        kernel[0, shift + 1] -= 1 / 12
        kernel[2, shift + 1] -= 1 / 12
        kernel[1, shift] -= 1 / 12
        kernel[1, shift + 2] -= 1 / 12
    wanted = (np.square(kernel).sum() / 1.25) ** 0.5
    assert found.value == pytest.approx(wanted, rel=0.02)


def test_noisy_samples_score_above_1():
    flat = np.full((40, 16, 16, 3), 100, np.uint8)
    real = flat + (noise(1) // 16)
    fake = flat + (noise(0) // 8)
    (found,) = measure(Seen(Sets(fake, real, real)))
    assert found.value == pytest.approx(2.0, rel=0.05)  # twice the amplitude


def test_where_real_pictures_have_no_detail_nothing_is_said():
    flat = np.full((40, 16, 16, 3), 100, np.uint8)
    assert measure(Seen(Sets(noise(0), flat, flat))) == []


def test_it_is_found_as_a_measure_of_pictures():
    assert measure in measures("image")
