"""The log-mel front end against its formulas."""

import math

import numpy as np
import pytest
import torch

from reverie.nets.mel import LOWEST, LogMel, filterbank

RATE, MELS = 8000, 20


def centres() -> np.ndarray:
    top = 2595 * math.log10(1 + RATE / 2 / 700)
    return 700 * (10 ** (np.arange(1, MELS + 1) * top / (MELS + 1) / 2595) - 1)


def test_a_pure_tone_lights_the_band_that_is_centred_on_it():
    time = torch.arange(RATE) / RATE
    for k in (3, 9, 15):
        tone = torch.sin(2 * math.pi * centres()[k] * time)[None]
        y = LogMel(RATE, MELS, window=0.064, standardise=False)(tone)
        assert set(y[0, :, 10:-10].argmax(0).tolist()) == {k}


def test_triangles_sum_to_1_between_the_first_and_the_last_centre():
    frequency = np.linspace(0, RATE / 2, 513)
    inside = (frequency >= centres()[0]) & (frequency <= centres()[-1])
    sums = filterbank(RATE, 513, MELS).sum(0).numpy()
    assert sums[inside] == pytest.approx(1, abs=1e-12)
    assert (sums[~inside] < 1).all()


def test_twice_the_amplitude_adds_log_4_above_the_floor():
    x = torch.randn(1, 4000, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 100
    front = LogMel(RATE, MELS, standardise=False).double()
    assert torch.allclose(front(2 * x) - front(x), torch.tensor(math.log(4), dtype=torch.float64), atol=1e-5)


def test_it_is_what_numpy_computes_by_hand():
    x = torch.randn(1, 1000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    front = LogMel(RATE, MELS, standardise=False).double()
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(200) / 200)
    k = 5  # its transform holds the window in the middle, around sample 5 * 80
    piece = x[0, k * 80 - 100 : k * 80 + 100].numpy() * window
    power = np.abs(np.fft.rfft(piece, 256)) ** 2 / (window**2).sum()
    wanted = np.log(filterbank(RATE, 129, MELS).numpy() @ power + LOWEST)
    assert front(x)[0, :, k].numpy() == pytest.approx(wanted, abs=1e-5)  # its buffers were float32


def test_an_item_has_mean_0_and_deviation_1_and_padding_says_nothing():
    x = torch.randn(2, 4000, generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([4000, 2000])
    x[1, 2000:] = 0
    y = LogMel(RATE, MELS)(x, lengths)
    assert y[1, :, 26:].abs().max() == 0
    for item in (y[0], y[1, :, :26]):
        assert item.mean().item() == pytest.approx(0, abs=1e-5)
        assert item.std(correction=0).item() == pytest.approx(1, abs=1e-4)
    alone = LogMel(RATE, MELS)(x[1:, :2000], lengths[1:])
    assert torch.allclose(alone[0], y[1, :, :26], atol=1e-5)


def test_silence_is_0_and_finite():
    assert LogMel(RATE, MELS)(torch.zeros(1, 2000)).abs().max() < 1e-3


def test_it_learns_and_saves_nothing():
    front = LogMel(RATE, MELS)
    assert not list(front.parameters())
    assert not front.state_dict()


def test_bands_that_hold_no_frequency_are_refused():
    with pytest.raises(ValueError, match="fewer, or a longer window"):
        LogMel(RATE, 200)


@pytest.mark.parametrize("standardise", [True, False])
def test_gradients_are_those_of_finite_differences(standardise):
    front = LogMel(100, 3, window=0.16, hop=0.08, standardise=standardise).double()
    x = torch.randn(2, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: front(x, torch.tensor([40, 24])), x)


def test_a_front_end_can_be_made_without_memory_for_counting():
    with torch.device("meta"):
        made = LogMel(8_000, 20)
    assert made.hop == 80
