"""Schedules: pure functions of where training stands, so that there is nothing to save."""

from math import cos, pi, sqrt
from typing import Literal

from reverie.spec import At


def warm_up(at: At, share: float) -> float:
    """Rises linearly to 1 over the first `share` of the planned steps: over n = round(share · steps) of them, step t
    gets (t + 1) / (n + 1), so that not even the first is lost; 1 from step n on."""
    steps = round(share * at.steps)
    return (at.step + 1) / (steps + 1) if at.step < steps else 1.0


def cosine(at: At, floor: float = 0.0, after: float = 0.0) -> float:
    """1 up to the share `after` of the planned steps, then half a cosine down to `floor` at the planned end and beyond.
    Loshchilov & Hutter 2017, arXiv:1608.03983, equation 5 without restarts. `floor` and `after` in [0, 1]."""
    begin = round(after * at.steps)
    done = min(1.0, max(0, at.step - begin) / max(1, at.steps - begin))
    return floor + (1 - floor) * 0.5 * (1 + cos(pi * done))


def warm_up_then_cosine(at: At, share: float, floor: float) -> float:
    """The two in turn: up over the first `share` of the planned steps, then down to `floor`."""
    return warm_up(at, share) * cosine(at, floor, share)


def one_cycle(at: At, share: float) -> float:
    """Linearly from 0 up to 1 over the first `share` of the planned steps, then linearly down to 0 at the planned end
    and beyond. Smith & Topin 2017, arXiv:1708.07120. Taken at the middle of a step: neither the first nor the last one
    is lost. `share` in [0, 1)."""
    middle = (at.step + 0.5) / max(1, at.steps)
    return min(middle / share if share else 1.0, max(0.0, 1 - middle) / (1 - share))


def falling(at: At, share: float, decay: Literal["none", "linear", "cosine"]) -> float:
    """Up over the first `share` of the planned steps, then down to 0 along a line (`one_cycle`) or a cosine, or not."""
    if decay == "linear":
        return one_cycle(at, share)
    return warm_up_then_cosine(at, share, 0.0) if decay == "cosine" else warm_up(at, share)


def inverse_root(at: At, share: float) -> float:
    """Linearly up to 1 over the first `share` of the planned steps, then as 1 / sqrt(step). Vaswani et al. 2017,
    arXiv:1706.03762, equation 3, divided by its peak."""
    peak = max(1.0, share * at.steps)
    return min((at.step + 1) / peak, sqrt(peak / (at.step + 1)))
