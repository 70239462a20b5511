"""Time as a number of steps."""

import re
import time as clock
from typing import Any

from reverie.errors import Problem

from .trainer import Trainer

WARM_UP = 3.0  # seconds of steps that are timed, and thrown away
LONG = 10**6  # steps of the schedule that the timed ones are taken from: all are at its beginning
MARGIN = 0.9  # share of a budget that steps get; the rest is for looks and checkpoints


def seconds(text: str) -> float:
    """ "90s", "10m", "1.5h" or plain seconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|h|)", text.strip())
    if not found or not float(found[1]):
        raise Problem(f"--time {text}: not a duration. Write 90s, 10m or 1.5h")
    return float(found[1]) * {"s": 1, "": 1, "m": 60, "h": 3600}[found[2]]


def step_seconds(trainer: Trainer) -> float:
    """Time of a step, from a few that are thrown away: the run itself starts from the weights it would have had. All
    processes take as many as the first does, and get its answer."""
    kept = clone(trainer.state())
    trainer.advance(LONG)  # the first step pays for start-up
    begun, steps = clock.monotonic(), 0
    while trainer.fabric.broadcast(steps < 2 or clock.monotonic() - begun < WARM_UP):
        trainer.advance(LONG)
        steps += 1
    pace = trainer.fabric.broadcast((clock.monotonic() - begun) / steps)
    trainer.load(kept)
    for optimizer in trainer.optimizers.values():
        optimizer.state.clear()
    return float(pace)


def clone(value: Any) -> Any:
    """Copies of all tensors in a state."""
    if isinstance(value, dict):
        return {k: clone(v) for k, v in value.items()}
    if isinstance(value, list):
        return [clone(v) for v in value]
    return value.detach().clone() if hasattr(value, "detach") else value
