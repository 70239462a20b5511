"""A run with codes, and models whose codes have known answers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import reverie
from coded import Whole
from reverie.training.run import Run

STRIPES = ("across", "down", "dots")


def striped(kind: str, rng: np.random.Generator) -> np.ndarray:
    x = np.zeros((16, 16))
    x[{"across": np.s_[::2], "down": np.s_[:, ::2], "dots": np.s_[::4, ::4]}[kind]] = 1
    return (255 * np.clip(0.8 * x + 0.1 + 0.05 * rng.standard_normal(x.shape), 0, 1)).astype(np.uint8)


@pytest.fixture(scope="session")
def stripes(tmp_path_factory) -> Path:
    """A folder a class, 40 pictures each."""
    where, rng = tmp_path_factory.mktemp("stripes"), np.random.default_rng(0)
    for kind in STRIPES:
        (where / kind).mkdir()
        for k in range(40):
            Image.fromarray(striped(kind, rng)).save(where / kind / f"{k:02d}.png")
    return where


@pytest.fixture(scope="session")
def coded(stripes, tmp_path_factory) -> Run:
    """A vae of the stripes."""
    return reverie.fit(stripes, "vae", set="tiny", steps=150, out=tmp_path_factory.mktemp("coded") / "run")


@pytest.fixture
def whole(tmp_path, coded):
    """A run of that model, for any codec."""

    def make(codec: Any, lost: float = 0.0, model: type[Whole] = Whole) -> Run:
        run = Run(tmp_path / "run", {**coded.info, "model": "vae"})
        vars(run).update(spec=codec.spec, codec=codec, model=model(codec.spec, lost).eval().requires_grad_(False))
        return run

    return make
