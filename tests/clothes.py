"""Fashion-MNIST's test pictures, which travel in the package."""

import gzip
from importlib import resources

import numpy as np


def clothes(count: int = 10_000) -> tuple[np.ndarray, np.ndarray]:
    """The first pictures (count, 28, 28, 1) and their classes (count,)."""
    samples = resources.files("reverie") / "samples"
    files = [samples / f"t10k-{name}-ubyte.gz" for name in ("images-idx3", "labels-idx1")]
    x, y = (np.frombuffer(gzip.decompress(file.read_bytes()), np.uint8) for file in files)
    return x[16:].reshape(-1, 28, 28, 1)[:count], y[8 : 8 + count].astype(np.int64)
