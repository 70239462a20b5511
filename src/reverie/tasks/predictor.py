"""Whether a run predicts, and what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reverie.core import Predicts
from reverie.errors import Problem
from reverie.maths.targets import Form, form

if TYPE_CHECKING:
    from reverie.training.run import Run


def predicts(run: Run) -> Form:
    """The form of what it predicts. Raises Problem where it predicts nothing."""
    if "predict" not in run.family.abilities:
        raise Problem(f"{run.path}: {run.family.name} predicts nothing. Make samples with `reverie sample`")
    return form(run.spec.predicted[1])


def predictor(run: Run) -> Predicts:
    """Its model. Raises Problem where it predicts nothing."""
    predicts(run)
    model = run.model
    assert isinstance(model, Predicts)
    return model
