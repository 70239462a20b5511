"""A run with codes, and models whose codes have known answers."""

from pathlib import Path
from typing import Any

import pytest

import reverie
from coded import Whole
from reverie.training.run import Run
from stripes import write_stripes


@pytest.fixture(scope="session")
def stripes(tmp_path_factory) -> Path:
    """A folder a class, 40 pictures each."""
    return write_stripes(tmp_path_factory.mktemp("stripes"), 40, digits=2)


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
