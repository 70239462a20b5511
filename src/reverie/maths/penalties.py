"""Penalties on a critic's gradient."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor


def gradient_penalty(
    critic: Callable[[Tensor], Tensor],
    real: Float[Tensor, "b *shape"],
    fake: Float[Tensor, "b *shape"],
    eps: Float[Tensor, " b"],
) -> Float[Tensor, " b"]:
    """(‖∇D(x̂)‖₂ - 1)² of each item at x̂ = ε x + (1 - ε) x̃, without λ, to be differentiated once more
    (Gulrajani et al. 2017, arXiv:1704.00028, algorithm 1, lines 6-7).

    The critic maps (B, …) to one number an item; items must not mix in it (no batch norm). `eps` is in [0, 1], one an
    item. No gradient flows into real or fake."""
    with torch.enable_grad():  # also where a held-out loss is taken without gradients
        x, x_tilde = real.detach(), fake.detach()
        x_hat = torch.lerp(x_tilde, x, eps.view(-1, *[1] * (x.ndim - 1))).requires_grad_()
        (gradient,) = torch.autograd.grad(critic(x_hat).sum(), x_hat, create_graph=True)
        # vector_norm's derivative at 0 is 0, where the root of a sum of squares would give NaN
        slope: Tensor = torch.linalg.vector_norm(gradient.flatten(1), dim=1)
        return (slope - 1).square()
