"""Doubling and halving maps through the low-pass filter [1, 3, 3, 1], so that neither leaves aliases. Karras, Laine &
Aila 2019, arXiv:1812.04948, section 2.1 and, for the filter, Karras et al. 2020, arXiv:1912.04958, appendix B.

The filter is separable and sums to 1; what lies outside a map is 0. All of it can be differentiated twice."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

Size = tuple[int, int]  # height, width


def binomial() -> Float[Tensor, "4 4"]:
    """The filter [1, 3, 3, 1] along both axes."""
    line = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    return torch.outer(line, line)


def blurred(
    x: Float[Tensor, "b c h w"], taps: Float[Tensor, "4 4"], bottom: int, right: int, before: int
) -> Float[Tensor, "b c h2 w2"]:
    """Each channel filtered, with `before` rows and columns of zeros above and to the left, `bottom` rows and `right`
    columns of zeros on the other sides: (B, C, H, W) -> (B, C, H + before + bottom - 3, W + before + right - 3)."""
    channels = x.shape[1]
    padded = F.pad(x, (before, right, before, bottom))
    return F.conv2d(padded, taps.to(x.dtype).expand(channels, 1, 4, 4), groups=channels)


def upsampled(x: Float[Tensor, "b c h w"], taps: Float[Tensor, "4 4"], size: Size) -> Float[Tensor, "b c h2 w2"]:
    """Zeros between all values, filtered, of the same mean: (B, C, h, w) -> (B, C, H, W), H and W 2h and 2w or one
    less, which is cut off."""
    channels = x.shape[1]
    kernel = (4 * taps.to(x.dtype)).expand(channels, 1, 4, 4)
    return F.conv_transpose2d(x, kernel, stride=2, padding=1, groups=channels)[..., : size[0], : size[1]]


def downsampled(x: Float[Tensor, "b c h w"], taps: Float[Tensor, "4 4"]) -> Float[Tensor, "b c h2 w2"]:
    """Filtered, then every second value: (B, C, H, W) -> (B, C, H / 2, W / 2), an odd side rounded up, as a row or
    column of zeros is added to it."""
    channels, (h, w) = x.shape[1], x.shape[2:]
    padded = F.pad(x, (1, 1 + w % 2, 1, 1 + h % 2))
    return F.conv2d(padded, taps.to(x.dtype).expand(channels, 1, 4, 4), stride=2, groups=channels)


def conv_upsampled(
    x: Float[Tensor, "b i h w"], weight: Float[Tensor, "o i 3 3"], taps: Float[Tensor, "4 4"], size: Size
) -> Float[Tensor, "b o h2 w2"]:
    """`upsampled`, and a 3×3 convolution in one (its kernel turned by half a turn): (B, I, h, w) -> (B, O, H, W). The
    two may change places, so that the products are made on the small map: a quarter of them."""
    y = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)  # (B, O, 2h + 1, 2w + 1)
    bottom, right = (1 - (2 * small - large) for small, large in zip(x.shape[2:], size))
    return blurred(y, 4 * taps, bottom, right, 1)


def conv_downsampled(
    x: Float[Tensor, "b i h w"],
    weight: Float[Tensor, "o i 3 3"],
    taps: Float[Tensor, "4 4"],
    bias: Float[Tensor, " o"] | None = None,
) -> Float[Tensor, "b o h2 w2"]:
    """A 3×3 convolution with padding 1 of the filtered map at every second place: (B, I, H, W) -> (B, O, H / 2, W / 2),
    an odd side rounded up."""
    h, w = x.shape[2:]
    return F.conv2d(blurred(x, taps, 2 + h % 2, 2 + w % 2, 2), weight, bias, stride=2)
