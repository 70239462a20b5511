"""What it costs to say an item otherwise than it is: the loss of autoencoders without a likelihood."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from .flat import Flat, Seen

Error = Literal["cross_entropy", "squared"]


def reconstruction(flat: Flat, seen: Seen, outputs: Float[Tensor, "b d"], error: Error) -> Float[Tensor, " b"]:
    """Nats of each item under what a decoder says. Of a number with bounds, `cross_entropy` takes its place between
    them as a probability (Hinton & Salakhutdinov 2006, Vincent et al. 2008); any other number costs half its squared
    error, the nats of N(x; x_hat, 1) without their constant; a category its cross-entropy; a gap, nothing."""
    x, raw = seen.x[:, : flat.count], outputs[:, : flat.count]
    squared = 0.5 * (flat.mean(outputs) - x).square()
    if error == "squared" or not flat.bounded.any():
        terms = squared
    elif flat.within:
        terms = binary_cross_entropy_with_logits(raw, x, reduction="none")
    else:
        bounded = flat.bounded.to(x.device)
        place = torch.where(bounded, x, 0.5)  # a number without bounds is no probability
        terms = torch.where(bounded, binary_cross_entropy_with_logits(raw, place, reduction="none"), squared)
    return flat.summed(terms, seen) - flat.log_categories(seen, outputs)


def squared_error(flat: Flat, seen: Seen, outputs: Float[Tensor, "b d"]) -> Float[Tensor, " b"]:
    """Σ (x - x_hat)² over the numbers of each item that are there, in units of [0, 1] or of the codec's deviation."""
    return flat.summed((flat.mean(outputs) - seen.x[:, : flat.count]).square(), seen)
