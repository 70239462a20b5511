"""Pictures of three classes that the nearest mean tells apart."""

import torch
from torch import Tensor

from toys import Values


def halves(count: int = 240) -> tuple[Tensor, Values]:
    """Bright above, bright on the left, dark, with noise: the means (3, 16, 16) and the items (count, 1, 16, 16)."""
    g = torch.Generator().manual_seed(1)
    label = torch.arange(count) % 3
    row, column = torch.meshgrid(torch.arange(16), torch.arange(16), indexing="ij")
    dark = torch.full((16, 16), -0.7)
    means = torch.stack([torch.where(row < 8, 0.7, dark), torch.where(column < 8, 0.7, dark), dark])
    x = means[label][:, None] + 0.1 * torch.randn(count, 1, 16, 16, generator=g)
    return means, Values({"image": x.clamp(-1, 1), "label": label})


def nearest(means: Tensor, x: Tensor) -> Tensor:
    """The class of each picture (B, 1, 16, 16) whose mean is nearest."""
    return (x - means[:, None, None]).square().sum((2, 3, 4)).argmin(0)
