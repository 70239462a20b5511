"""StyleGAN2's generator: a mapping network, convolutions modulated by styles, noise, skip connections to the picture.

Karras, Laine & Aila 2019, arXiv:1812.04948; Karras et al. 2020, arXiv:1912.04958: configuration F, section 2 and
appendix B. Classes enter the mapping network as Karras et al. 2020, arXiv:2006.06676, have it.
"""

from itertools import pairwise
from math import sqrt

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.maths.resample import Size, binomial, conv_upsampled, upsampled

from .conv import doubling, halvings
from .equalised import EqualConv2d, EqualLinear, pixel_norm

SLOPE = 0.2  # of every leaky ReLU, below 0
GAIN = sqrt(2)  # behind every leaky ReLU. It goes through it, so weights and biases before it carry it
EPS = 1e-8  # of demodulation
RATE = 0.01  # of the mapping network: the factor on its learning rate (2019, appendix C)


def pyramid(size: Size, width: int, widest: int) -> tuple[list[Size], list[int]]:
    """Sizes and channels from the picture down to the base, which has a shorter side of 4 to 8: each size half the one
    before, rounded up, with twice the channels, up to `widest`."""
    sizes = halvings(size, up=True)
    return sizes, [min(channels, widest) for channels in doubling(width, len(sizes), 2 ** len(sizes))]


class Dense(EqualLinear):
    """A dense layer and a leaky ReLU, times √2, which weights and bias carry through it: (…, in) -> (…, out)."""

    def __init__(self, inputs: int, outputs: int, rate: float = 1.0):
        super().__init__(inputs, outputs, GAIN, rate)

    def forward(self, x: Float[Tensor, "*b i"]) -> Float[Tensor, "*b o"]:
        assert self.bias is not None
        return F.leaky_relu(F.linear(x, self.weight * self.scale, self.bias * (self.rate * GAIN)), SLOPE)


class Mapping(nn.Module):
    """Noise z, a class, or both to a style w: (B, latents), (B,) -> (B, style). Without latents, of the class alone."""

    def __init__(self, latents: int, style: int, layers: int, classes: int = 0):
        super().__init__()
        self.classes = classes
        self.embed = EqualLinear(classes, style) if classes else None
        inputs = [latents + (style if classes else 0), *[style] * (layers - 1)]
        self.layers = nn.Sequential(*(Dense(i, style, RATE) for i in inputs))

    def forward(self, z: Float[Tensor, "b z"] | None, label: Int[Tensor, " b"] | None = None) -> Float[Tensor, "b s"]:
        parts = [] if z is None else [pixel_norm(z)]
        if self.embed is not None and label is not None:
            chosen = F.one_hot(label, self.classes).to(self.embed.weight.dtype)
            parts.append(pixel_norm(self.embed(chosen)))
        w: Tensor = self.layers(torch.cat(parts, 1))
        return w


def demodulation(weight: Float[Tensor, "o i k k2"], style: Float[Tensor, "b i"]) -> Float[Tensor, "b o"]:
    """1 / √Σ (s_i w_oik)²: what brings each output of the modulated convolution back to deviation 1 (2020, equation 3),
    as a matrix product of the squares."""
    return torch.rsqrt(style.square() @ weight.square().sum((2, 3)).t() + EPS)


class Modulated(EqualConv2d):
    """A convolution whose weights each item scales by its style, w_oik s_i (2020, equation 1).

    The input is scaled in their place, and the output demodulated: the same numbers without weights for each item. On
    one core forward and back took 13 ms for 32 items of 128 channels at 7×7, a grouped convolution with such weights
    128; 31 ms and 48 for 64 to 32 channels at 28×28."""

    def __init__(self, inputs: int, outputs: int, style: int, kernel: int = 3):
        super().__init__(inputs, outputs, kernel, bias=False)
        self.style = EqualLinear(style, inputs, bias=1.0)


