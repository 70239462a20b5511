"""Leaky rectifiers in a network whose gradient is itself differentiated, as a penalty on a critic's gradient asks.

Their second derivative is 0 wherever it is there. Torch's own hand that 0 on, so that a whole backward pass through
what came before carries zeros; these end there, and every derivative is the same."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def leaky(x: Tensor, slope: float) -> Tensor:
    """x above 0, slope · x below, for a slope above 0; in place of x."""
    made: Tensor = Leaky.apply(x, slope)  # type: ignore[no-untyped-call]
    return made


class LeakyReLU(nn.LeakyReLU):
    """As a layer, in place."""

    def forward(self, x: Tensor) -> Tensor:
        return leaky(x, self.negative_slope) if x.requires_grad else super().forward(x)


class Leaky(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: float) -> Tensor:
        y = F.leaky_relu_(x, slope)
        ctx.mark_dirty(x)
        ctx.save_for_backward(y)
        ctx.slope = slope
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (y,) = ctx.saved_tensors  # of the sign of x
        return torch.ops.aten.leaky_relu_backward(gradient, y.detach(), ctx.slope, True), None
