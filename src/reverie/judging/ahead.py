"""How good predictions of a series are: over all in units of the training rows' deviation, and of each channel in its
own unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from reverie.metrics import Metric, size_name
from reverie.tasks.calibrate import Calibration
from reverie.tasks.predict import LEVEL, channels, units

if TYPE_CHECKING:
    from reverie.training.run import Run

OVERLAP = "windows overlap, so there is no interval"
BLOCK = 200  # windows at a time
CHANNELS = 50  # that have measures of their own, at most


def of_windows(run: Run, index: Tensor, output: Tensor, truth: Tensor, trust: Calibration) -> list[Metric]:
    """Of windows (N, H, C): mean squared and absolute error of standardised values, as forecasts are compared, then for
    each channel the root mean squared and the mean absolute error in its unit. The reference is the last row
    repeated."""
    name, target = run.spec.predicted
    count, (steps, wide) = len(truth), target.shape
    said = f"evenly spaced held-out windows, all {steps} steps ahead; {OVERLAP}"
    repeated = last_rows(run, index)
    plain = None if repeated is None else repeated - truth.double()
    wrong = output.double() - truth.double()
    one = torch.zeros_like(truth[:1], dtype=torch.float64)
    scale = torch.from_numpy(units(run, one + 1) - units(run, one))[0]
    said += "; reference: the last row repeated" if plain is not None else ""
    how = f"{said}; over {wide} channels, in units of their deviation in the training rows"
    unit, size = "of standardised values", size_name(count)
    out = [
        Metric(f"mse_standardised_{size}", mean(wrong**2), f"square {unit}", count, how, reference=square(plain)),
        Metric(f"mae_standardised_{size}", mean(wrong.abs()), unit, count, how, reference=size_of(plain)),
    ]
    if trust.most >= LEVEL:
        out += coverage(trust, wrong, LEVEL)
    for c, channel in enumerate(channels(name, target)[:CHANNELS]):
        own = wrong[..., c] * scale[..., c]
        before = None if plain is None else plain[..., c] * scale[..., c]
        unit = f"unit of {channel}"
        root = None if before is None else mean(before**2) ** 0.5
        out.append(Metric(f"rmse[{channel}]", mean(own**2) ** 0.5, unit, count, said, reference=root))
        out.append(Metric(f"mae[{channel}]", mean(own.abs()), unit, count, said, reference=size_of(before)))
    return out


def last_rows(run: Run, index: Tensor) -> Tensor | None:
    """The last row that is known before each window (N, 1, C); None where what is seen is no such series."""
    fields = list(run.spec.fields.items())
    target = run.spec.predicted[1]
    if len(fields) != 1 or len(fields[0][1].shape) != 2 or fields[0][1].shape[1] != target.shape[1]:
        return None
    items = run.prepared.held_out
    return torch.cat([items.take(part)[fields[0][0]][:, -1:].double() for part in torch.split(index, BLOCK)])


def coverage(trust: Calibration, wrong: Tensor, level: float) -> list[Metric]:
    half = torch.from_numpy(np.asarray(trust.quantile(level))).view(wrong.shape[1:])
    inside, count = wrong.abs() <= half, len(wrong)
    how = f"split-conformal intervals that promise {level:.0%} of exchangeable items, which windows are not; {OVERLAP}"
    width = Metric(f"interval_width_{size_name(count)}", mean(2 * half), "of standardised values", count, how)
    return [Metric(f"coverage_{size_name(count)}", mean(inside.double()), "share", count, how, reference=level), width]


def mean(x: Tensor) -> float:
    return float(x.mean())


def square(x: Tensor | None) -> float | None:
    return None if x is None else mean(x**2)


def size_of(x: Tensor | None) -> float | None:
    return None if x is None else mean(x.abs())
