"""Self-attention over the places of a map. Zhang, Goodfellow, Metaxas & Odena 2019, "Self-Attention Generative
Adversarial Networks", arXiv:1805.08318, section 3, with what the authors' code adds: keys and values are max-pooled by
2, values have half of the channels."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from .spectral import SpectralConv2d


class SelfAttention(nn.Module):
    """x + γ o, with γ from 0, so that a network first learns of what lies near: (B, C, H, W) -> (B, C, H, W), with
    sides of at least 2. Every place looks at all others, with weights softmax(query · key), not scaled."""

    def __init__(self, channels: int):
        super().__init__()
        few, half = max(1, channels // 8), max(1, channels // 2)
        self.query, self.key = (SpectralConv2d(channels, few, 1, bias=False) for _ in range(2))
        self.value = SpectralConv2d(channels, half, 1, bias=False)
        self.out = SpectralConv2d(half, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        query = places(self.query(x))  # (B, H W, C / 8)
        key = places(F.max_pool2d(self.key(x), 2))  # (B, H W / 4, C / 8)
        value = places(F.max_pool2d(self.value(x), 2))  # (B, H W / 4, C / 2)
        weight = torch.bmm(query, key.transpose(1, 2)).softmax(2)
        seen = torch.bmm(weight, value)  # (B, H W, C / 2)
        b, _, h, w = x.shape
        y: Tensor = self.out(seen.view(b, h, w, -1).permute(0, 3, 1, 2))
        return x + self.gamma * y


def places(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b places c"]:
    """Of a map that lies channels-last: a view."""
    return x.permute(0, 2, 3, 1).flatten(1, 2)
