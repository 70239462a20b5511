"""Layers whose weight is divided by its largest singular value. Miyato, Kataoka, Koyama & Yoshida 2018, "Spectral
Normalization for Generative Adversarial Networks", arXiv:1802.05957.

σ(W) is estimated by power iteration (its algorithm 1): u and v follow the weight's first singular vectors, one
iteration after each of its updates. A forward pass reads them and writes nothing: it would else move them once a shard,
and so differ between one process and two.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from .conv import conv_mean_pool, upsample_conv

# Iterations from random vectors. Of an n×n matrix they leave, in the mean, a relative error of σ below 0.44 ln(n) / 63:
# 4 % of 200 (Kuczyński & Woźniakowski 1992, "Estimating the largest eigenvalue by the power and Lanczos algorithms")
FIRST = 64


class Spectral(nn.Module):
    """What the layers share. The weight (out, …) is seen as a matrix (out, the rest)."""

    weight: Any  # of the layer that it is mixed into
    u: Tensor  # (out,) of length 1
    v: Tensor  # (the rest,) of length 1

    def add_vectors(self) -> None:
        """Random u and v, from torch's global generator."""
        rows, columns = self.matrix().shape
        self.register_buffer("u", F.normalize(torch.randn(rows), dim=0))
        self.register_buffer("v", F.normalize(torch.randn(columns), dim=0))

    def matrix(self) -> Float[Tensor, "rows columns"]:
        """Of a convolution that lies channels-last: a view, so that nothing is copied."""
        w: Tensor = self.weight
        return (w.permute(0, 2, 3, 1) if w.ndim == 4 else w).flatten(1)

    def sigma(self) -> Float[Tensor, ""]:
        """uᵀ W v, at most the largest singular value. Its gradient is u vᵀ (equation 10: it passes through the
        weight, not through u and v)."""
        with torch.autocast(self.weight.device.type, enabled=False):  # bfloat16 would round it by 0.4 %
            return torch.dot(self.u, torch.mv(self.matrix(), self.v))

    def normalised(self) -> Tensor:
        """W / σ(W)."""
        w: Tensor = self.weight / self.sigma()
        return w

    @torch.no_grad()
    def iterate(self) -> None:
        """v <- Wᵀu, u <- Wv, both of length 1."""
        w = self.matrix()
        self.v.copy_(F.normalize(torch.mv(w.t(), self.u), dim=0))
        self.u.copy_(F.normalize(torch.mv(w, self.v), dim=0))


class SpectralLinear(Spectral, nn.Linear):
    """(…, in) -> (…, out)."""

    def __init__(self, inputs: int, outputs: int, bias: bool = True):
        super().__init__(inputs, outputs, bias)
        self.add_vectors()

    def forward(self, x: Float[Tensor, "*b i"]) -> Float[Tensor, "*b o"]:
        return F.linear(x, self.normalised(), self.bias)


class SpectralEmbedding(Spectral, nn.Embedding):
    """(B,) numbers below `count` -> (B, size). The matrix of all vectors is normalised."""

    def __init__(self, count: int, size: int):
        super().__init__(count, size)
        self.add_vectors()

    def forward(self, number: Int[Tensor, " b"]) -> Float[Tensor, "b c"]:
        return F.embedding(number, self.weight) / self.sigma()


class SpectralConv2d(Spectral, nn.Conv2d):
    """A convolution that keeps the size: (B, in, H, W) -> (B, out, H, W)."""

    def __init__(self, channels: int, out: int, kernel: int = 3, bias: bool = True):
        super().__init__(channels, out, kernel, padding=kernel // 2, bias=bias)
        self.add_vectors()

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        return F.conv2d(x, self.normalised(), self.bias, padding=self.kernel_size[0] // 2)


class SpectralUpsampledConv(SpectralConv2d):
    """Nearest upsampling by 2 before it: (B, in, H, W) -> (B, out, 2H, 2W)."""

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        return upsample_conv(x, self.normalised(), self.bias)


class SpectralPooledConv(SpectralConv2d):
    """Mean pooling by 2 after it: (B, in, H, W) -> (B, out, H // 2, W // 2)."""

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        return conv_mean_pool(x, self.normalised(), self.bias)


def power_iterations(network: nn.Module, times: int = 1) -> None:
    """Of every spectral layer in it; of a network without values, which is only counted, none."""
    for layer in network.modules():
        if isinstance(layer, Spectral) and not layer.u.is_meta:
            for _ in range(times):
                layer.iterate()
