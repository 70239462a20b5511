"""Series with known values, as files."""

from pathlib import Path

import numpy as np

from reverie.kinds import DataOptions
from reverie.kinds.find import open_source

ROWS, CHANNELS = 200, ("a", "b", "c")


def values(rows: int = ROWS) -> np.ndarray:
    """(rows, 3): a rising line, a wave, and noise on a grid that prints exactly."""
    k = np.arange(rows)
    noise = np.random.default_rng(0).integers(-1000, 1000, rows) / 64
    return np.stack([k / 8, np.round(np.sin(k / 4) * 64) / 64, noise], 1)


def lines(numbers: np.ndarray | None = None, step: str = "h", name: str = "date") -> list[str]:
    """A head and a row a step, from 2024 on."""
    numbers = values() if numbers is None else numbers
    times = np.datetime64("2024-01-01T00:00:00") + np.arange(len(numbers)) * np.timedelta64(1, step)
    rows = (f"{str(t).replace('T', ' ')},{','.join(map(repr, row))}" for t, row in zip(times, numbers.tolist()))
    return [",".join([name, *CHANNELS]), *rows]


def file(folder: Path, text: str | list[str], name: str = "series.csv") -> str:
    path = folder / name
    path.write_text(text if isinstance(text, str) else "\n".join(text) + "\n", encoding="utf-8")
    return str(path)


def prepared(where: str, wished: tuple[int, ...] = (), **options):
    return open_source(where, DataOptions(predict="next", **options)).prepare(wished)
