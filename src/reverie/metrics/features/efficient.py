"""EfficientNet's features: the offline default, and a faster one for watching a run."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ..efficientnet import HEAD, STAGES, EfficientNetLite0, pretrained
from .pictures import Extractor, at_side, blockwise

SIDES = (64, 128, 224)  # input sizes of the default extractor
CHEAP_SIDE, CHEAP_BLOCKS = 32, 8


class EfficientNetFeatures:
    """EfficientNet-Lite0 on ImageNet: the averages over its last map, or over the map after some of its blocks."""

    def __init__(self, side: int, blocks: int = 0, network: EfficientNetLite0 | None = None):
        """`blocks`: 0 for the whole network. Raises Problem where the weights are not installed."""
        self.network = (network or pretrained()).folded().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.side, self.blocks = side, blocks
        widths = [out for count, *_, out in STAGES for _ in range(count)]
        self.dim = widths[blocks - 1] if blocks else HEAD
        layer = f"block{blocks}-" if blocks else ""
        self.name = f"efficientnet-lite0-in{side}-bilinear-aa-{layer}pool{self.dim}"

    def __call__(self, images: np.ndarray) -> Tensor:
        return blockwise(images, self.dim, self.block)

    def block(self, images: np.ndarray) -> Tensor:
        x = at_side(images, self.side).contiguous(memory_format=torch.channels_last)
        found: Tensor = self.network.stages(x, self.blocks).mean((2, 3)) if self.blocks else self.network.features(x)
        return found


@lru_cache(maxsize=4)
def default(side: int = 64) -> Extractor:
    """The extractor for pictures up to that many pixels wide or high: the network sees 64, 128 or, beyond, 224."""
    return EfficientNetFeatures(next((s for s in SIDES if side <= s), SIDES[-1]))


@lru_cache(maxsize=1)
def cheap() -> Extractor:
    """Thousands of pictures a second: half of the network at 32 px. For watching one run, not for comparing runs."""
    return EfficientNetFeatures(CHEAP_SIDE, CHEAP_BLOCKS)
