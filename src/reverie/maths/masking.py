"""Sounds varied as pictures of their spectrum, so that a network doesn't learn its items by heart. Each function maps
frames (B, T, D) to frames of the same shape and draws from torch's global generator; 0 is the mean of standardised
frames, and stands for nothing."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

MASKS = 2  # along each axis: the policy LD of Park et al. 2019, table 1


def spec_augment(
    x: Float[Tensor, "b t d"], lengths: Int[Tensor, " b"], time: float, bands: float
) -> Float[Tensor, "b t d"]:
    """Two blocks of frames and two of bands are 0, each as wide as drawn from 0 to a share, `time` of the item's own
    frames (Park et al. 2020, arXiv:1912.05533, adaptive size) and `bands` of the bands, both in [0, 1]. Park et al.
    2019, SpecAugment, arXiv:1904.08779, without its warping of time, which the paper finds no major factor."""
    wide = torch.full_like(lengths, x.shape[2])
    gone: Tensor = blocks(lengths, x.shape[1], time)[:, :, None] | blocks(wide, x.shape[2], bands)[:, None]
    return x.masked_fill(gone, 0.0)


def blocks(counts: Int[Tensor, " b"], size: int, share: float) -> Bool[Tensor, "b n"]:
    """True in MASKS blocks of each row: of its first `counts` places, a width drawn from 0 … share · count and a start
    from where the block fits."""
    most = (share * counts).long()
    u, v = torch.rand(2, len(counts), MASKS, device=counts.device)
    width = (u * (most[:, None] + 1)).long()
    start = (v * (counts[:, None] - width + 1)).long()
    place = torch.arange(size, device=counts.device)
    inside: Tensor = (place >= start[..., None]) & (place < (start + width)[..., None])  # (B, masks, size)
    return inside.any(1)


def moved_in_time(x: Float[Tensor, "b t d"], lengths: Int[Tensor, " b"], most: int) -> Float[Tensor, "b t d"]:
    """Each item moved by up to `most` frames to and fro within its own frames; what is left empty is 0."""
    by = torch.randint(-most, most + 1, (len(x), 1), device=x.device)
    source = torch.arange(x.shape[1], device=x.device) - by  # (B, T)
    there = (source >= 0) & (source < lengths[:, None])
    there &= torch.arange(x.shape[1], device=x.device) < lengths[:, None]
    y = x.gather(1, source.clamp(0, x.shape[1] - 1)[..., None].expand_as(x))
    return y.masked_fill(~there[..., None], 0.0)
