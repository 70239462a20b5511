"""The hinge loss of a GAN. Lim & Ye 2017, "Geometric GAN", arXiv:1705.02894."""

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import relu


def discriminator_hinge(on_real: Float[Tensor, " r"], on_fake: Float[Tensor, " f"]) -> Float[Tensor, ""]:
    """Σ max(0, 1 - D(x)) + Σ max(0, 1 + D(x̃)): nothing is gained beyond the margin of 1."""
    return relu(1 - on_real).sum() + relu(1 + on_fake).sum()


def generator_hinge(on_fake: Float[Tensor, " b"]) -> Float[Tensor, ""]:
    """-Σ D(x̃): without a margin."""
    return -on_fake.sum()
