"""Items of any spec as vectors that a network can make: what a dense generator says, and what its adversary sees."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import one_hot

from reverie.core import Batch, Spec

from .flat import Flat


class Vectors:
    """Numbers with bounds lie in [-1, 1], those without as they are, a category as a 1 among -1s. Raises ValueError
    where `Flat` does."""

    def __init__(self, spec: Spec):
        self.flat = Flat(spec)
        self.size = self.flat.size
        self.free = None if self.flat.within else ~self.flat.bounded  # numbers without bounds; None: there are none

    def real(self, batch: Batch) -> Float[Tensor, "b d"]:
        """Encoded items -> vectors."""
        x = self.flat.seen(batch).x
        scaled = 2 * x - 1
        if self.free is None:
            return scaled
        numbers = torch.where(self.free.to(x.device), x[:, : self.flat.count], scaled[:, : self.flat.count])
        return torch.cat([numbers, scaled[:, self.flat.count :]], 1)

    def made(self, outputs: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        """What a network says -> vectors of the same form. A category is the likeliest, exactly as in a real item; its
        gradient is the softmax's (straight through: Bengio et al. 2013, arXiv:1308.3432)."""
        raw, *groups = torch.split(outputs, [self.flat.count, *self.flat.groups], 1)
        numbers = raw.tanh() if self.free is None else torch.where(self.free.to(raw.device), raw, raw.tanh())
        return torch.cat([numbers, *map(straight, groups)], 1) if groups else numbers

    def fields(self, x: Float[Tensor, "b d"]) -> dict[str, Tensor]:
        """Vectors -> items."""
        raw = x[:, : self.flat.count]
        unit = (raw + 1) / 2
        numbers = unit if self.free is None else torch.where(self.free.to(raw.device), raw, unit)
        return self.flat.items(numbers, x[:, self.flat.count :])


def straight(logits: Float[Tensor, "b k"]) -> Float[Tensor, "b k"]:
    soft = logits.softmax(1)
    hard = one_hot(logits.argmax(1), logits.shape[1]).to(soft.dtype)
    return 2 * (hard + soft - soft.detach()) - 1
