"""A linear layer that many batches of few rows pass through, without gradients: its weights laid out once for them.

A decoder reads every weight for each token, so its time is that of reading them and of the products' first steps."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

LARGE = 500_000  # bytes of a matrix
MANY = 8_000  # numbers that a GELU bends

Product = Callable[[Tensor], Tensor]  # (rows, in) -> (rows, out)


def product(linear: nn.Linear, rows: int, gelu: str | None = None) -> Product:
    """The layer for so many rows; `gelu` (none | tanh): of which form of it comes after.

    Of one row a large matrix is read twice as fast as a batch of two halves. For several, oneDNN's own layout makes a
    large matrix's products 1.2 to 2 times as fast, and a GELU within the product costs a third of one apart."""
    weight, bias = linear.weight.detach(), None if linear.bias is None else linear.bias.detach()
    out, large = len(weight), weight.numel() * weight.element_size() > LARGE
    if rows > 1 and (large or (gelu is not None and rows * out > MANY)) and packs(weight):
        return packed(weight, bias, rows, gelu)
    if rows > 1:
        bare = partial(F.linear, weight=weight.t().contiguous().t(), bias=bias)  # along its inputs: a tenth faster
    elif large and out % 2 == 0:
        bare = partial(halves, weight.view(2, out // 2, -1), None if bias is None else bias.view(2, -1, 1))
    else:
        bare = partial(F.linear, weight=weight, bias=bias)
    return bare if gelu is None else lambda x: F.gelu(bare(x), approximate=gelu)


def halves(weight: Float[Tensor, "2 h i"], bias: Float[Tensor, "2 h 1"] | None, x: Float[Tensor, "1 i"]) -> Tensor:
    """(1, 2 h)."""
    column = x.t().expand(2, -1, -1)  # (2, i, 1)
    y = torch.bmm(weight, column) if bias is None else torch.baddbmm(bias, weight, column)
    return y.view(1, -1)


def packs(weight: Tensor) -> bool:
    """Whether oneDNN can lay it out. Its functions are those that torch's own compiler calls, and may be missing."""
    here = weight.device.type == "cpu" and weight.dtype == torch.float32
    here = here and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return here and all(hasattr(torch.ops.mkldnn, name) for name in ("_reorder_linear_weight", "_linear_pointwise"))


def packed(weight: Float[Tensor, "o i"], bias: Float[Tensor, " o"] | None, rows: int, gelu: str | None) -> Product:
    ops = torch.ops.mkldnn
    own = ops._reorder_linear_weight(weight, rows)
    how, form = ("none", "") if gelu is None else ("gelu", gelu)
    through = ops._linear_pointwise.default
    return lambda x: through(x, own, bias, how, [], form)
