"""Series to go on with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from reverie.errors import Problem
from reverie.kinds import DataOptions, Unseen

from .codec import Codec
from .files import read as read_file
from .files import spoken
from .items import Windows
from .steps import onward, step


def read(where: Sequence[str], codec: Codec, options: DataOptions) -> Unseen:
    """The last window of each file. Raises Problem where a column is missing or there are too few rows."""
    import torch

    parts, names, ahead, notes = [], [], [], []
    for place in where:
        series = read_file(place, skip_bad=options.skip_bad, only=codec.channels)
        if len(series) < codec.past:
            raise Problem(f"{place}: {len(series):,} rows; the model looks back at {codec.past:,}. Give as many")
        found = step(series.times)
        if found.text != codec.step:
            notes.append(f"{place}: its rows lie {found.text} apart, those that the model has learnt from {codec.step}")
        parts.append(series.values[-codec.past :])
        names.append(f"{Path(place).name} after {spoken(series.times)[-1]}")
        ahead.append(onward(series.times, codec.horizon))
        notes += series.notes
    values, starts = np.concatenate(parts), np.arange(len(parts)) * codec.past
    encoded = torch.from_numpy(codec.standardised(values))
    return Unseen(Windows(values, encoded, starts, codec, names, truth=False), names, False, notes, ahead)
