"""What a prediction costs: one rule for each form of target, so that every predictor means the same by its loss."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from reverie.core import Loss
from reverie.spec import Field

Form = Literal["classes", "labels", "numbers", "sequence"]


def form(field: Field) -> Form:
    """What a target asks for: one class among several, several labels of which each may hold, numbers, or tokens."""
    if not field.categories:
        return "numbers"
    if field.length or field.start is not None:
        return "sequence"
    return "labels" if field.shape else "classes"


def width(field: Field) -> int:
    """How many outputs a head has for it. Of a sequence: logits of one token."""
    return field.size if form(field) in ("numbers", "labels") else field.categories


def nats(output: Tensor, target: Tensor, field: Field, smoothing: float = 0.0) -> Float[Tensor, " b"]:
    """Negative log-likelihood of each item, summed over its dimensions. Of classes: cross-entropy of logits (B, n),
    `smoothing` of each label spread over all classes (Szegedy et al. 2016, arXiv:1512.00567); `target` (B,) or shares
    (B, n). Of labels: the sum of their binary cross-entropies, `smoothing` of each spread over yes and no. Of numbers:
    of a Gaussian of variance 1 around `output`, without its constant: half the squared error, with nothing to spread.
    Raises ValueError for a sequence."""
    kind = form(field)
    if kind == "classes":
        return F.cross_entropy(output, target, reduction="none", label_smoothing=smoothing)
    if kind == "labels":
        told = target.to(output.dtype) * (1 - smoothing) + smoothing / 2
        return F.binary_cross_entropy_with_logits(output, told, reduction="none").flatten(1).sum(1)
    if kind == "numbers":
        return 0.5 * (output - target).square().reshape(len(output), -1).sum(1)
    raise ValueError("a sequence's nats are its model's own")


def priced(total: Tensor, output: Tensor, target: Tensor, field: Field) -> Loss:
    """A batch's summed nats as a loss. Of classes, `right` counts the items whose most probable class is theirs."""
    logs = {"loss": total}
    if form(field) == "classes":
        logs["right"] = (output.argmax(1) == target).sum().to(total.dtype)
    return Loss(total, len(target), logs)


def shaped(output: Tensor, field: Field) -> Tensor:
    """What a head says (B, outputs) -> what `Predicts` says: logits of classes, or (B, *shape)."""
    return output if form(field) == "classes" else output.reshape(-1, *field.shape)


def probabilities(output: Tensor, field: Field, temperature: float = 1.0) -> Tensor:
    """Of classes (B, n) or labels (B, labels), from logits divided by `temperature` (Guo et al. 2017,
    arXiv:1706.04599)."""
    scaled = output / temperature
    return scaled.softmax(-1) if form(field) == "classes" else torch.sigmoid(scaled)
