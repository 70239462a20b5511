"""What an answer rests on, item by item: pure functions of a score and a batch that holds one item.

A score takes a batch to one number an item: the logit of a class, a number, a mean over numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from reverie.core import Batch
from reverie.errors import Problem

Score = Callable[[Batch], Tensor]  # a batch -> (B,)

COARSE = 8  # equal parts of the way from the baseline, before any is halved
BLOCK = 16  # points of the way at a time
SHORTEST = 2**-16  # part of the way that is halved
CLOSE = 1e-3  # what is missed by all parts together, as a share of the score's range on the way, at which it is enough


class Attribution(NamedTuple):
    """`values`, of the item's own shape, and what they should sum to: `answer` - `baseline`."""

    values: Tensor
    answer: float  # the score of the item
    baseline: float  # the score of the baseline
    steps: int  # parts of the way

    @property
    def residual(self) -> float:
        """What completeness misses: score(x) - score(baseline) - sum of the values."""
        return self.answer - self.baseline - float(self.values.double().sum())


def integrated_gradients(score: Score, batch: Batch, name: str, baseline: Tensor, steps: int) -> Attribution:
    """(x - b) times the mean gradient on the straight way from the baseline b (*shape) to x, so that the values sum to
    score(x) - score(b). Sundararajan, Taly & Yan 2017, arXiv:1703.01365, equation 1. Of batch[name] (1, *shape).

    Where the paper takes equal steps, the trapezoid rule here halves the part that misses its own difference of scores
    by most, until all miss next to nothing or there are `steps` parts: what a network makes of a whisper of a sound, or
    where a kink lies, takes many short steps in one place. Raises Problem where the score has no gradient."""
    x = batch[name]
    way = (x - baseline).to(x.dtype)

    def points(at: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Places on the way (K,), ascending -> the same, scores (K,) and gradients (K, *shape)."""
        found = [slope(score, batch, name, baseline + part * way) for part in torch.split(along(at, x), BLOCK)]
        return at, torch.cat([f.double() for f, _ in found]), torch.cat([g for _, g in found])

    def along(at: Tensor, like: Tensor) -> Tensor:
        return at.to(like).view(-1, *[1] * (like.ndim - 1))

    at, said, grads = points(torch.linspace(0, 1, min(steps, COARSE) + 1, dtype=torch.float64, device=x.device))
    while True:
        rise = (grads * way).flatten(1).double().sum(1)
        missed = (said.diff() - at.diff() * (rise[1:] + rise[:-1]) / 2).abs()
        left, enough = steps - len(missed), CLOSE * float(said.max() - said.min())
        if left <= 0 or float(missed.sum()) <= enough:
            break
        missed = torch.where(at.diff() > SHORTEST, missed, 0.0)  # what is left there is a jump
        many = int((missed > enough / len(missed)).sum())
        if not many:
            break
        worst = missed.topk(min(left, BLOCK, many)).indices
        new = points(((at[worst] + at[worst + 1]) / 2).sort().values)
        at, order = torch.cat([at, new[0]]).sort()
        said, grads = torch.cat([said, new[1]])[order], torch.cat([grads, new[2]])[order]
    wide = at.diff()
    weight = (torch.cat([wide, wide[:1] * 0]) + torch.cat([wide[:1] * 0, wide])) / 2
    mean = torch.einsum("k,k...->...", weight, grads.double())
    return Attribution((way[0].double() * mean).cpu(), float(said[-1]), float(said[0]), len(wide))


def saliency(score: Score, batch: Batch, name: str) -> Attribution:
    """The size of the score's gradient at the item. Simonyan, Vedaldi & Zisserman 2014, arXiv:1312.6034, section 3."""
    said, grad = slope(score, batch, name, batch[name])
    return Attribution(grad[0].abs().double().cpu(), float(said), float("nan"), 1)


def slope(score: Score, batch: Batch, name: str, points: Tensor) -> tuple[Tensor, Tensor]:
    """Scores (K,) of one item with each of `points` (K, *shape) in its place, and their gradients there."""
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):  # its recurrent layers have none in eval mode
        x = points.detach().clone().requires_grad_(True)
        said = score(copies(batch, len(x), {name: x}))
        if not said.requires_grad:
            raise Problem("--method: this model's predictions have no gradient. Pass --method occlusion where it fits")
        (grad,) = torch.autograd.grad(said.sum(), x, allow_unused=True)
    # where there is none, such as that of a deviation at a constant, 0: the parts beside such a point get short
    return said.detach(), torch.zeros_like(x) if grad is None else grad.nan_to_num(0.0, 0.0, 0.0)


def copies(batch: Batch, count: int, changed: Mapping[str, Tensor]) -> Batch:
    """One item `count` times, some of its fields changed (count, …)."""

    def repeated(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {k: v.expand(count, *v.shape[1:]) for k, v in tensors.items()}

    return Batch({**repeated(batch.values), **changed}, repeated(batch.lengths), repeated(batch.masks))


@torch.inference_mode()
def without_columns(score: Score, batch: Batch, baselines: Mapping[str, float | int]) -> tuple[Tensor, Tensor]:
    """Of any number of items: their scores (B,), and how much each falls with a column at its baseline (B, columns).
    Zeiler & Fergus 2014, arXiv:1311.2901, section 4.2, on columns."""
    answer = score(batch)
    falls = []
    for name, value in baselines.items():
        values = {**batch.values, name: torch.full_like(batch[name], value)}
        masks = {k: torch.ones_like(v) if k == name else v for k, v in batch.masks.items()}
        falls.append(answer - score(Batch(values, batch.lengths, masks)))
    return answer.double().cpu(), torch.stack(falls, 1).double().cpu()


@torch.inference_mode()
def without_tokens(score: Score, batch: Batch, name: str, unknown: int) -> tuple[float, Tensor]:
    """Of one item: its score, and how much it falls with each token in turn replaced by `unknown` (T,). Li, Monroe &
    Jurafsky 2016, arXiv:1612.08220; they take the word away, which would move the others."""
    tokens = batch[name]
    count = int(batch.lengths[name][0]) if name in batch.lengths else tokens.shape[1]
    answer, falls = score(batch), []
    for places in torch.split(torch.arange(count, device=tokens.device), BLOCK):
        changed = tokens.repeat(len(places), 1)
        changed[torch.arange(len(places), device=tokens.device), places] = unknown
        falls.append(answer - score(copies(batch, len(places), {name: changed})))
    return float(answer), torch.cat(falls).double().cpu() if falls else torch.zeros(0, dtype=torch.float64)
