"""Which one number of an answer is explained."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from reverie.core import Batch
from reverie.errors import Problem
from reverie.maths.targets import form
from reverie.spec import Field

from .attribution import Score
from .predict import channels, units
from .predictor import predictor

if TYPE_CHECKING:
    from reverie.training.run import Run


class Question(NamedTuple):
    """One number of an answer: outputs (B, …) -> (B,), then times `unit` plus `zero` in the target's own unit."""

    name: str
    pick: Callable[[Tensor], Tensor]
    unit: float = 1.0
    zero: float = 0.0


def question(run: Run, output: Tensor, of: str) -> Question:
    """What is explained of one answer (1, …). Raises Problem for a name that it does not have."""
    name, target = run.spec.predicted
    names, kind = named(name, target), form(target)
    if of and of not in names:
        raise Problem(f"--of {of}: no such answer. There are: {', '.join(names[:20])}")
    if kind == "numbers":
        k = names.index(of) if of else 0
        zeros = torch.zeros_like(output, dtype=torch.float64)
        zero, one = (float(units(run, x).reshape(-1, len(names))[0, k]) for x in (zeros, zeros + 1))
        said = names[k] if len(target.shape) < 2 else f"{names[k]}, mean of {target.shape[0]} steps"
        return Question(said, lambda out: out.reshape(len(out), -1, len(names))[:, :, k].mean(1), one - zero, zero)
    k = names.index(of) if of else int(output[0].argmax())
    return Question(names[k], lambda out: out[:, k] if kind == "labels" else log_odds(out, k))


def log_odds(logits: Tensor, k: int) -> Tensor:
    """Of class k against all others, log p / (1 - p): (B, n) -> (B,). A single logit would mean nothing: what a model
    adds to all of an item's changes no probability, and models differ in it."""
    others = torch.cat([logits[:, :k], logits[:, k + 1 :]], 1)
    return logits[:, k] - others.logsumexp(1)


def named(name: str, target: Field) -> tuple[str, ...]:
    """What a person calls each class, label, number or channel."""
    if form(target) == "classes":
        return target.names or tuple(map(str, range(target.categories)))
    return channels(name, target)


def score(run: Run, asked: Question) -> Score:
    model = predictor(run)
    return lambda batch: asked.pick(model.predict(batch)).double() * asked.unit + asked.zero


@torch.inference_mode()
def said(run: Run, batch: Batch) -> Tensor:
    return predictor(run).predict(batch)
