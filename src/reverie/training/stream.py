"""Endless shuffled batches, without state: batch k is a function of (seed, k)."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from reverie.core import Apart, Batch, Items

from . import lanes
from .seeds import fold, generator

FIRST = 10**9  # batches that `begin` and `finish` see are numbered from here: never those of an update
LEAST = 256  # items at a time of a whole pass


class Stream:
    """Walks through the items in epochs, each in an order of its own. A batch may end one epoch and begin the next, so
    no item is left out and fewer items than a batch work. Domains are walked through apart, each in epochs of its own
    length and orders of its own: a batch holds as many items of each.

    `ordered`: in place of a shuffled order, each row of a batch walks through the items in theirs (see `lanes`)."""

    def __init__(self, items: Items, batch: int, seed: int, shards: int = 1, ordered: bool = False):
        self.items, self.batch, self.seed, self.shards, self.ordered = items, batch, seed, shards, ordered
        self.orders: dict[int, Tensor] = {}  # epoch -> order, of the epochs in use
        apart = items.domains if isinstance(items, Apart) else {}
        # seeded by a domain's place among them, not by its name: what is learnt hangs on no folder's name
        self.domains = {
            name: Stream(one, batch, fold(seed, "domain", i), shards) for i, (name, one) in enumerate(apart.items())
        }

    def order(self, epoch: int) -> Tensor:
        if epoch not in self.orders:
            self.orders = {e: o for e, o in self.orders.items() if e >= epoch - 1}
            self.orders[epoch] = torch.randperm(len(self.items), generator=generator(self.seed, "epoch", epoch))
        return self.orders[epoch]

    def index(self, k: int) -> Tensor:
        """Which items batch k holds: (batch,)."""
        if self.ordered:
            return lanes.rows(len(self.items), self.batch, self.seed, k)[0]
        parts, at, end = [], k * self.batch, (k + 1) * self.batch
        while at < end:
            epoch, first = divmod(at, len(self.items))
            part = self.order(epoch)[first : first + end - at]
            parts.append(part)
            at += len(part)
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def shard(self, k: int, s: int) -> Batch:
        """Part s of batch k. What varies is drawn from torch's global generator."""
        if self.domains:
            return Batch({}, domains={name: one.shard(k, s) for name, one in self.domains.items()})
        if self.ordered:
            index, follows = lanes.rows(len(self.items), self.batch, self.seed, k)
            return self.along(index.tensor_split(self.shards)[s], follows.tensor_split(self.shards)[s])
        index = self.index(k)
        return self.items.take(index if self.shards == 1 else index.tensor_split(self.shards)[s], vary=True)

    def along(self, index: Tensor, follows: Tensor) -> Batch:
        """Items as they are: where they vary, the next would not begin where one ends."""
        return replace(self.items.take(index), follows=follows)

    def __call__(self, k: int) -> Batch:
        """The whole of batch k."""
        if self.domains:
            return Batch({}, domains={name: one(k) for name, one in self.domains.items()})
        if self.ordered:
            return self.along(*lanes.rows(len(self.items), self.batch, self.seed, k))
        return self.items.take(self.index(k), vary=True)


class Aside:
    """The training data as `begin` and `finish` see it: batches of which no update sees one."""

    def __init__(self, stream: Stream, device: torch.device):
        self.stream, self.device = stream, device

    @property
    def shards(self) -> int:
        return self.stream.shards

    def __call__(self, k: int) -> Batch:
        return self.stream(FIRST + k).to(self.device)

    def whole(self) -> Iterator[Batch]:
        """Every item once, in order and as it is; of domains one after the other."""
        for name, one in self.stream.domains.items():
            yield from (Batch({}, domains={name: batch}) for batch in Aside(one, self.device).whole())
        if self.stream.domains:
            return
        for index in torch.split(torch.arange(len(self.stream.items)), max(self.stream.batch, LEAST)):
            yield self.stream.items.take(index).to(self.device)
