"""Networks that grow: a generator and a critic that begin at a small size and double it, each new size faded in.
Karras, Aila, Laine & Lehtinen 2018, "Progressive Growing of GANs", arXiv:1710.10196, section 2 and table 2.

How far they have grown is a number: k where size k, the first being 0, is the last and whole; between k - 1 and k
where it is being faded in."""

from itertools import pairwise
from math import ceil, sqrt

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from .conv import Size, conv_mean_pool, upsample_conv
from .equalised import EqualConv2d, EqualLinear, minibatch_deviation, pixel_norm

SLOPE = 0.2  # of leaky ReLUs, below 0
GAIN = sqrt(2)  # of every layer before one; the layers to pictures and to the critic's number have 1


class GrowingGenerator(nn.Module):
    """Noise to pictures, without bounds: (B, latents) -> (B, C, H, W). `widths` is of channels, a size each."""

    def __init__(self, latents: int, channels: int, sizes: list[Size], widths: list[int]):
        super().__init__()
        self.start = Start(latents, widths[0], sizes[0])
        self.ups = nn.ModuleList([Up(wide, thin) for wide, thin in pairwise(widths)])
        self.pictures = nn.ModuleList([EqualConv2d(width, channels, 1) for width in widths])

    def forward(self, z: Float[Tensor, "b z"], grown: float) -> Float[Tensor, "b c h w"]:
        """Pictures of the last size that has begun to grow; what is larger takes no part."""
        last = ceil(grown)
        x = before = self.start(z)
        for up in self.ups[:last]:
            before, x = x, up(x)
        y: Tensor = self.pictures[last](x)
        return y if last == grown else blend(doubled(self.pictures[last - 1](before)), y, grown)

    def whole(self, z: Float[Tensor, "b z"], grown: Float[Tensor, ""]) -> Float[Tensor, "b c h w"]:
        """The same, doubled to the full size. As a sum over all sizes, of which at most two neighbours weigh something,
        so that no branch hangs on a tensor: a traced network holds for every growth."""
        x = self.start(z)
        y: Tensor = self.pictures[0](x) * near(grown, 0)
        for k, up in enumerate(self.ups, start=1):
            x = up(x)
            y = doubled(y) + self.pictures[k](x) * near(grown, k)
        return y


class GrowingCritic(nn.Module):
    """Pictures of a size that has begun to grow to one number each, the generator's mirror image: (B, C, H, W) -> (B,).
    It sees how much the items of a batch differ, so they do not pass through it apart."""

    def __init__(self, channels: int, sizes: list[Size], widths: list[int]):
        super().__init__()
        self.pictures = nn.ModuleList([EqualConv2d(channels, width, 1, GAIN) for width in widths])
        self.downs = nn.ModuleList([Down(thin, wide) for wide, thin in pairwise(widths)])
        self.end = End(widths[0], sizes[0])

    def forward(self, x: Float[Tensor, "b c h w"], grown: float) -> Float[Tensor, " b"]:
        last = ceil(grown)
        x = x.contiguous(memory_format=torch.channels_last)
        y = leaky(self.pictures[last](x))
        for k in range(last, 0, -1):
            y = self.downs[k - 1](y)
            if k == last != grown:
                y = blend(leaky(self.pictures[k - 1](halved(x))), y, grown)
        found: Tensor = self.end(y)
        return found


class Start(nn.Module):
    """Noise on its sphere, a dense layer, a convolution: (B, latents) -> (B, C, h, w) of the first size."""

    def __init__(self, latents: int, width: int, size: Size):
        super().__init__()
        places = size[0] * size[1]
        # the authors' dense layer is scaled as the convolution of the size's kernel that it stands for
        self.dense = EqualLinear(latents, width * places, GAIN / sqrt(places), bias=None)
        self.bias = nn.Parameter(torch.zeros(width, 1, 1))  # one a channel, as a convolution's
        self.conv = EqualConv2d(width, width, 3, GAIN)
        self.size = size

    def forward(self, z: Float[Tensor, "b z"]) -> Float[Tensor, "b c h w"]:
        x = self.dense(pixel_norm(z)).unflatten(1, (-1, *self.size))
        x = pixel_norm(leaky(x + self.bias))
        return pixel_norm(leaky(self.conv(x)))


