"""Items read in their order by the rows of a batch, each row a lane of its own: what truncated back-propagation asks
for. Which item a lane is at is a function of (seed, lane, k), and nothing is kept."""

from typing import Any

import torch
from torch import Tensor

from reverie.core import Carries, Items, Windowed

from .seeds import fold

WIDE = 1024  # tokens of a window that is scored, at least, by a model that carries a state


def rows(count: int, lanes: int, seed: int, k: int) -> tuple[Tensor, Tensor]:
    """Which of `count` items the lanes are at in batch k, and where a lane goes on with the item after the one that it
    was at in batch k - 1: (lanes,) each.

    An epoch has ceil(count / lanes) batches. The lanes begin evenly spread, in each epoch from another item on, and
    walk side by side around the items: every item is read. Where the lanes do not divide the items, some come to the
    first item of the next lane, which is then read twice in that epoch. A lane jumps at an epoch's beginning and from
    the last item to the first."""
    steps = -(-count // lanes)
    epoch, step = divmod(k, steps)
    begin = fold(seed, "lanes", epoch) + torch.arange(lanes) * count // lanes
    index = (begin + step) % count
    return index, (index > 0) if step else torch.zeros(lanes, dtype=torch.bool)


def wide(model: Any, items: Items) -> Items:
    """What a model is scored on. Scores begin each window from nothing; a model that was trained to go on from a state
    is told little of what it knows by that, and so reads longer windows, which cost it nothing."""
    carries = isinstance(model, Carries) and model.carries
    return items.wider(WIDE) if carries and isinstance(items, Windowed) else items
