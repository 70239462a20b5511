"""One vector from many, of items of different lengths."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn


class Attend(nn.Module):
    """The mean over an item's vectors, weighted by how much each is what a learned vector asks for. Yang et al. 2016,
    "Hierarchical Attention Networks for Document Classification", equations 5 to 7: u = tanh(W h + b), weights
    softmax(u · u_w) over what is there. (B, T, D) -> (B, D)."""

    def __init__(self, width: int):
        super().__init__()
        self.dense, self.ask = nn.Linear(width, width), nn.Linear(width, 1, bias=False)

    def forward(self, x: Float[Tensor, "b t d"], there: Bool[Tensor, "b t"] | None = None) -> Float[Tensor, "b d"]:
        return torch.einsum("bt,btd->bd", self.weights(x, there), x)

    def weights(self, x: Float[Tensor, "b t d"], there: Bool[Tensor, "b t"] | None = None) -> Float[Tensor, "b t"]:
        """Sum to 1 over what is there, and are 0 elsewhere."""
        asked = self.ask(torch.tanh(self.dense(x))).squeeze(2)
        if there is not None:
            asked = asked.masked_fill(~there, -torch.inf)
        return torch.softmax(asked, 1)


def mean(x: Float[Tensor, "b t d"], there: Bool[Tensor, "b t"] | None = None) -> Float[Tensor, "b d"]:
    """Over what is there."""
    if there is None:
        return x.mean(1)
    weight = there.to(x.dtype)
    return torch.einsum("bt,btd->bd", weight / weight.sum(1, keepdim=True), x.masked_fill(~there[..., None], 0.0))


def last(x: Float[Tensor, "b t d"], lengths: Int[Tensor, " b"] | None, width: int) -> Float[Tensor, "b d"]:
    """The state after an item's last step: of the way on, the first `width` numbers, at its end; of the way back, the
    others, at its beginning."""
    if lengths is None:
        end = x[:, -1, :width]
    else:
        end = x[torch.arange(len(x), device=x.device), lengths - 1, :width]
    return torch.cat([end, x[:, 0, width:]], 1)
