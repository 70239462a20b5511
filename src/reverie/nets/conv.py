"""Convolutional networks of the DCGAN form, for pictures of any size, and exact short cuts for their layers.

Radford, Metz & Chintala 2016, arXiv:1511.06434: strided convolutions for pooling, batch norm, no dense layers within.
Activations are channels-last, in which convolutions run fastest on CPUs and GPUs alike.
"""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from .bent import LeakyReLU
from .norm import BatchNorm2d
from .strided import THIN, gather, is_here, spread

Size = tuple[int, int]  # height, width
SMALLEST = 4  # the base, from which a picture is grown, has sides of at least this
WIDEST = 8  # channels double with each halving, up to this many times the first width


def halvings(size: Size, smallest: int = SMALLEST, up: bool = False) -> list[Size]:
    """Sizes from the picture's down to the base: halved, rounded down (or up), as often as the shorter side / 2^n stays
    at or above `smallest`: 28 -> 14 -> 7; 32 -> 16 -> 8 -> 4; 96×64 -> … -> 6×4. Just the size if that is never."""
    sizes, n = [size], 0
    while min(size) >= smallest * 2 ** (n + 1):
        n += 1
        h, w = sizes[-1]
        sizes.append(((h + up) // 2, (w + up) // 2))
    return sizes


class Project(nn.ConvTranspose2d):
    """A transposed convolution of a 1×1 picture, which is a matrix product: (B, latents) -> (B, C, h, w)."""

    def __init__(self, latents: int, channels: int, size: Size, bias: bool = False):
        super().__init__(latents, channels, size, bias=bias)

    def forward(self, z: Float[Tensor, "b z"]) -> Float[Tensor, "b c h w"]:  # type: ignore[override]
        h, w = self.kernel_size
        weight = self.weight.permute(2, 3, 1, 0).reshape(-1, self.in_channels)  # (h w c, z)
        x = F.linear(z, weight).view(-1, h, w, self.out_channels).permute(0, 3, 1, 2)  # lies channels-last
        return x if self.bias is None else x + self.bias.view(1, -1, 1, 1)


class Collapse(nn.Conv2d):
    """A convolution as large as its picture, which is a matrix product: (B, C, h, w) -> (B, out)."""

    def __init__(self, channels: int, out: int, size: Size, bias: bool = False):
        super().__init__(channels, out, size, bias=bias)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b out"]:
        weight = self.weight.permute(0, 2, 3, 1).flatten(1)  # (out, h w c)
        return F.linear(x.permute(0, 2, 3, 1).flatten(1), weight, self.bias)


class Doubled(nn.ConvTranspose2d):
    """The transposed convolution of stride 2 from `small` to exactly `large`: (B, C, h, w) -> (B, out, H, W)."""

    def __init__(self, channels: int, out: int, kernel: int, small: Size, large: Size):
        padding = (kernel - 1) // 2
        odd = [b - (2 * (a - 1) - 2 * padding + kernel) for a, b in zip(small, large)]  # 0 or 1
        super().__init__(channels, out, kernel, 2, padding, output_padding=(odd[0], odd[1]), bias=False)
        self.large = large

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b out h2 w2"]:  # type: ignore[override]
        if self.out_channels <= THIN and is_here(x, self.weight):
            return spread(x, self.weight, self.padding[0], self.large)  # type: ignore[arg-type]
        return super().forward(x)


class Halved(nn.Conv2d):
    """The convolution of stride 2 that `Doubled` mirrors: (B, C, H, W) -> (B, out, h, w)."""

    def __init__(self, channels: int, out: int, kernel: int, bias: bool):
        super().__init__(channels, out, kernel, 2, (kernel - 1) // 2, bias=bias)

    def forward(self, x: Float[Tensor, "b c h2 w2"]) -> Float[Tensor, "b out h w"]:
        if is_here(x, self.weight):
            return gather(x, self.weight, self.bias, self.padding[0])  # type: ignore[arg-type]
        return super().forward(x)


class Generator(nn.Module):
    """Noise to pictures in (-1, 1): (B, latents) -> (B, C, H, W).

    A base of about 4×4, doubled by transposed convolutions of stride 2, each with batch norm and ReLU; tanh at the end.
    No biases: batch norm's are enough. `width` is the number of channels of the last layer before the picture."""

    def __init__(self, latents: int, shape: tuple[int, ...], width: int, kernel: int = 4):
        super().__init__()
        channels, *size = shape
        sizes = stages((size[0], size[1]), kernel)[::-1]
        widths = doubling(width, len(sizes) - 1)[::-1]
        layers: list[nn.Module] = [Project(latents, widths[0], sizes[0]), BatchNorm2d(widths[0]), nn.ReLU(inplace=True)]
        for (small, large), (wide, thin) in zip(pairwise(sizes[:-1]), pairwise(widths)):
            layers += [Doubled(wide, thin, kernel, small, large), BatchNorm2d(thin), nn.ReLU(inplace=True)]
        layers += [Doubled(widths[-1], channels, kernel, sizes[-2], sizes[-1]), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, z: Float[Tensor, "b z"]) -> Float[Tensor, "b c h w"]:
        x: Tensor = self.layers(z)
        return x


class Discriminator(nn.Module):
    """Pictures to one number each, the generator's mirror image with leaky ReLUs: (B, C, H, W) -> (B,).

    With `norm`, batch norm after every convolution but the first and last, and no biases; else biases, except the last
    layer's: a critic's, which cancels in D(x) - D(x̃)."""

    def __init__(self, shape: tuple[int, ...], width: int, kernel: int = 4, slope: float = 0.2, norm: bool = True):
        super().__init__()
        channels, *size = shape
        sizes = stages((size[0], size[1]), kernel)
        widths = [channels, *doubling(width, len(sizes) - 1)]
        layers: list[nn.Module] = []
        for i, (thin, wide) in enumerate(pairwise(widths)):
            layers.append(Halved(thin, wide, kernel, bias=not norm))
            if norm and i:
                layers.append(BatchNorm2d(wide))
            layers.append(LeakyReLU(slope, inplace=True))
        layers.append(Collapse(widths[-1], 1, sizes[-1]))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, " b"]:
        y: Tensor = self.layers(x.contiguous(memory_format=torch.channels_last))
        return y.squeeze(1)


def stages(size: Size, kernel: int) -> list[Size]:
    """The sizes that convolutions of stride 2 and padding (kernel - 1) // 2 go through: an even kernel rounds down, an
    odd one up. Neither pads nor crops: `Doubled` makes up for what rounding took."""
    return halvings(size, up=kernel % 2 == 1)


def doubling(width: int, n: int, widest: int = WIDEST) -> list[int]:
    """Channels of n stages, from the picture inwards."""
    return [width * min(2**i, widest) for i in range(n)]


# ----------------------------------------------------------------------------------------------------- exact short cuts


def upsample_conv(
    x: Float[Tensor, "b i h w"], weight: Float[Tensor, "o i 3 3"], bias: Float[Tensor, " o"] | None = None
) -> Float[Tensor, "b o h2 w2"]:
    """Nearest upsampling by 2, then a 3×3 convolution with padding 1: (B, I, H, W) -> (B, O, 2H, 2W).

    As one transposed 4×4 convolution, 4 products in place of 9: an even output sees the taps w0 at x[i-1] and w1 + w2
    at x[i], an odd one w0 + w1 at x[i] and w2 at x[i+1]."""
    fold = weight.new_tensor([[0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]])
    kernel = torch.einsum("ak,oikl,bl->ioab", fold, weight, fold).contiguous(memory_format=torch.channels_last)
    return F.conv_transpose2d(x, kernel, bias, stride=2, padding=1)


def conv_mean_pool(
    x: Float[Tensor, "b i h w"], weight: Float[Tensor, "o i 3 3"], bias: Float[Tensor, " o"] | None = None
) -> Float[Tensor, "b o h2 w2"]:
    """A 3×3 convolution with padding 1, then mean pooling by 2: (B, I, H, W) -> (B, O, H // 2, W // 2).

    As one 4×4 convolution of stride 2, 16 products in place of 36."""
    fold = weight.new_tensor([[1, 0, 0], [1, 1, 0], [0, 1, 1], [0, 0, 1]]) / 2
    kernel = torch.einsum("ak,oikl,bl->oiab", fold, weight, fold).contiguous(memory_format=torch.channels_last)
    return F.conv2d(x, kernel, bias, stride=2, padding=1)


class UpsampledConv(nn.Conv2d):
    """`upsample_conv` as a layer."""

    def __init__(self, channels: int, out: int, bias: bool = True):
        super().__init__(channels, out, 3, padding=1, bias=bias)

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        return upsample_conv(x, self.weight, self.bias)


class PooledConv(nn.Conv2d):
    """`conv_mean_pool` as a layer."""

    def __init__(self, channels: int, out: int, bias: bool = True):
        super().__init__(channels, out, 3, padding=1, bias=bias)

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        return conv_mean_pool(x, self.weight, self.bias)
