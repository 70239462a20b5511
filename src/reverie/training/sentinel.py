"""Sees that training went wrong, and says it in words."""

from collections.abc import Iterable, Mapping
from math import isfinite

import torch
from torch import Tensor

from reverie.errors import Diverged

from .health import NORM, health, signs

FIRST = 20  # looks by which the usual size of each loss is known
FACTOR = 1e4  # a loss that many times its usual size has diverged


class Sentinel:
    """Looks at the logged losses. NaN and infinity stop a run; so does a loss FACTOR times as large as any was in its
    first FIRST looks (as a GAN's losses wander, the factor is wide: it names what is beyond doubt). A gradient that
    grows is not an end, as clipping or Adam bounds what it does; it is part of what is said."""

    def __init__(self) -> None:
        self.looks = 0
        self.usual: dict[str, float] = {}
        self.seen: dict[str, float] = {}  # the last finite value of each: what is said of a run that ends
        self.noted: list[str] = []  # signs of trouble that were said, and still show

    def look(self, step: int, logs: Mapping[str, float]) -> None:
        """Raises Diverged where the logs say so."""
        self.seen |= {name: value for name, value in logs.items() if isfinite(value)}
        for name, value in logs.items():
            if not isfinite(value):
                raise Diverged(f"{name} became {value} at step {step}: {self.cure()}")
            grew = self.looks >= FIRST and abs(value) > FACTOR * max(1.0, self.usual.get(name, abs(value)))
            if grew and not name.startswith(NORM):
                raise Diverged(
                    f"{name} grew to {value:.3g} by step {step} (it was at most {self.usual[name]:.3g} in the "
                    f"beginning): {self.cure()}"
                )
            if self.looks < FIRST:
                self.usual[name] = max(self.usual.get(name, 0.0), abs(value))
        self.looks += 1

    def check(self, step: int, tensors: Iterable[Tensor]) -> None:
        """Raises Diverged where a weight is not finite: such a checkpoint must not replace a good one."""
        norms = torch._foreach_norm(list(tensors))
        if norms and not bool(torch.stack(norms).isfinite().all()):
            raise Diverged(f"a weight is not finite at step {step}: {self.cure()}")

    def note(self, values: Mapping[str, float]) -> list[str]:
        """Signs of trouble that did not show at the look before: each is said once while it lasts."""
        found = signs(values, self.usual)
        new = [words for name, words in found.items() if name not in self.noted]
        self.noted = list(found)
        return new

    def cure(self) -> str:
        """What to do, and what showed before."""
        showed = health(self.seen, self.usual)
        return f"{CURE}. What showed before: {showed}" if showed else CURE

    def state(self) -> dict[str, object]:
        return {"looks": self.looks, "usual": dict(self.usual), "noted": list(self.noted)}

    def load(self, state: dict[str, object]) -> None:
        self.looks, self.usual = state["looks"], dict(state["usual"])  # type: ignore[assignment, call-overload]
        self.noted = list(state.get("noted", []))  # type: ignore[call-overload]


CURE = (
    "training diverged. The last good checkpoint is kept; go on from it with other chance by --retry, or start anew "
    "with a smaller --learning-rate"
)
