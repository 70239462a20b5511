"""Residual networks of GANs that know classes, with spectral norm throughout and self-attention at one size. Zhang et
al. 2019, arXiv:1805.08318, and Brock, Donahue & Simonyan 2019, arXiv:1809.11096, appendix B, for pictures of any size.

A base of about 4×4 is doubled by the generator's blocks, and reached again by the discriminator's.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from .conditional import ConditionalBatchNorm2d, ProjectionHead
from .conv import Size, halvings
from .norm import BatchNorm2d
from .self_attention import SelfAttention
from .spectral import SpectralConv2d, SpectralLinear, SpectralPooledConv, SpectralUpsampledConv

LEAST = 16  # shortest side: a base of 4 and two doublings
WIDEST = 16  # channels double with each halving, up to this many times the width
DEEP = {6: (1, 2, 4, 8, 8, 16), 7: (1, 1, 2, 4, 8, 8, 16)}  # of 256 and 512 px, as Brock et al. have it
EVEN, FLATS = 4, 2  # of networks that are not tapered: times the width everywhere; the discriminator's last blocks


@dataclass(frozen=True)
class Form:
    """What the two networks of a model are made of."""

    latents: int
    width: int  # channels: the multiple that all layers have
    classes: int = 0  # 0: unconditional
    shared: int = 0  # length of the class vector that all batch norms see; 0: a gain and bias of each for each class
    hierarchical: bool = False  # every block sees a part of z of its own, the base the first
    attention: int = 0  # after so many halvings of the picture stands self-attention; 0: nowhere
    tapered: bool = True  # channels double with each halving; else they are 4 · width everywhere


class Up(nn.Module):
    """Generator's block: norm, ReLU, nearest upsampling, convolution, norm, ReLU, convolution; the short cut is
    upsampled and has a 1×1 convolution. (B, I, h, w) -> (B, O, H, W), cut to `size` where 2h is one too many.

    The convolutions have biases, as the papers' have, though batch norm takes the first one's away again."""

    def __init__(self, channels: int, out: int, size: Size, condition: int, classes: int):
        super().__init__()
        self.size = size
        self.norm1 = ConditionalBatchNorm2d(channels, condition, classes)
        self.norm2 = ConditionalBatchNorm2d(out, condition, classes)
        self.conv1 = SpectralUpsampledConv(channels, out)
        self.conv2 = SpectralConv2d(out, out)
        self.shortcut = SpectralConv2d(channels, out, 1)

    def forward(self, x: Float[Tensor, "b i h w"], condition: Tensor | None) -> Float[Tensor, "b o h2 w2"]:
        y: Tensor = self.cut(self.conv1(F.relu(self.norm1(x, condition), inplace=True)))
        y = self.conv2(F.relu(self.norm2(y, condition), inplace=True))
        # a 1×1 convolution and nearest upsampling may change places, which saves three quarters of it
        return y + self.cut(F.interpolate(self.shortcut(x), scale_factor=2, mode="nearest"))

    def cut(self, x: Tensor) -> Tensor:
        h, w = self.size
        return x[..., :h, :w]


class Down(nn.Module):
    """Discriminator's block: ReLU, convolution, ReLU, convolution, mean pooling; the short cut has a 1×1 convolution
    and is pooled. (B, I, H, W) -> (B, O, H // 2, W // 2). The `first`, which meets pixels, has no ReLU before it."""

    def __init__(self, channels: int, out: int, first: bool = False):
        super().__init__()
        self.first = first
        self.conv1 = SpectralConv2d(channels, out)
        self.conv2 = SpectralPooledConv(out, out)
        self.shortcut = SpectralConv2d(channels, out, 1)

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        y: Tensor = self.conv1(x if self.first else F.relu(x))
        y = self.conv2(F.relu(y, inplace=True))
        side: Tensor = self.shortcut(F.avg_pool2d(x, 2))  # pooling and a 1×1 convolution may change places, too
        return y + side


class Flat(nn.Module):
    """Discriminator's block without pooling; its short cut is the identity. (B, C, H, W) -> (B, C, H, W)."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv1, self.conv2 = SpectralConv2d(channels, channels), SpectralConv2d(channels, channels)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        y: Tensor = self.conv2(F.relu(self.conv1(F.relu(x)), inplace=True))
        return x + y


class ClassGenerator(nn.Module):
    """Noise and classes to pictures in (-1, 1): (B, latents), (B,) -> (B, C, H, W)."""

    def __init__(self, form: Form, shape: tuple[int, ...]):
        super().__init__()
        sizes = doublings(shape)  # the base's first, the picture's last
        n = len(sizes) - 1
        self.parts = shares(form.latents, n + 1) if form.hierarchical else [form.latents]
        embedded = form.classes if form.classes and not form.shared else 0
        self.shared = nn.Embedding(form.classes, form.shared) if form.classes and form.shared else None
        self.labelled = embedded > 0
        vector = form.shared if self.shared else 0
        channels = [width * form.width for width in multiples(form, n)[::-1]]
        channels = [channels[0], *channels]
        self.base = (*sizes[0], channels[0])
        self.linear = SpectralLinear(self.parts[0], sizes[0][0] * sizes[0][1] * channels[0])
        self.blocks = nn.ModuleList(
            Up(wide, thin, large, vector + (part if form.hierarchical else 0), embedded)
            for (wide, thin), large, part in zip(pairwise(channels), sizes[1:], [*self.parts[1:], *[0] * n])
        )
        self.at = n - form.attention - 1 if form.attention else -1  # the block that self-attention follows
        self.attention = SelfAttention(channels[self.at + 1]) if form.attention else None
        self.norm = BatchNorm2d(channels[-1])
        self.picture = SpectralConv2d(channels[-1], shape[0])

    def forward(self, z: Float[Tensor, "b z"], label: Int[Tensor, " b"] | None) -> Float[Tensor, "b c h w"]:
        first, *rest = torch.split(z, self.parts, 1)
        x = self.linear(first).view(-1, *self.base).permute(0, 3, 1, 2)  # lies channels-last
        y = self.shared(label) if self.shared is not None else None
        for k, block in enumerate(self.blocks):
            x = block(x, self.condition(label, y, rest[k] if rest else None))
            if self.attention is not None and k == self.at:
                x = self.attention(x)
        made: Tensor = self.picture(F.relu(self.norm(x), inplace=True))
        return made.tanh()

    def condition(self, label: Tensor | None, y: Tensor | None, part: Tensor | None) -> Tensor | None:
        """What a block's batch norms see: the class's number, or its vector and the block's part of z, as far as they
        are there."""
        if self.labelled:
            return label
        known = [x for x in (y, part) if x is not None]
        return torch.cat(known, 1) if known else None


class ClassDiscriminator(nn.Module):
    """Pictures and classes to one number each: (B, C, H, W), (B,) -> (B,). Features are summed over places."""

    def __init__(self, form: Form, shape: tuple[int, ...]):
        super().__init__()
        n = len(doublings(shape)) - 1
        downs, flats = (n, 1) if form.tapered else (min(n, 2), FLATS)
        channels = [shape[0], *(width * form.width for width in multiples(form, downs))]
        blocks: list[nn.Module] = [Down(a, b, first=not k) for k, (a, b) in enumerate(pairwise(channels))]
        blocks += [Flat(channels[-1]) for _ in range(flats)]
        if form.attention:
            blocks.insert(form.attention, SelfAttention(channels[form.attention]))
        self.blocks = nn.Sequential(*blocks)
        self.head = ProjectionHead(channels[-1], form.classes)

    def forward(self, x: Float[Tensor, "b c h w"], label: Int[Tensor, " b"] | None) -> Float[Tensor, " b"]:
        h = F.relu(self.blocks(x.contiguous(memory_format=torch.channels_last)), inplace=True).sum(dim=(2, 3))
        y: Tensor = self.head(h, label)
        return y


def doublings(shape: tuple[int, ...]) -> list[Size]:
    """The sizes of maps from the base to the picture."""
    return halvings((shape[1], shape[2]), up=True)[::-1]


def multiples(form: Form, n: int) -> tuple[int, ...]:
    """How many times the width the n stages have as channels, from the picture inwards."""
    if not form.tapered:
        return (EVEN,) * n
    return DEEP.get(n) or tuple(min(2**k, WIDEST) for k in range(n))


def shares(whole: int, n: int) -> list[int]:
    """n parts that are equal but for one, the first ones the larger."""
    return [whole // n + (k < whole % n) for k in range(n)]


def check(form: Form, shape: tuple[int, ...]) -> None:
    """Raises ValueError, with the cure, for what the networks can't be."""
    n = len(doublings(shape)) - 1
    most = n - 1 if form.tapered else min(n - 1, 2)
    size = f"{shape[1]}x{shape[2]}"
    if not 0 <= form.attention <= most:
        raise ValueError(
            f"attention {form.attention}: of {size} there is room for it after 1 to {most} halvings. "
            f"Pass --attention {most}, or 0 for none"
        )
    if form.hierarchical and form.latents < n + 1:
        raise ValueError(f"latents {form.latents}: {size} takes {n + 1} parts of them. Pass {n + 1} or more")
    if form.hierarchical and form.classes and not form.shared:
        raise ValueError(
            "shared 0: with --hierarchical a block sees the class as a vector beside its part of z. Pass --shared 128"
        )
