"""The pipeline of adaptive discriminator augmentation. Karras, Aittala, Hellsten, Laine, Lehtinen & Aila 2020,
"Training Generative Adversarial Networks with Limited Data", arXiv:2006.06676, appendix B: pixel blitting, geometry and
colour ("bgc"), each change with probability p.

What differs from the paper: one bilinear resampling of the picture as it is, in place of one at twice the size between
orthogonal low-pass filters, so that a turned or shrunk picture is a little softer, or has more aliasing; beyond the
edge lies the mirrored picture without end, the edge's own pixel included, where theirs ends in black far outside.
Quarter turns of a picture that is not square would not fit it: such a one is turned by half a turn or not at all. Alpha
has no colour, and moves with the rest."""

from math import pi, sqrt
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.autograd import Function, grad
from torch.nn import functional as F

from .diff_augment import colours, uniform, whole

SHIFT = 1 / 8  # of each side: the furthest of whole pixels, the deviation of fractions
SCALE, ASPECT = 0.2, 0.2  # deviations of log2, of geometry
BRIGHTNESS = 0.2  # deviation
CONTRAST, SATURATION = 0.5, 1.0  # deviations of log2


def ada(x: Float[Tensor, "b c h w"], p: Float[Tensor, ""]) -> Float[Tensor, "b c h w"]:
    """Each picture changed by chance of its own, from torch's global generator; what draws no change stays bit for bit
    as it is. Twice differentiable in x; values may leave [-1, 1]."""
    geometry = placement(x, p)
    x = torch.where(differs(geometry), warped(x, geometry), x)
    colour = tint(x, p)
    return torch.where(differs(colour), coloured(x, colour), x)


# ------------------------------------------------------------------------------------------------------------- geometry


def placement(x: Tensor, p: Tensor) -> Float[Tensor, "b 3 3"]:
    """From a place in the changed picture to that in the given one, in pixels from the middle: the inverses of what is
    done, in order (appendix B, figure 18)."""
    height, width = x.shape[2:]
    quarters = whole(x, 0, 3) if height == width else 2 * whole(x, 0, 1)
    zero, one = torch.zeros_like(quarters), torch.ones_like(quarters)
    # of the two rotations, before and after the change of aspect, one at least with probability p
    both = 1 - (1 - p).sqrt()
    spans = (width, height)
    steps = [
        scaling(chosen(x, p, 1 - 2 * whole(x, 0, 1), one), one),
        turning(*exact(chosen(x, p, quarters, zero))),
        shifting(*together(x, p, [(uniform(x, -SHIFT, SHIFT) * side).round() for side in spans])),
        scaling(*[chosen(x, p, normal(x, SCALE), zero).neg().exp2()] * 2),
        turning(*angle(chosen(x, both, uniform(x, -pi, pi), zero))),
        aspect(chosen(x, p, normal(x, ASPECT), zero)),
        turning(*angle(chosen(x, both, uniform(x, -pi, pi), zero))),
        shifting(*together(x, p, [normal(x, SHIFT) * side for side in spans])),
    ]
    whole_way = steps[0].to(x.dtype)
    for step in steps[1:]:
        whole_way = whole_way @ step.to(x.dtype)
    return whole_way


def warped(x: Float[Tensor, "b c h w"], places: Float[Tensor, "b 3 3"]) -> Float[Tensor, "b c h w"]:
    """The picture's value at the place that each place is sent to: between pixels bilinear, beyond edges mirrored."""
    height, width = x.shape[2:]
    half = x.new_tensor([width / 2, height / 2, 1.0])  # what is ±1 at the edges, in pixels
    theta = places * half / half[:, None]
    grid = F.affine_grid(theta[:, :2], list(x.shape), align_corners=False)
    y: Tensor = Warp.apply(x, grid)  # type: ignore[no-untyped-call]
    return y


def resampled(x: Tensor, grid: Tensor) -> Tensor:
    return F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)


