"""What feed-forward networks need beside their layers: batch norm of an ensemble, and the scale of a series' past."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from .norm import BatchNorm1d


class MemberNorm(nn.Module):
    """Batch norm of each member of an ensemble by itself: (B, members, C) -> (B, members, C). With one member, plain
    batch norm. In training mode raises Problem for a batch of one item, as `BatchNorm` does."""

    def __init__(self, members: int, channels: int):
        super().__init__()
        self.norm = BatchNorm1d(members * channels)

    def forward(self, x: Float[Tensor, "b k c"]) -> Float[Tensor, "b k c"]:
        y: Tensor = self.norm(x.flatten(1))
        return y.view(x.shape)


def own_scale(
    past: Float[Tensor, "b l c"], there: Bool[Tensor, "b l c"]
) -> tuple[Float[Tensor, "b 1 c"], Float[Tensor, "b 1 c"]]:
    """Mean and deviation along time of each channel, of the values that are there; a channel that does not vary, or is
    not there at all, has deviation 1. Kim et al. 2022, reversible instance normalisation, without its affine map: what
    is predicted from (past - mean) / deviation and put back moves and stretches with the past exactly."""
    weight = there.to(past.dtype)
    count = weight.sum(1, keepdim=True).clamp(min=1)
    mean = (past * weight).sum(1, keepdim=True) / count
    deviation = (((past - mean) * weight).square().sum(1, keepdim=True) / count).sqrt()
    least = past.masked_fill(~there, torch.inf).amin(1, keepdim=True)
    most = past.masked_fill(~there, -torch.inf).amax(1, keepdim=True)
    return mean, torch.where(most > least, deviation, 1.0)  # by rounding, a constant's own deviation is not 0
