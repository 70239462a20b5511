"""Measures on what a classifier says of generated items: how sure it is and how evenly its classes are met, how many
items each class gets, and whether an item that was asked for by class looks like it."""

from __future__ import annotations

from math import exp, sqrt

import torch
from jaxtyping import Float, Int
from torch import Tensor

from reverie.errors import Problem

from .distances import Estimate


def inception_score(probabilities: Float[Tensor, "n c"], splits: int = 1) -> Estimate:
    """exp of the mean KL divergence, in nats, of each item's classes p(y|x) from all items' p(y): from 1 to the number
    of classes. Salimans et al. 2016, arXiv:1606.03498. It never sees real items, and grows with the items' number.

    One split: the error is the delta method's, of new items. More: the mean over splits as the paper has it, each of at
    least as many items as there are classes, and the error is that of this mean. Raises Problem on too few items and on
    rows that are no probabilities."""
    p = sane(probabilities)
    count, classes = p.shape
    if splits < 1:
        raise Problem(f"splits {splits}: at least 1")
    least = 2 if splits == 1 else splits * max(2, classes)
    if count < least:
        raise Problem(f"{count} items: a score of {classes} classes, splits {splits}, needs at least {least}")
    if splits == 1:
        gains = divergences(p)
        score = exp(float(gains.mean()))
        return Estimate(score, score * float(gains.std()) / sqrt(count))
    scores = torch.stack([divergences(part).mean().exp() for part in p.tensor_split(splits)])
    return Estimate(float(scores.mean()), float(scores.std()) / sqrt(splits))


def divergences(p: Float[Tensor, "n c"]) -> Float[Tensor, " n"]:
    """KL(p(y|x) || p(y)) of each item, nats. To first order it is also how much an item moves the mean of them all:
    p(y) is where that mean is stationary."""
    marginal = p.mean(0)
    found: Tensor = (torch.special.xlogy(p, p) - torch.special.xlogy(p, marginal)).sum(1)
    return found


def class_shares(probabilities: Float[Tensor, "n c"]) -> Float[Tensor, " c"]:
    """Share of the items that each class is the most probable of."""
    p = sane(probabilities)
    return torch.bincount(p.argmax(1), minlength=p.shape[1]).double() / len(p)


def class_hits(
    probabilities: Float[Tensor, "n c"], asked: Int[Tensor, " n"]
) -> tuple[Int[Tensor, " c"], Int[Tensor, " c"]]:
    """Of each class: how many items that were asked for as it look most like it, and how many were asked for. Raises
    Problem where a class is asked for that the classifier does not know."""
    p = sane(probabilities)
    if len(asked) and not 0 <= int(asked.min()) <= int(asked.max()) < p.shape[1]:
        known = f"the classifier knows 0 … {p.shape[1] - 1}"
        raise Problem(f"class {int(asked.max())}: {known}. Take one that was trained on the same labels")
    right = asked[p.argmax(1) == asked]
    return torch.bincount(right, minlength=p.shape[1]), torch.bincount(asked, minlength=p.shape[1])


def sane(probabilities: Float[Tensor, "n c"]) -> Float[Tensor, "n c"]:
    """In float64. Raises Problem on no rows, and on rows that are not probabilities to float32's rounding."""
    if not probabilities.numel():
        raise Problem("0 items: no classes to count. Give at least one")
    p = probabilities.double()
    off = (p.sum(1) - 1).abs().nan_to_num(nan=torch.inf)
    wrong = (off > 1e-4) | (p < 0).any(1)
    if bool(wrong.any()):
        first = int(wrong.nonzero()[0])
        raise Problem(f"row {first} of {len(p)}: not probabilities of {p.shape[1]} classes. Give softmax's, not logits")
    return p
