"""How unlike two pictures look to a network, with gradients: what a picture is searched for by.

After Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", arXiv:1801.03924,
equation 1: maps of several layers, each place's channels scaled to length 1, the mean squared difference over places,
added up over layers. Their weights of channels, learnt from people's judgements, are left out (their "baseline").
"""

from __future__ import annotations

from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from ..efficientnet import EfficientNetLite0, pretrained
from .pictures import resized

BLOCKS = (1, 3, 5, 10)  # after which the maps are compared: half of the side, a quarter, an eighth, a sixteenth
LEAST = 64  # pixels of the side that the network sees, at least


class Maps:
    """RGB pictures in [0, 1] -> their maps as one vector each, whose squared distances are the paper's sum."""

    def __init__(self, network: EfficientNetLite0):
        self.network = network

    def __call__(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        side = max(LEAST, *x.shape[2:])
        y, found, done = resized(x, side) * 255, [], 0
        y = self.network.stages(y, 0)
        for last in BLOCKS:
            for block in list(self.network.blocks)[done:last]:
                y = block(y)
            done = last
            unit = y / (y.square().sum(1, keepdim=True) + 1e-10).sqrt()
            found.append(unit.flatten(1) / (y.shape[2] * y.shape[3]) ** 0.5)
        return torch.cat(found, 1)


@lru_cache(maxsize=1)
def maps() -> Maps:
    """With the ImageNet weights. Raises Problem where they are not installed."""
    return Maps(pretrained().folded())


def colours(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 3 h w"]:
    """Pictures in [0, 1] of 1 … 4 channels as the network sees them: grey repeated, transparency laid on white."""
    if x.shape[1] in (2, 4):
        x = x[:, -1:] * x[:, :-1] + 1 - x[:, -1:]
    return x.expand(-1, 3, -1, -1)
