"""Measures: pure functions of raw items, or of their features. One module a kind that has measures, named as the kind:

    SAMPLES: int                                            how many items are judged where nobody says
    judge(real, fake, train=None, *, untrained=None, …) -> list[Metric]
    nearest(queries, bank, k) -> Tensor (n, k)              which items of the bank each query is most like
    cheap(real, fake) -> (name, value)                      what a run watches while it trains; lower is better
    left_out(real, fake, groups) -> list[float]             the same without each group of items: its noise comes of it
    spread(real, fake) -> float                             how varied samples are beside data: 1 as data, 0 all alike

`real`, `fake` and the like are raw items, whole or block by block (`Blocks`), so that memory need not hold them all.
"""

from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

Z = 1.959964  # of a 95 % interval


@dataclass(frozen=True)
class Metric:
    """One number with all that moves it. `low` and `high` bound a 95 % interval, `floor` is what real data scores
    against real data, `reference` a baseline that the protocol names."""

    name: str  # with the unit or the sample size that its values depend on: kid_2k, nll_nats_is50
    value: float
    unit: str
    samples: int  # generated items, or held-out ones where the model is scored on them
    protocol: str
    low: float | None = None
    high: float | None = None
    floor: float | None = None
    reference: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Without what does not apply."""
        return {k: v for k, v in asdict(self).items() if v is not None}


def size_name(count: int) -> str:
    """10000 -> 10k, 1234 -> 1234: sample sizes in names."""
    return f"{count // 1000}k" if count >= 1000 and count % 1000 == 0 else str(count)


def wilson(hits: float, count: int) -> tuple[float, float]:
    """95 % interval of a share, from hits of count independent trials. Wilson 1927."""
    if count < 1:
        raise ValueError(f"{count} trials: an interval needs at least one")
    share = hits / count
    middle = (share + Z * Z / (2 * count)) / (1 + Z * Z / count)
    half = Z / (1 + Z * Z / count) * sqrt(share * (1 - share) / count + Z * Z / (4 * count * count))
    return max(0.0, middle - half), min(1.0, middle + half)