class Warp(Function):
    """Resampling, which is linear in the picture: its gradient is its adjoint, and the adjoint's is the resampling. So
    it can be differentiated as often as a gradient penalty asks, where torch's own derivative in older versions ends
    after the first."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, grid: Tensor) -> Tensor:
        ctx.save_for_backward(grid)
        return resampled(x, grid)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None]:
        return Adjoint.apply(slopes[0], *ctx.saved_tensors), None  # type: ignore[no-untyped-call]


class Adjoint(Function):
    """What `Warp` does, transposed."""

    @staticmethod
    def forward(ctx: Any, slope: Tensor, grid: Tensor) -> Tensor:
        ctx.save_for_backward(grid)
        with torch.enable_grad():
            anywhere = torch.zeros_like(slope, requires_grad=True)
            return grad(resampled(anywhere, grid), anywhere, slope)[0]

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None]:
        return Warp.apply(slopes[0], *ctx.saved_tensors), None  # type: ignore[no-untyped-call]


def scaling(across: Tensor, down: Tensor) -> Shaped[Tensor, "b 3 3"]:
    """Of a picture whose sides are divided by these."""
    return matrix([across, 0, 0], [0, down, 0], [0, 0, 1])


def aspect(power: Tensor) -> Float[Tensor, "b 3 3"]:
    """Wider by 2^power, and as much lower."""
    return scaling(power.neg().exp2(), power.exp2())


def turning(cosine: Tensor, sine: Tensor) -> Shaped[Tensor, "b 3 3"]:
    """Of a picture that is turned counterclockwise."""
    return matrix([cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1])


def shifting(right: Tensor, down: Tensor) -> Float[Tensor, "b 3 3"]:
    """Of a picture that is moved right and down."""
    return matrix([1, 0, -right], [0, 1, -down], [0, 0, 1])


def exact(quarters: Tensor) -> tuple[Tensor, Tensor]:
    """Cosine and sine of quarter turns, without rounding."""
    circle = torch.tensor([1, 0, -1, 0], device=quarters.device)
    return circle[quarters], circle[(quarters - 1) % 4]


def angle(theta: Tensor) -> tuple[Tensor, Tensor]:
    return theta.cos(), theta.sin()


# --------------------------------------------------------------------------------------------------------------- colour


def tint(x: Tensor, p: Tensor) -> Float[Tensor, "b 4 4"]:
    """What is done to a colour (r, g, b, 1), in order: brightness, contrast, luma flip, hue, saturation."""
    zero = torch.zeros(len(x), dtype=x.dtype, device=x.device)
    along = x.new_ones(3, 3) / 3  # projects on grey: v vᵀ of the luma axis v = (1, 1, 1) / √3
    around = x.new_tensor([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / sqrt(3)  # v ×
    unit = torch.eye(3, dtype=x.dtype, device=x.device)
    brightness = chosen(x, p, normal(x, BRIGHTNESS), zero)
    contrast = chosen(x, p, normal(x, CONTRAST), zero).exp2()
    flip = chosen(x, p, whole(x, 0, 1).to(x.dtype), zero).view(-1, 1, 1)
    hue = chosen(x, p, uniform(x, -pi, pi), zero).view(-1, 1, 1)
    saturation = chosen(x, p, normal(x, SATURATION), zero).exp2().view(-1, 1, 1)
    steps = unit - 2 * flip * along
    if colours(x) > 1:
        turned = hue.cos() * unit + hue.sin() * around + (1 - hue.cos()) * along  # Rodrigues' formula
        steps = (unit + (saturation - 1) * (unit - along)) @ turned @ steps
    gain = steps * contrast.view(-1, 1, 1)
    offset = gain.sum(2, keepdim=True) * brightness.view(-1, 1, 1)
    last = x.new_tensor([0, 0, 0, 1]).expand(len(x), 1, 4)
    return torch.cat([torch.cat([gain, offset], 2), last], 1)


def coloured(x: Float[Tensor, "b c h w"], how: Float[Tensor, "b 4 4"]) -> Float[Tensor, "b c h w"]:
    """The colours changed; of a grey picture, as grey among colours is, made grey again."""
    seen = colours(x)
    gain, offset = how[:, :3, :3], how[:, :3, 3:]
    if seen == 1:
        gain, offset = gain.sum(2, keepdim=True).mean(1, keepdim=True), offset.mean(1, keepdim=True)
    y = (gain @ x[:, :seen].flatten(2) + offset).view(len(x), seen, *x.shape[2:])
    return y if seen == x.shape[1] else torch.cat([y, x[:, seen:]], 1)


# --------------------------------------------------------------------------------------------------------------- chance


def chosen(x: Tensor, p: Tensor, value: Tensor, neutral: Tensor) -> Shaped[Tensor, " b"]:
    """The value with probability p, else what changes nothing: one draw an item."""
    return torch.where(uniform(x, 0.0, 1.0) < p, value, neutral)


def together(x: Tensor, p: Tensor, values: list[Tensor]) -> list[Tensor]:
    """All of an item's values, or none."""
    kept = uniform(x, 0.0, 1.0) < p
    return [torch.where(kept, value, torch.zeros_like(value)) for value in values]


def normal(like: Tensor, deviation: float) -> Float[Tensor, " b"]:
    return torch.randn(len(like), dtype=like.dtype, device=like.device) * deviation


def matrix(*lines: list[Any]) -> Shaped[Tensor, "b 3 3"]:
    """Of numbers, and of tensors (B,)."""
    like = next(v for line in lines for v in line if isinstance(v, Tensor))
    cells = [v if isinstance(v, Tensor) else torch.full_like(like, v) for line in lines for v in line]
    return torch.stack(cells, 1).view(-1, len(lines), len(lines))


def differs(how: Float[Tensor, "b n n"]) -> Tensor:
    """Which items are changed at all: (B, 1, 1, 1)."""
    same = torch.eye(how.shape[1], dtype=how.dtype, device=how.device)
    return (how != same).flatten(1).any(1).view(-1, 1, 1, 1)
