"""Series to go on with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from reverie.errors import Problem
from reverie.kinds import DataOptions, Unseen

from .codec import Codec
from .files import Series, spoken
from .files import read as read_file
from .items import Windows
from .steps import onward, step


def read(where: Sequence[str], codec: Codec, options: DataOptions) -> Unseen:
    """The last window of each file; where windows are made, all of each. Raises Problem where a column is missing or
    there are too few rows."""
    import torch

    if not codec.horizon:
        return windows(where, codec, options)
    parts, names, ahead, notes = [], [], [], list[str]()
    for place in where:
        series = one(place, codec, options, notes)
        parts.append(series.values[-codec.past :])
        names.append(f"{Path(place).name} after {spoken(series.times)[-1]}")
        ahead.append(onward(series.times, codec.horizon))
    values, starts = np.concatenate(parts), np.arange(len(parts)) * codec.past
    encoded = torch.from_numpy(codec.standardised(values))
    return Unseen(Windows(values, encoded, starts, codec, names, truth=False), names, False, notes, ahead)


def one(place: str, codec: Codec, options: DataOptions, notes: list[str]) -> Series:
    """A file with the codec's channels. Raises Problem where it is shorter than a window."""
    series = read_file(place, skip_bad=options.skip_bad, only=codec.channels)
    if len(series) < codec.past:
        what = "looks back at" if codec.horizon else "knows windows of"
        raise Problem(f"{place}: {len(series):,} rows; the model {what} {codec.past:,}. Give as many")
    found = step(series.times)
    if found.text != codec.step:
        notes.append(f"{place}: its rows lie {found.text} apart, those that the model has learnt from {codec.step}")
    notes += series.notes
    return series


def windows(where: Sequence[str], codec: Codec, options: DataOptions) -> Unseen:
    """Each file cut into windows, one after the other; the last one ends with the file, and so may overlap the one
    before it. Raises Problem."""
    import torch

    parts, names, starts, notes, before = [], [], list[int](), list[str](), 0
    for place in where:
        series = one(place, codec, options, notes)
        first = [*range(0, len(series) - codec.past, codec.past), len(series) - codec.past]
        times = spoken(series.times)
        names += [f"{Path(place).name} {times[k]} to {times[k + codec.past - 1]}" for k in first]
        starts += [before + k for k in first]
        parts.append(series.values)
        before += len(series)
    values = np.concatenate(parts)
    encoded = torch.from_numpy(codec.standardised(values))
    return Unseen(Windows(values, encoded, np.array(starts), codec, names), names, False, notes)
