"""Time as a number of steps."""

import re
import time as clock
from typing import Any

from reverie.errors import Problem

from .trainer import Trainer

WARM_UP = 3.0  # seconds of steps that are timed, and thrown away
LONG = 10**6  # steps of the schedule that the timed ones are taken from
GOLDEN = 0.6180339887  # fractions of its multiples lie evenly over [0, 1), however few there are
CYCLE = 5040  # the schedule is entered at multiples of it, so that what comes every second to tenth step comes as often
MARGIN = 0.9  # share of a budget that steps get; the rest is for looks and checkpoints


def seconds(text: str) -> float:
    """ "90s", "10m", "1.5h" or plain seconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|h|)", text.strip())
    if not found or not float(found[1]):
        raise Problem(f"--time {text}: not a duration. Write 90s, 10m or 1.5h")
    return float(found[1]) * {"s": 1, "": 1, "m": 60, "h": 3600}[found[2]]


def step_seconds(trainer: Trainer) -> float:
    """Time of a step, the mean over a schedule, for networks grow and parts of a model rest. The timed steps are thrown
    away: the run itself starts from the weights it would have had. All processes take as many as the first does, and
    get its answer."""
    kept = clone(trainer.state())
    trainer.advance(LONG)  # the first step pays for start-up
    begun, steps = clock.monotonic(), 0
    while trainer.fabric.broadcast(steps < 2 or clock.monotonic() - begun < WARM_UP):
        trainer.step = place(steps)
        trainer.advance(LONG)
        steps += 1
    pace = trainer.fabric.broadcast((clock.monotonic() - begun) / steps)
    trainer.load(kept)
    for optimizer in trainer.optimizers.values():
        optimizer.state.clear()
    return float(pace)


def place(k: int) -> int:
    """Which step of the schedule the k-th timed one is."""
    return int((k + 0.5) * GOLDEN % 1 * LONG) // CYCLE * CYCLE + k


def clone(value: Any) -> Any:
    """Copies of all tensors in a state."""
    if isinstance(value, dict):
        return {k: clone(v) for k, v in value.items()}
    if isinstance(value, list):
        return [clone(v) for v in value]
    return value.detach().clone() if hasattr(value, "detach") else value
