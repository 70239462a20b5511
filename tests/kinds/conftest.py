import numpy as np
import pytest
import torch

from kinds.picture_sets import C, H, N, W


@pytest.fixture
def own_cache(tmp_path_factory, monkeypatch):
    """A cache of the test's own, outside its folder of data, and no real sets."""
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("REVERIE_DATA", raising=False)


@pytest.fixture(scope="module")
def raw():
    """Pictures of noise: (N, H, W, C)."""
    return torch.randint(0, 256, (N, H, W, C), generator=torch.Generator().manual_seed(1)).numpy().astype(np.uint8)
