"""How much a predictor leans on each column: what it loses when the column's values change hands. Breiman 2001, "Random
Forests", section 10; Fisher, Rudin & Dominici 2019, arXiv:1801.01489 (model reliance, as a difference)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from reverie.core import Batch
from reverie.maths.targets import form, nats
from reverie.metrics import Z
from reverie.spec import Field
from reverie.training.seeds import generator

SEED = 20_011_001  # of the permutations
BLOCK = 500  # items at a time


class Importance(NamedTuple):
    """Of one column. `low` and `high` bound a 95 % interval of `loss`."""

    column: str
    loss: float  # by which the mean loss rises
    low: float
    high: float
    measure: float  # by which the measure gets worse: the share right falls, or the root mean squared error rises


class Costs(NamedTuple):
    """Of each item (N,)."""

    loss: Tensor  # nats of classes and labels, squares of numbers in the target's own unit
    wrong: Tensor  # the share that is wrong; of numbers the squares


def costs(output: Tensor, truth: Tensor, target: Field, unit: Tensor) -> Costs:
    """`unit`: what one of the codec's units is in the target's own, for each number of an item."""
    kind = form(target)
    if kind == "numbers":
        square = ((output - truth).double() * unit).square().reshape(len(truth), -1).mean(1)
        return Costs(square, square)
    missed = output.argmax(1) != truth if kind == "classes" else (output > 0) != truth.bool()
    wrong = missed.double().reshape(len(truth), -1).mean(1)
    return Costs(nats(output, truth, target).double(), wrong)


def importance(
    predict: Callable[[Batch], Tensor],
    batch: Batch,
    columns: Sequence[str],
    answer: tuple[str, Field],
    unit: Tensor,
    repeats: int,
) -> list[Importance]:
    """Of each column, on N items that are all in `batch`, with the answers in it: the mean over `repeats` permutations
    in which every item gets another's value, and whether it is there. The interval is of other items of the same kind:
    an item counts by what it loses with others' values and by what others lose with its own."""
    name, target = answer
    truth = batch[name].cpu()

    def cost(changed: Batch) -> Costs:
        return costs(predicted(predict, changed), truth, target, unit)

    plain = cost(batch)
    found = []
    for k, column in enumerate(columns):
        taken, given, wrong = torch.zeros_like(plain.loss), torch.zeros_like(plain.loss), 0.0  # as receiver, as donor
        for r in range(repeats):
            donor = others(len(truth), generator(SEED, "permute", k, r))
            now = cost(swapped(batch, column, donor))
            rise = (now.loss - plain.loss) / repeats
            taken += rise
            given[donor] += rise
            wrong += float(now.wrong.mean()) / repeats
        mean = float(taken.mean())
        # Hoeffding 1948: the first-order part of a statistic of pairs; the noise of few repeats only widens it
        half = Z * float((taken + given).std()) / len(truth) ** 0.5
        found.append(Importance(column, mean, mean - half, mean + half, worse(wrong, plain.wrong, target)))
    return found


def worse(wrong: float, before: Tensor, target: Field) -> float:
    """By how much the measure is worse: of the share right, or of the root mean squared error."""
    plain = float(before.mean())
    return wrong**0.5 - plain**0.5 if form(target) == "numbers" else wrong - plain


def others(count: int, chance: torch.Generator) -> Tensor:
    """(N,) another item for each: along one circle through all of them, so that none keeps its own."""
    order = torch.randperm(count, generator=chance)
    donor = torch.empty_like(order)
    donor[order] = order.roll(-1)
    return donor


def swapped(batch: Batch, column: str, donor: Tensor) -> Batch:
    """Each item with the donor's value, and with the donor's gap where it has one."""
    at = donor.to(batch[column].device)
    values = {**batch.values, column: batch[column][at]}
    masks = {k: v[at] if k == column else v for k, v in batch.masks.items()}
    return Batch(values, batch.lengths, masks)


@torch.inference_mode()
def predicted(predict: Callable[[Batch], Tensor], batch: Batch) -> Tensor:
    """What is said of every item, block by block: (N, …)."""

    def part(first: int) -> Batch:
        block = slice(first, first + BLOCK)
        values, lengths, masks = (
            {k: v[block] for k, v in named.items()} for named in (batch.values, batch.lengths, batch.masks)
        )
        return Batch(values, lengths, masks)

    return torch.cat([predict(part(first)).cpu() for first in range(0, len(batch), BLOCK)])
