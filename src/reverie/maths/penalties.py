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


def zero_centred_penalty(
    critic: Callable[[Tensor], Tensor], real: Float[Tensor, "b *shape"]
) -> tuple[Float[Tensor, " b"], Float[Tensor, " b"]]:
    """‖∇D(x)‖² of each real item, to be differentiated once more, and D(x): R1 without its weight γ/2 (Mescheder,
    Geiger & Nowozin 2018, arXiv:1801.04406, equation 9). No gradient flows into real."""
    with torch.enable_grad():
        x = real.detach().requires_grad_()
        said: Tensor = critic(x)
        (gradient,) = torch.autograd.grad(said.sum(), x, create_graph=True)
        penalty: Tensor = gradient.square().flatten(1).sum(1)
        return penalty, said


def path_lengths(
    made: Float[Tensor, "b c h w"], codes: Float[Tensor, "b l s"], noise: Float[Tensor, "b c h w"]
) -> Float[Tensor, " b"]:
    """‖Jᵀy‖ of each item, the length of a step in its code w that `noise` y, N(0, I), sees in its picture, to be
    differentiated once more (Karras et al. 2020, arXiv:1912.04958, equation 4). The picture's size is divided out, and
    the mean is taken over the layers' squares, as in the authors' code: the same scale at any size."""
    places, layers = made.shape[2] * made.shape[3], codes.shape[1]
    (gradient,) = torch.autograd.grad((made * noise).sum() / places**0.5, codes, create_graph=True)
    # vector_norm's derivative at 0 is 0, where the root of a sum of squares would give NaN
    lengths: Tensor = torch.linalg.vector_norm(gradient.flatten(1), dim=1) / layers**0.5
    return lengths
