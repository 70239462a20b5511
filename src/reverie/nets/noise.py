"""Normal noise of an item, and less of it: what adversarial generators are truncated by."""

from __future__ import annotations

from torch import Tensor

from reverie.errors import Problem
from reverie.maths.truncation import truncated


def narrowed(z: Tensor, threshold: float, prior: str = "normal") -> Tensor:
    """Draws z of the prior as they are, or within ±threshold where that is above 0 (Brock et al. 2019,
    arXiv:1809.11096, section 3.1). Raises Problem below 0, and for a prior without tails."""
    if not 0 <= threshold < float("inf"):
        raise Problem(f"--truncation {threshold}: not a number from 0 up. Pass one")
    if threshold and prior != "normal":
        told = f"--truncation {threshold}"
        raise Problem(f"{told}: cuts the tails of normal noise, and this run's is {prior}. Leave it out")
    return truncated(z, threshold) if threshold else z
