"""Measures of windows: what each one sees, and that nobody is accused who is honest."""

import numpy as np
import pytest
import torch

from reverie.metrics import Metric, Sets, judge
from reverie.metrics.series import cheap, left_out, neighbours, prepare, spread, suspects
from reverie.metrics.series.apart import autocorrelation, marginal, spectra, together

T = 24


class Served(list):
    def __getitem__(self, index):
        one = super().__getitem__
        return [one(int(i)) for i in index] if isinstance(index, np.ndarray) else one(index)


def series(rows=2000, seed=0, memory=0.8):
    """Two channels, each an autoregression, the second one half the first."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((rows, 2))
    x = np.zeros((rows, 2))
    for k in range(1, rows):
        x[k] = memory * x[k - 1] + noise[k]
    return np.stack([x[:, 0], x[:, 0] + x[:, 1]], 1)


def windows(x, step=1):
    return Served({"window": x[k : k + T], "channels": ("a", "b")} for k in range(0, len(x) - T + 1, step))


def judged(fake, real, train, **more) -> dict[str, Metric]:
    sets = Sets(Served(fake), Served(real), Served(train), **more)
    return {metric.name.rpartition("_")[0]: metric for metric in judge("series", prepare(sets))}


def test_autocorrelations_are_those_of_an_autoregression():
    """r(k) = memory^k: of so many rows within four errors by Bartlett's formula, (1 + m²) / (1 - m²) / n."""
    x = windows(series(20_000))
    found = autocorrelation(np.stack([w["window"] for w in x]))
    error = np.sqrt((1 + 0.64) / (1 - 0.64) / 20_000)
    assert found.shape == (12, 2)
    assert np.abs(found[:, 0] - 0.8 ** np.arange(1, 13)).max() < 4 * error


def test_a_wave_has_its_power_where_it_turns():
    time = np.arange(T)
    wave = np.sin(2 * np.pi * 3 * time / T)[None, :, None] + np.zeros((5, 1, 2))
    found = spectra(wave)
    assert found.shape == (T // 2, 2)
    assert found[2] == pytest.approx([1.0, 1.0], abs=1e-12)
    assert spectra(wave * 0 + 3).sum() == 0
    assert autocorrelation(wave * 0 + 3).max() == 0


def test_channels_go_together_as_numpy_says():
    x = series()
    assert together(x[None]) == pytest.approx(np.corrcoef(x.T)[0, 1], rel=1e-9)
    assert together(np.stack([x[:, 0], 0 * x[:, 0]], 1)[None]).tolist() == [0.0]


def test_a_shift_by_a_deviation_is_a_distance_of_one():
    x = np.stack([w["window"] for w in windows(series())])
    assert marginal(x, x + x.std((0, 1))) == pytest.approx([1.0, 1.0], rel=1e-9)


def test_other_windows_of_the_same_kind_score_at_the_floor():
    found = judged(windows(series(seed=1)), windows(series(seed=2)), windows(series(seed=3)))
    for name in ("marginals", "autocorrelation", "spectrum", "channels"):
        m = found[name]
        assert m.value < 3 * max(m.floor, m.high - m.value)
    assert found["copies_exact"].value == 0
    assert found["copies_exact"].p == 1.0
    assert found["training_distance"].value == pytest.approx(1.0, abs=0.1)


def test_shuffled_rows_keep_marginals_and_lose_their_course():
    rng = np.random.default_rng(0)
    real, train = windows(series(seed=2)), windows(series(seed=3))
    honest = windows(series(seed=1))
    fake = [{**w, "window": w["window"][rng.permutation(T)]} for w in honest]
    one, two = (judged(side, real, train) for side in (honest, fake))
    assert two["marginals"].value == pytest.approx(one["marginals"].value, rel=1e-9)
    assert two["channels"].value == pytest.approx(one["channels"].value, abs=1e-9)
    for name in ("autocorrelation", "spectrum"):
        assert two[name].low > 3 * one[name].floor


def test_channels_that_are_paired_anew_are_caught_by_their_correlation_alone():
    real, train, honest = windows(series(seed=2)), windows(series(seed=3)), windows(series(seed=1))
    half = len(honest) // 2
    fake = [
        {**w, "window": np.stack([w["window"][:, 0], honest[(k + half) % len(honest)]["window"][:, 1]], 1)}
        for k, w in enumerate(honest)
    ]
    one, two = (judged(side, real, train) for side in (honest, fake))
    assert two["autocorrelation"].value == pytest.approx(one["autocorrelation"].value, abs=1e-9)
    assert two["channels"].low > 0.4


def test_planted_copies_are_found_and_named():
    train, real = windows(series(seed=1)), windows(series(seed=2))
    fake = [{**w, "window": w["window"] + 0.001} for w in train[:50]] + list(windows(series(seed=3)))[:150]
    found = judged(fake, real, train)
    assert found["copies_exact"].value == 50 / 200
    assert found["copies_exact"].p < 1e-4
    sets = Sets(Served(fake), Served(real), Served(train))
    assert set(suspects(prepare(sets), 50)) == {(k, k) for k in range(50)}
    assert neighbours(prepare(sets), 50, 2)[:, 0].tolist() == list(range(50))


def test_a_series_that_repeats_itself_or_moves_on_accuses_nobody():
    """A wave is met again by held-out windows as by samples; a trend leaves held-out windows far from all samples."""
    time = np.arange(600)
    wave = np.stack([np.sin(2 * np.pi * time / 12), np.cos(2 * np.pi * time / 12)], 1)
    found = judged(windows(wave[:200]), windows(wave[400:]), windows(wave[:400]))
    assert found["copies_exact"].value == found["copies_exact"].floor == 1.0
    assert found["copies_exact"].p > 0.01
    trend = series(600) + 0.05 * time[:, None]
    moved = judged(windows(series(300, seed=7) + 0.05 * time[:300, None]), windows(trend[500:]), windows(trend[:500]))
    assert "nearer_training" not in moved
    assert moved["copies_exact"].value == 0


def test_few_windows_are_no_comparison():
    assert set(judged(windows(series(50))[:3], windows(series(90)), windows(series(90)))) == {"copies_exact"}


def test_one_channel_and_windows_of_one_row_are_judged_by_what_they_have():
    one = [{"window": np.array([[float(k % 7)]]), "channels": ("a",)} for k in range(40)]
    names = set(judged(one, one, one))
    assert "marginals" in names
    assert not {"channels", "autocorrelation", "spectrum"} & names


def test_what_a_run_watches_rises_when_rows_are_shuffled():
    rng = np.random.default_rng(0)
    real, honest = windows(series(seed=2))[:300], windows(series(seed=1))[:300]
    fake = [{**w, "window": w["window"][rng.permutation(T)]} for w in honest]
    assert cheap(real, real) == ("windows_cheap_300", 0.0)
    assert cheap(real, fake)[1] > cheap(real, honest)[1] + 0.1
    groups = [torch.arange(0, 150), torch.arange(150, 300)]
    assert left_out(real, honest, groups)[0] == pytest.approx(cheap(real[150:], honest[150:])[1], rel=1e-12)
    assert spread(real, [honest[0]] * 20) == 0
