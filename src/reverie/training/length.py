"""How many steps a run takes: by what was asked, and by what was planned before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reverie.errors import Problem

from .pace import MARGIN, step_seconds
from .run import Run
from .session import Session

if TYPE_CHECKING:
    from .order import Order


def length(order: Order, run: Run, session: Session) -> tuple[int, int]:
    """Step at which this sitting ends, and steps that schedules are planned for: those of the first segment, so that an
    extension goes on at the rate at which the last one ended. Raises Problem for less than was planned."""
    segments = run.info["segments"]
    done, last = session.trainer.step, segments[-1] if segments else None
    if order.steps:
        until = order.steps
    elif order.budget and not (last and last["time"] == order.budget):
        until = timed(order, session, last)
        if run.info.get("passes") and not last:
            until = min(until, run.info["default_steps"])
    else:
        until = last["steps"] if last else run.info["default_steps"]
    if run.info.get("passes") and not last and until == run.info["default_steps"]:
        passes = until * run.info["plan"]["batch"] / run.info["source"]["items"]
        session.reporter.say(f"{until} steps are {passes:.3g} passes through the items; --steps N sets another number")
    if last and until < max(done, last["steps"]):
        raise Problem(
            f"{run.path}: planned for {last['steps']} steps, {done} done. Pass more --steps than {last['steps']}"
            " to extend it, or leave --steps out to go on as planned"
        )
    return until, segments[0]["steps"] if segments else until


def timed(order: Order, session: Session, last: Mapping[str, Any] | None) -> int:
    """--time as a number of steps."""
    trainer = session.trainer
    if last and trainer.step:
        pace = session.seconds / max(1, trainer.step)
        return int(max(last["steps"], trainer.step + (order.budget - session.seconds) / max(pace, 1e-9)))
    pace = step_seconds(trainer)
    steps = max(1, int(order.budget * MARGIN / pace), last["steps"] if last else 0)  # planned before: never less
    session.reporter.say(f"--time {order.time}: {steps} steps, at {1 / pace:.3g} a second in a short trial")
    return steps
