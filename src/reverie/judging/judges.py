"""What a person may judge samples by: a named extractor of features, or a classifier that reverie trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from reverie.core import Field, Predicts
from reverie.errors import Problem
from reverie.metrics import features

if TYPE_CHECKING:
    from reverie.training.run import Run


@dataclass(frozen=True)
class Judge:
    """A classifier: its name with a fingerprint, probabilities (N, classes) of raw pictures, and the classes' names."""

    name: str
    classify: Callable[[Any], Any]
    classes: tuple[str, ...]


def extractor(run: Run, what: Any) -> Any:
    """None for the kind's default. Raises Problem for a kind that is not judged by features."""
    if what is None or what == "":
        return None
    if run.spec.kind != "image":
        raise Problem(f"--extractor {what}: only pictures are judged by features, and {run.path} makes {run.spec.kind}")
    return features.named(what, max(run.spec.only[1].shape[1:]))


def classifier(run: Run, where: str) -> Judge | None:
    """The predictor in that folder, as a judge of the run's samples. Raises Problem where it takes other pictures, says
    no classes, or other ones than the run has."""
    from reverie.training.run import Run as Opened

    if not where:
        return None
    judge = Opened.open(Path(where))
    if not isinstance(judge.model, Predicts) or judge.spec.kind != "image":
        raise Problem(f"--classifier {where}: no classifier of pictures. Train one: reverie fit DATA --predict labels")
    (_, mine), (_, theirs) = run.spec.only, judge.spec.only
    if mine.shape != theirs.shape:
        raise Problem(f"--classifier {where}: of pictures {theirs.shape}, and {run.path} makes {mine.shape}")
    known = judge.spec.predicted[1]
    if known.shape or not known.categories:
        raise Problem(f"--classifier {where}: it says no classes. Train one: reverie fit DATA --predict labels")
    if run.spec.classes and named(run.spec.predicted[1]) != named(known):
        raise Problem(f"--classifier {where}: it knows other classes than {run.path}. Train one on the same labels")
    example = run.prepared.held_out if len(run.prepared.held_out) else run.prepared.train
    made = features.of_classifier(judge.model, judge.codec.encode, judge.info["model"], example.raw(torch.arange(1)))  # type: ignore[arg-type]
    return Judge(made.name, made.probabilities, named(known))


def named(classes: Field) -> tuple[str, ...]:
    """Their names, or their numbers where they have none."""
    return classes.names or tuple(map(str, range(classes.categories)))
