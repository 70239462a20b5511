"""From one code to another."""

import torch
from jaxtyping import Float
from torch import Tensor

ALIKE = 1e-4  # radians: below that (or that near to opposite) an arc is no other than a line, or is not one alone


def straight(a: Float[Tensor, " d"], b: Float[Tensor, " d"], steps: int) -> Float[Tensor, "s d"]:
    """Evenly from a to b, both with it."""
    t = torch.linspace(0, 1, steps, dtype=a.dtype)[:, None]
    return torch.lerp(a.expand(steps, -1), b.expand(steps, -1), t)


def spherical(a: Float[Tensor, " d"], b: Float[Tensor, " d"], steps: int) -> Float[Tensor, "s d"]:
    """Evenly along the arc from a to b, both with it: codes of a wide standard normal lie near a sphere, which a line
    leaves (White 2016, arXiv:1609.04468). sin((1-t) w)/sin(w) a + sin(t w)/sin(w) b, w the angle between them
    (Shoemake 1985). A straight line where they lie in one direction or in opposite ones, or one is 0."""
    w = ((a * b).sum() / (a.norm() * b.norm())).clamp(-1, 1).acos()  # NaN where one of them has no direction
    if not ALIKE <= float(w) <= torch.pi - ALIKE:
        return straight(a, b, steps)
    t = torch.linspace(0, 1, steps, dtype=a.dtype)[:, None]
    path: Tensor = (((1 - t) * w).sin() * a + (t * w).sin() * b) / w.sin()
    path[0], path[-1] = a, b  # exactly
    return path


def unevenness(x: Float[Tensor, "s d"]) -> float:
    """The longest step of a path over the mean of all: 1 where it goes evenly, steps - 1 where it jumps once. NaN where
    it goes nowhere."""
    sizes = x.diff(dim=0).norm(dim=1)
    return float(sizes.max() / sizes.mean())
