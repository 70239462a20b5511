"""What two sets of windows are compared by: functions of (N, T, C)."""

from __future__ import annotations

import numpy as np

LAGS = 24  # rows, at most


def scales(real: np.ndarray) -> np.ndarray:
    """Each channel's deviation; 1 of one that does not move."""
    found = real.std((0, 1))
    return np.asarray(np.where(real.max((0, 1)) > real.min((0, 1)), found, 1.0))


def marginal(real: np.ndarray, fake: np.ndarray) -> np.ndarray:
    """(C,): the Wasserstein distance (order 1) of each channel's values, in units of the real deviation."""
    from scipy.stats import wasserstein_distance

    pairs = zip(real.transpose(2, 0, 1), fake.transpose(2, 0, 1))
    found = np.array([wasserstein_distance(a.ravel(), b.ravel()) for a, b in pairs])
    return np.asarray(found / scales(real))


def autocorrelation(windows: np.ndarray) -> np.ndarray:
    """(lags, C): correlation of a channel with itself 1, 2, … rows later, about the mean of all windows, so that the
    level of a window counts: at most 24 lags and half a window. 0 of a channel that does not move. As the ACF score of
    Wiese et al. 2020, Quant GANs, arXiv:1907.06673."""
    length = windows.shape[1]
    x = windows - windows.mean((0, 1))
    power = np.square(x).mean((0, 1))
    lags = range(1, min(LAGS, max(1, length // 2)) + 1)
    found = [(x[:, : length - k] * x[:, k:]).mean((0, 1)) if k < length else 0 * power for k in lags]
    return np.asarray(np.stack(found) / np.where(power > 0, power, 1.0))


def spectra(windows: np.ndarray) -> np.ndarray:
    """(frequencies, C): the share of a channel's power at each frequency but 0, of windows less their own mean, on
    average. 0 of a channel that does not move."""
    x = windows - windows.mean(1, keepdims=True)
    power = np.square(np.abs(np.fft.rfft(x, axis=1)))[:, 1:].mean(0)
    whole = power.sum(0)
    return np.asarray(power / np.where(whole > 0, whole, 1.0))


def together(windows: np.ndarray) -> np.ndarray:
    """(pairs,): Pearson's correlation of each two channels in the same row; 0 where one does not move."""
    x = windows.reshape(-1, windows.shape[2])
    x = x - x.mean(0)
    size = np.sqrt(np.square(x).sum(0))
    x = x / np.where(size > 0, size, 1.0)
    return np.asarray((x.T @ x)[np.triu_indices(x.shape[1], 1)])
