"""Layers whose learning rate is equalised: weights are kept of variance 1 and scaled at every use, so that Adam's step
is as large beside every weight. Karras, Aila, Laine & Lehtinen 2018, "Progressive Growing of GANs", arXiv:1710.10196,
section 4.1, and what else its networks and StyleGAN's (arXiv:1812.04948, arXiv:1912.04958) share."""

from math import gcd, sqrt

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

EPS = 1e-8  # of both normalisations, section 4.2 and the appendix


class EqualLinear(nn.Module):
    """A dense layer: (…, in) -> (…, out). `gain` √2 is He's before a ReLU; `rate` is the factor on its learning rate
    (StyleGAN's mapping network: 0.01), which moves weights and biases that much slower and changes no output."""

    def __init__(self, inputs: int, outputs: int, gain: float = 1.0, rate: float = 1.0, bias: float | None = 0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = None if bias is None else nn.Parameter(torch.full((outputs,), bias / rate))
        self.scale, self.rate = gain * rate / sqrt(inputs), rate

    def forward(self, x: Float[Tensor, "*b i"]) -> Float[Tensor, "*b o"]:
        bias = None if self.bias is None else self.bias * self.rate
        return F.linear(x, self.weight * self.scale, bias)


class EqualConv2d(nn.Module):
    """A convolution of stride 1 that keeps the size (odd kernels): (B, in, H, W) -> (B, out, H, W). `padding` 0 crops
    it to (H - k + 1, W - k + 1)."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, gain: float = 1.0, bias: bool = True, padding: int = -1
    ):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.scale = gain / sqrt(inputs * kernel * kernel)
        self.padding = kernel // 2 if padding < 0 else padding

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        return F.conv2d(x, self.scaled(), self.bias, padding=self.padding)

    def scaled(self) -> Float[Tensor, "o i k k"]:
        """The weight that the convolution is made with."""
        return self.weight * self.scale


def pixel_norm(x: Float[Tensor, "b c *places"]) -> Float[Tensor, "b c *places"]:
    """Every place's channels divided by the root of their mean square (section 4.2)."""
    return x * torch.rsqrt(x.square().mean(1, keepdim=True) + EPS)


def minibatch_deviation(x: Float[Tensor, "b c h w"], group: int = 4) -> Float[Tensor, "b c2 h w"]:
    """One more channel: how much the items of a group differ, the mean over channels and places of the deviation over
    the group (section 3). A group has `group` items, or the largest number below that divides both it and the batch;
    its items lie B / group apart, as in the authors' code."""
    size = gcd(len(x), group) if len(x) % group else group
    groups = x.view(size, -1, *x.shape[1:])  # (size, B / size, C, H, W)
    variance = (groups - groups.mean(0)).square().mean(0)  # a tenth of the time of var, which goes place by place
    deviation = (variance + EPS).sqrt().mean(dim=(1, 2, 3))  # (B / size,)
    plane = deviation.repeat(size).view(-1, 1, 1, 1).expand(-1, 1, *x.shape[2:])
    return torch.cat([x, plane], 1)


def bounded(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Within [-1, 1], as files are, of networks without a bound of their own; gradients pass, so that a search for a
    picture can leave the bounds again."""
    return x + (x.clamp(-1, 1) - x).detach()