class Styled(Modulated):
    """A modulated, demodulated 3×3 convolution, noise, bias, leaky ReLU: (B, in, h, w), (B, style) -> (B, out, H, W).
    H and W are `size`, which may be twice the input's."""

    noise: Tensor
    taps: Tensor

    def __init__(self, inputs: int, outputs: int, style: int, size: Size, up: bool):
        super().__init__(inputs, outputs, style)
        self.size, self.up = size, up
        self.strength = nn.Parameter(torch.zeros(()))  # of the noise
        self.shift = nn.Parameter(torch.zeros(outputs))  # the bias
        self.register_buffer("noise", torch.randn(size))  # of sampling
        if up:
            self.register_buffer("taps", binomial(), persistent=False)

    def forward(self, x: Tensor, w: Tensor, fixed: bool = False) -> Tensor:  # type: ignore[override]
        """`fixed`: the same noise for every item and call, else drawn from torch's global generator."""
        style, weight = self.style(w), self.scaled()
        y = x * style[:, :, None, None]
        y = conv_upsampled(y, weight, self.taps, self.size) if self.up else F.conv2d(y, weight, padding=1)
        noise = self.noise if fixed else torch.randn(len(y), 1, *self.size, dtype=x.dtype, device=y.device)
        y = y * (GAIN * demodulation(weight, style)).to(y.dtype)[:, :, None, None]
        y = y + (noise * (GAIN * self.strength)).to(y.dtype)
        return F.leaky_relu(y + (GAIN * self.shift).to(y.dtype)[:, None, None], SLOPE)


class Picture(Modulated):
    """A modulated 1×1 convolution to the picture's channels, with a bias: (B, in, H, W), (B, style) -> (B, C, H, W)."""

    def __init__(self, inputs: int, channels: int, style: int):
        super().__init__(inputs, channels, style, 1)
        self.shift = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:  # type: ignore[override]
        return F.conv2d(x * self.style(w)[:, :, None, None], self.scaled(), self.shift)


class Synthesis(nn.Module):
    """Styles to pictures: (B, layers, style) -> (B, C, H, W), not bounded.

    A constant of the base's size; at each size two styled layers (at the base one), the first of which doubles it; at
    each size a picture, added to the doubled one before it. `layers` counts the styled layers and the last picture; any
    other picture shares the style of the layer that follows it."""

    taps: Tensor

    def __init__(self, shape: tuple[int, ...], style: int, width: int, widest: int):
        super().__init__()
        channels, *size = shape
        sizes, widths = pyramid((size[0], size[1]), width, widest)
        self.sizes, wide = sizes[::-1], widths[::-1]
        self.constant = nn.Parameter(torch.randn(1, wide[0], *self.sizes[0]))
        styled = [Styled(wide[0], wide[0], style, self.sizes[0], up=False)]
        for large, (i, o) in zip(self.sizes[1:], pairwise(wide)):
            styled += [Styled(i, o, style, large, up=True), Styled(o, o, style, large, up=False)]
        self.styled = nn.ModuleList(styled)
        self.pictures = nn.ModuleList(Picture(o, channels, style) for o in wide)
        self.layers = len(styled) + 1
        self.register_buffer("taps", binomial(), persistent=False)

    def forward(self, w: Float[Tensor, "b l s"], fixed: bool = False) -> Float[Tensor, "b c h w"]:
        """`fixed`: with the noise of sampling."""
        styles = w.unbind(1)
        x = self.styled[0](self.constant.expand(len(w), -1, -1, -1), styles[0], fixed)
        picture: Tensor = self.pictures[0](x, styles[1])
        for k, size in enumerate(self.sizes[1:], 1):
            x = self.styled[2 * k - 1](x, styles[2 * k - 1], fixed)
            x = self.styled[2 * k](x, styles[2 * k], fixed)
            picture = upsampled(picture, self.taps, size) + self.pictures[k](x, styles[2 * k + 1])
        return picture
