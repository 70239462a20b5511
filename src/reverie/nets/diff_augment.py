"""DiffAugment. Zhao, Liu, Lin, Zhu & Han 2020, "Differentiable Augmentation for Data-Efficient GAN Training",
arXiv:2006.10738: colour, translation and cutout, of every picture that a discriminator sees.

Colour changes what is seen and leaves alpha alone; what moves or is cut away takes alpha with it. What comes from
outside a picture is 0, mid-grey and half transparent, as the authors have it: on black, on white and on nothing the
discriminator sees how far a picture was moved, so that the generator gains nothing by making moved ones."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

SHIFT = 1 / 8  # of each side: the furthest that a picture is moved
CUT = 1 / 2  # of each side: how much is cut out


def diff_augment(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """Each picture changed by chance of its own, from torch's global generator; values may leave [-1, 1]."""
    height, width = x.shape[2:]
    brightness, saturation, contrast = (uniform(x, *span) for span in ((-0.5, 0.5), (0.0, 2.0), (0.5, 1.5)))
    x = recoloured(x, brightness, saturation, contrast)
    x = moved(x, *(whole(x, -part(side, SHIFT), part(side, SHIFT)) for side in (height, width)))
    # the hole's middle is any pixel; of an even hole any corner of one
    return cut_out(x, *(whole(x, 0, side - part(side, CUT) % 2) for side in (height, width)))


def recoloured(
    x: Float[Tensor, "b c h w"],
    brightness: Float[Tensor, " b"],
    saturation: Float[Tensor, " b"],
    contrast: Float[Tensor, " b"],
) -> Float[Tensor, "b c h w"]:
    """Brightness is added; then the distance of each pixel's colours from their mean, and that of the whole from its
    mean, are multiplied. The mean over a picture moves by its brightness alone."""
    seen = colours(x)
    y = x[:, :seen] + brightness.view(-1, 1, 1, 1)
    grey = y.mean(1, keepdim=True)
    y = grey + (y - grey) * saturation.view(-1, 1, 1, 1) if seen > 1 else y
    middle = y.mean((1, 2, 3), keepdim=True)
    y = middle + (y - middle) * contrast.view(-1, 1, 1, 1)
    return y if seen == x.shape[1] else torch.cat([y, x[:, seen:]], 1)


def moved(x: Float[Tensor, "b c h w"], down: Int[Tensor, " b"], right: Int[Tensor, " b"]) -> Float[Tensor, "b c h w"]:
    """Each picture moved by whole pixels; 0 comes in."""
    for axis, by in ((2, down), (3, right)):
        side = x.shape[axis]
        place = torch.arange(side, device=x.device) - by[:, None]  # (B, side): where each row or column comes from
        shape = [len(x), 1, 1, 1]
        shape[axis] = side
        inside = ((place >= 0) & (place < side)).view(shape)
        # around, and then what came around is hidden: a gradient that is added up in one place only
        x = x.gather(axis, (place % side).view(shape).expand_as(x)) * inside
    return x


def cut_out(x: Float[Tensor, "b c h w"], row: Int[Tensor, " b"], column: Int[Tensor, " b"]) -> Float[Tensor, "b c h w"]:
    """Each picture with a hole of half its sides around a place, partly outside where that is near an edge."""
    within = []
    for side, middle in zip(x.shape[2:], (row, column)):
        place = torch.arange(side, device=x.device) - (middle[:, None] - part(side, CUT) // 2)  # from the hole's edge
        within.append((place >= 0) & (place < part(side, CUT)))
    hole = within[0][:, None, :, None] & within[1][:, None, None, :]  # (B, 1, H, W)
    return x * ~hole


def colours(x: Float[Tensor, "b c h w"]) -> int:
    """How many of the channels are colours: grey or RGB, without alpha."""
    return 1 if x.shape[1] < 3 else 3


def part(side: int, share: float) -> int:
    """A share of a side in whole pixels."""
    return int(side * share + 0.5)


def uniform(like: Tensor, low: float, high: float) -> Float[Tensor, " b"]:
    return torch.empty(len(like), dtype=like.dtype, device=like.device).uniform_(low, high)


def whole(like: Tensor, low: int, high: int) -> Int[Tensor, " b"]:
    """Integers of [low, high]."""
    return torch.randint(low, high + 1, (len(like),), device=like.device)
