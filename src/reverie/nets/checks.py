"""What a model asks of its Config and Spec before it builds a network, and of a Sampling before it draws. Each raises
ValueError, of a Sampling Problem: the value, the cure."""

from typing import Any

from reverie.errors import Problem
from reverie.maths.targets import form
from reverie.spec import Field, Spec


def at_least(cfg: Any, **least: int | float) -> None:
    """Fields of the Config that may not fall below a value: at_least(cfg, width=1)."""
    for name, low in least.items():
        value = getattr(cfg, name)
        if not value >= low:
            raise ValueError(f"{name} {value}: too small. Pass {low} or more")


def positive(cfg: Any, *names: str) -> None:
    """Fields that must lie above 0."""
    for name in names:
        value = getattr(cfg, name)
        if not value > 0:
            raise ValueError(f"{name} {value}: not above 0. Pass a positive number")


def share(cfg: Any, *names: str) -> None:
    """Fields that must lie in [0, 1)."""
    for name in names:
        value = getattr(cfg, name)
        if not 0 <= value < 1:
            raise ValueError(f"{name} {value}: not in [0, 1). Pass a number from 0 up to, but not, 1")


def from_zero(how: Any, *names: str) -> None:
    """Fields of a Sampling that must lie in [0, ∞). Raises Problem."""
    for name in names:
        value = getattr(how, name)
        if not 0 <= value < float("inf"):
            raise Problem(f"--{name.replace('_', '-')} {value}: not a number from 0 up. Pass one")


def nucleus(how: Any) -> None:
    """A Sampling's `top_p` must lie in (0, 1]. Raises Problem."""
    if not 0 < how.top_p <= 1:
        raise Problem(f"--top-p {how.top_p}: not a probability above 0. Pass one up to 1, which keeps all")


def answer(spec: Spec, model: str, sequence: str, single: str = "Predict something else") -> tuple[str, Field]:
    """Name and field of what a predictor of classes, labels and numbers says. `sequence` and `single` are the cures of
    a sequence and of one class."""
    name, field = spec.predicted
    if form(field) == "sequence":
        raise ValueError(f"a sequence: {model} predicts classes, labels and numbers. {sequence}")
    if field.categories == 1:
        raise ValueError(f"one class only: nothing to tell apart. {single}")
    return name, field


def picture(spec: Spec, model: str, least: int = 1) -> tuple[str, Field]:
    """Name and field of the one picture (C, H, W) in [-1, 1] that an item is, with sides of at least `least`."""
    name, field = spec.only
    if len(field.shape) != 3 or field.categories or (field.low, field.high) != (-1, 1):
        raise ValueError(f"{name} {field.shape}: {model} takes pictures (C, H, W) of numbers in [-1, 1]. Pass some")
    size = field.shape[1:]
    if min(size) < least:
        given, nearest = ("x".join(map(str, s)) for s in (size, [max(side, least) for side in size]))
        raise ValueError(f"{given}: {model} makes {least}x{least} and larger. Pass the nearest: --size {nearest}")
    return name, field
