"""From one code to another."""

import torch
from jaxtyping import Float
from torch import Tensor

ALIKE = 1e-4  # radians: below that (or that near to opposite) an arc is no other than a line, or is not one alone


def straight(a: Float[Tensor, " d"], b: Float[Tensor, " d"], at: int | Float[Tensor, " s"]) -> Float[Tensor, "s d"]:
    """From a to b, both with it: so many places at even distances, or places from 0 to 1."""
    t = places(at, a.dtype)
    return torch.lerp(a.expand(len(t), -1), b.expand(len(t), -1), t)


def spherical(a: Float[Tensor, " d"], b: Float[Tensor, " d"], at: int | Float[Tensor, " s"]) -> Float[Tensor, "s d"]:
    """The same along the arc from a to b: codes of a wide standard normal lie near a sphere, which a line
    leaves (White 2016, arXiv:1609.04468). sin((1-t) w)/sin(w) a + sin(t w)/sin(w) b, w the angle between them
    (Shoemake 1985). A straight line where they lie in one direction or in opposite ones, or one is 0."""
    w = ((a * b).sum() / (a.norm() * b.norm())).clamp(-1, 1).acos()  # NaN where one of them has no direction
    if not ALIKE <= float(w) <= torch.pi - ALIKE:
        return straight(a, b, at)
    t = places(at, a.dtype)
    path: Tensor = (((1 - t) * w).sin() * a + (t * w).sin() * b) / w.sin()
    path[t[:, 0] == 0], path[t[:, 0] == 1] = a, b  # exactly
    return path


def places(at: int | Float[Tensor, " s"], dtype: torch.dtype) -> Float[Tensor, "s 1"]:
    whole = torch.linspace(0, 1, at, dtype=dtype) if isinstance(at, int) else at.to(dtype)
    return whole[:, None]


def evened(x: Float[Tensor, "n d"], steps: int) -> Float[Tensor, " s"]:
    """The places, from 0 to 1, where so many points lie at even distances along a path, both ends with it; x: what the
    path gives at n even places. Even ones where it goes nowhere."""
    along = torch.cat([x.new_zeros(1), x.diff(dim=0).norm(dim=1).cumsum(0)])
    known = torch.linspace(0, 1, len(x), dtype=x.dtype)
    if not float(along[-1]) > 0:
        return torch.linspace(0, 1, steps, dtype=x.dtype)
    wanted = along[-1] * torch.linspace(0, 1, steps, dtype=x.dtype)
    right = torch.searchsorted(along, wanted).clamp(1, len(x) - 1)
    left = right - 1
    share = (wanted - along[left]) / (along[right] - along[left])
    found = torch.lerp(known[left], known[right], share)
    found[0], found[-1] = 0, 1  # exactly
    return found


def unevenness(x: Float[Tensor, "s d"]) -> float:
    """The longest step of a path over the mean of all: 1 where it goes evenly, steps - 1 where it jumps once. NaN where
    it goes nowhere."""
    sizes = x.diff(dim=0).norm(dim=1)
    return float(sizes.max() / sizes.mean())