class Up(nn.Module):
    """Nearest doubling and two convolutions: (B, I, h, w) -> (B, O, 2h, 2w)."""

    def __init__(self, channels: int, out: int):
        super().__init__()
        self.conv1 = EqualConv2d(channels, out, 3, GAIN)
        self.conv2 = EqualConv2d(out, out, 3, GAIN)

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        x = pixel_norm(leaky(upsample_conv(x, self.conv1.scaled(), self.conv1.bias)))
        return pixel_norm(leaky(self.conv2(x)))


class Down(nn.Module):
    """Two convolutions and mean pooling: (B, I, H, W) -> (B, O, H / 2, W / 2). Pooling comes before the second's
    activation, as in the authors' code, which makes one layer of the two; in the paper's table 2 it comes after."""

    def __init__(self, channels: int, out: int):
        super().__init__()
        self.conv1 = EqualConv2d(channels, channels, 3, GAIN)
        self.conv2 = EqualConv2d(channels, out, 3, GAIN)

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        x = leaky(self.conv1(x))
        return leaky(conv_mean_pool(x, self.conv2.scaled(), self.conv2.bias))


class End(nn.Module):
    """The items' deviation beside their channels, a convolution, two dense layers: (B, C, h, w) -> (B,)."""

    def __init__(self, width: int, size: Size):
        super().__init__()
        self.conv = EqualConv2d(width + 1, width, 3, GAIN)
        self.dense = EqualLinear(width * size[0] * size[1], width, GAIN)
        self.out = EqualLinear(width, 1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, " b"]:
        x = leaky(self.conv(minibatch_deviation(x)))
        y: Tensor = self.out(leaky(self.dense(x.flatten(1))))
        return y.squeeze(1)


# ---------------------------------------------------------------------------------------------------------------- sizes


def growth(size: Size, base: int) -> list[Size]:
    """Sizes from the first, whose shorter side is from `base` to below twice that, to the picture's, each the double of
    the one before. Raises ValueError, with the nearest size, where sides do not halve so often."""
    n = halvings(size, base)
    if any(side % 2**n for side in size):
        given, found = ("x".join(map(str, s)) for s in (size, nearest(size, base)))
        raise ValueError(f"{given}: can't be halved {n} times, as growing asks. Pass the nearest: --size {found}")
    return [(size[0] >> k, size[1] >> k) for k in range(n, -1, -1)]


def halvings(size: Size, base: int) -> int:
    """How often, until the shorter side is below twice the base."""
    n = 0
    while min(size) >= base * 2 ** (n + 1):
        n += 1
    return n


def nearest(size: Size, base: int) -> Size:
    """The size that can grow with the least change of its sides."""
    found = []
    for n in range(1, halvings(size, base) + 2):
        unit = 2**n
        around = [{side // unit * unit, -(-side // unit) * unit} for side in size]
        found += [(h, w) for h in around[0] for w in around[1] if h and w and halvings((h, w), base) == n]
    return min(found, key=lambda s: (abs(s[0] - size[0]) + abs(s[1] - size[1]), -s[0], -s[1]))


def seen(x: Float[Tensor, "b c h w"], grown: float, sizes: int) -> Float[Tensor, "b c h2 w2"]:
    """Real pictures as a critic that has grown so far sees them: at the last size that has begun to grow, and as far
    faded in as that is. `sizes` is how many there are."""
    last = ceil(grown)
    x = F.avg_pool2d(x, 2 ** (sizes - 1 - last))
    return x if last == grown else blend(doubled(halved(x)), x, grown)


def near(grown: Float[Tensor, ""], size: int) -> Float[Tensor, ""]:
    """How much a size weighs: 1 where it is the last and whole, falling to 0 at the one before and the one after."""
    return (1 - (grown - size).abs()).clamp(min=0)


def blend(small: Tensor, large: Tensor, grown: float) -> Tensor:
    """From the smaller size to the larger: alpha of the paper's figure 2."""
    return torch.lerp(small, large, grown - ceil(grown) + 1)


def doubled(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
    return F.interpolate(x, scale_factor=2, mode="nearest")


def halved(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
    return F.avg_pool2d(x, 2)


def leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, SLOPE)
