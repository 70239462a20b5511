"""How far generated pictures lie apart, beside real ones: what falls where a generator collapses, at each look."""

from __future__ import annotations

import numpy as np

from reverie.metrics import features
from reverie.metrics.neighbours import apart


def spread(real: np.ndarray, fake: np.ndarray) -> float:
    """Mean distance of pairs of generated pictures over that of real ones, on the features of `cheap`: about 1 of
    real against real, 0 where all are the same picture; 1 where the real ones are. Each (N, H, W, C) integers."""
    extractor = features.cheap()
    beside = apart(features.of(real, extractor))
    return apart(extractor(fake)) / beside if beside else 1.0
