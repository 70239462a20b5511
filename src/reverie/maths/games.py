"""The logistic game of two networks. Goodfellow et al. 2014, "Generative Adversarial Networks", arXiv:1406.2661."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus

Game = Literal["non_saturating", "minimax"]


def discriminator_loss(on_real: Float[Tensor, " b"], on_fake: Float[Tensor, " b"]) -> Float[Tensor, ""]:
    """-log D(x) - log(1 - D(x̃)) with D = sigmoid of the logits (algorithm 1), in nats, summed over the items."""
    return softplus(-on_real).sum() + softplus(on_fake).sum()


def generator_loss(on_fake: Float[Tensor, " b"], game: Game) -> Float[Tensor, ""]:
    """-log D(x̃) (section 3), or log(1 - D(x̃)), the minimax game's (equation 1), in nats, summed over the items. Both
    have the same sign of slope in the logit l: σ(l) - 1 and -σ(l). The second is 0 where the discriminator is sure."""
    return softplus(-on_fake).sum() if game == "non_saturating" else -softplus(on_fake).sum()
