"""Small pictures of three kinds that anything can tell apart."""

from pathlib import Path

import numpy as np
from PIL import Image

STRIPES = ("across", "down", "dots")


def striped(kind: str, rng: np.random.Generator) -> np.ndarray:
    """(16, 16) uint8."""
    x = np.zeros((16, 16))
    x[{"across": np.s_[::2], "down": np.s_[:, ::2], "dots": np.s_[::4, ::4]}[kind]] = 1
    return (255 * np.clip(0.8 * x + 0.1 + 0.05 * rng.standard_normal(x.shape), 0, 1)).astype(np.uint8)


def write_stripes(where: Path, count: int, digits: int = 1) -> Path:
    """A folder a kind, each of so many pictures: 0.png and on."""
    rng = np.random.default_rng(0)
    for kind in STRIPES:
        (where / kind).mkdir()
        for k in range(count):
            Image.fromarray(striped(kind, rng)).save(where / kind / f"{k:0{digits}d}.png")
    return where
