"""Answers that go on in time, as rows: one a step ahead, a column a channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from reverie.kinds import Unseen

OWN = ("item", "step", "time")  # columns that stand before the channels
WINDOWS = (
    "windows of a series overlap and are not exchangeable: intervals cover as promised only while it stays as it was"
)


def rows(
    unseen: Unseen, name: str, found: Mapping[str, Sequence[Any]], channels: Sequence[str]
) -> dict[str, list[Any]]:
    """Columns of N items times H steps. `found` holds (N, H, C) under `name` and, where there are intervals, under low
    and high."""
    values = {head: np.asarray(x, dtype=float) for head, x in found.items()}
    items, steps, _ = values[name].shape
    columns: dict[str, list[Any]] = {
        "item": [item for item in unseen.names for _ in range(steps)],
        "step": list(range(1, steps + 1)) * items,
    }
    if unseen.ahead:
        columns["time"] = [time for times in unseen.ahead for time in times]
    for c, channel in enumerate(channels):
        columns[f"predicted {channel}" if channel in OWN else channel] = values[name][..., c].ravel().tolist()
        for end in ("low", "high"):
            if end in values:
                columns[f"{end}[{channel}]"] = values[end][..., c].ravel().tolist()
    return columns
