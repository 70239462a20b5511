"""Convolutions of stride 2, exactly as torch's own with all their derivatives, in less time on a processor.

From a network to a picture of few channels (a transposed convolution's output, a convolution's gradient) torch's
kernels have a tenth of their usual rate: one matrix product whose patches are added up takes a sixth to a half of the
time. Where a gradient is itself differentiated, as a penalty on a critic's gradient asks, torch finds the weights'
share by a convolution as large as the picture: here it is found as at any other time."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F
from torch.nn.grad import conv2d_weight

THIN = 4  # channels of a picture, at most
STRIDE = 2

Size = tuple[int, ...]  # height, width


def is_here(x: Tensor, weight: Tensor) -> bool:
    """Is it better done here? Elsewhere than on a processor, and in mixed precision, torch's own layers are."""
    return x.device.type == "cpu" and x.dtype == weight.dtype and not torch.is_autocast_enabled("cpu")


def gather(
    x: Float[Tensor, "b i h w"], weight: Float[Tensor, "o i k l"], bias: Float[Tensor, " o"] | None, padding: int
) -> Float[Tensor, "b o h2 w2"]:
    """The convolution of stride 2."""
    made: Tensor = Gather.apply(x, weight, bias, shares(x, weight, bias, padding), padding)  # type: ignore[no-untyped-call]
    return made


def spread(
    x: Float[Tensor, "b i h w"], weight: Float[Tensor, "i o k l"], padding: int, size: Size
) -> Float[Tensor, "b o h2 w2"]:
    """The transposed convolution of stride 2 to exactly that size."""
    if weight.shape[1] <= THIN:
        made: Tensor = Spread.apply(x, weight, padding, size)  # type: ignore[no-untyped-call]
        return made
    odd = [a - (STRIDE * (b - 1) - 2 * padding + k) for a, b, k in zip(size, x.shape[2:], weight.shape[2:])]
    return F.conv_transpose2d(x, weight, None, STRIDE, padding, odd)


def shares(x: Tensor, weight: Tensor, bias: Tensor | None, padding: int) -> Tensor | None:
    """Something of the output's shape by which its gradient comes to weights and bias; None where these are not learnt.
    So that it is only done where it is wanted: a penalty first asks for the gradient of its pictures alone."""
    if not (torch.is_grad_enabled() and (weight.requires_grad or (bias is not None and bias.requires_grad))):
        return None
    made: Tensor = Shares.apply((x,), weight, bias, padding)  # type: ignore[no-untyped-call]
    return made


def convolved(size: Size, kernel: Size, padding: int) -> list[int]:
    """A convolution's height and width."""
    return [(a + 2 * padding - k) // STRIDE + 1 for a, k in zip(size, kernel)]


def weight_share(x: Tensor, weight: Tensor, gradient: Tensor, padding: int) -> Tensor:
    """The weight's gradient."""
    made: Tensor = conv2d_weight(x, weight.shape, gradient, STRIDE, padding)  # type: ignore[no-untyped-call]
    return made


class Shares(torch.autograd.Function):
    """`inside` holds the pictures: an argument of their own would make this a way to them, on which it would always be
    asked."""

    @staticmethod
    def forward(ctx: Any, inside: tuple[Tensor], weight: Tensor, bias: Tensor | None, padding: int) -> Tensor:
        (x,) = inside
        ctx.save_for_backward(x, weight)
        ctx.padding = padding
        shape = (len(x), len(weight), *convolved(x.shape[2:], weight.shape[2:], padding))
        return x.new_zeros(()).expand(shape)  # takes no memory

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
        x, weight = ctx.saved_tensors
        dw = weight_share(x, weight, gradient, ctx.padding) if ctx.needs_input_grad[1] else None
        return None, dw, gradient.sum((0, 2, 3)) if ctx.needs_input_grad[2] else None, None


class Gather(torch.autograd.Function):
    """`shares` takes the gradient to weight and bias."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, shares: Tensor | None, padding: int
    ) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.size, ctx.padding = x.shape[2:], padding
        return F.conv2d(x, weight, bias, STRIDE, padding)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
        (weight,) = ctx.saved_tensors
        dx = spread(gradient, weight, ctx.padding, ctx.size) if ctx.needs_input_grad[0] else None
        return dx, None, None, gradient if ctx.needs_input_grad[3] else None, None


class Spread(torch.autograd.Function):
    """To few channels."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, padding: int, size: Size) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.padding = padding
        patches = weight.flatten(1).t() @ x.flatten(2)  # (B, o k l, h w)
        return F.fold(patches, size, weight.shape[2:], padding=padding, stride=STRIDE)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
        x, weight = ctx.saved_tensors
        lies = gradient.contiguous(memory_format=torch.channels_last)
        dx = gather(lies, weight, None, ctx.padding) if ctx.needs_input_grad[0] else None
        dw = weight_share(lies, weight, x, ctx.padding) if ctx.needs_input_grad[1] else None
        return dx, dw, None, None
