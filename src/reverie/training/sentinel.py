"""Sees that training went wrong, and says it in words."""

from collections.abc import Iterable, Mapping
from math import isfinite

import torch
from torch import Tensor

from reverie.errors import Diverged

FIRST = 20  # looks by which the usual size of each loss is known
FACTOR = 1e4  # a loss that many times its usual size has diverged


class Sentinel:
    """Looks at the logged losses. NaN and infinity stop a run; so does a loss FACTOR times as large as any was in its
    first FIRST looks (as a GAN's losses wander, the factor is wide: it names what is beyond doubt)."""

    def __init__(self) -> None:
        self.looks = 0
        self.usual: dict[str, float] = {}

    def look(self, step: int, logs: Mapping[str, float]) -> None:
        """Raises Diverged where the logs say so."""
        for name, value in logs.items():
            if not isfinite(value):
                raise Diverged(f"{name} became {value} at step {step}: {CURE}")
            if self.looks >= FIRST and abs(value) > FACTOR * max(1.0, self.usual.get(name, abs(value))):
                raise Diverged(
                    f"{name} grew to {value:.3g} by step {step} (it was at most {self.usual[name]:.3g} in the "
                    f"beginning): {CURE}"
                )
            if self.looks < FIRST:
                self.usual[name] = max(self.usual.get(name, 0.0), abs(value))
        self.looks += 1

    def check(self, step: int, tensors: Iterable[Tensor]) -> None:
        """Raises Diverged where a weight is not finite: such a checkpoint must not replace a good one."""
        norms = torch._foreach_norm(list(tensors))
        if norms and not bool(torch.stack(norms).isfinite().all()):
            raise Diverged(f"a weight is not finite at step {step}: {CURE}")

    def state(self) -> dict[str, object]:
        return {"looks": self.looks, "usual": dict(self.usual)}

    def load(self, state: dict[str, object]) -> None:
        self.looks, self.usual = state["looks"], dict(state["usual"])  # type: ignore[assignment, call-overload]


CURE = (
    "training diverged. The last good checkpoint is kept; go on from it with other chance by --retry, or start anew "
    "with a smaller --learning-rate"
)
