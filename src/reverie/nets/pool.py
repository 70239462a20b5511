"""Pictures that a generator made before: a discriminator that sees some of them forgets less of what it has learnt.

Shrivastava et al. 2017, arXiv:1612.07828, section 2.3, in the form of Zhu et al. 2017 (arXiv:1703.10593): a history of
50, of which half of the new pictures give way to an old one.
"""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Pool(nn.Module):
    """`size` pictures for each shard of a batch: the pools of two shards share nothing, so that a shard's loss hangs on
    that shard alone. Asking changes nothing; what it should change is told to `absorb`, once an update."""

    images: Tensor  # (shards, size, C, H, W)
    filled: Tensor  # (shards,): how many of them are there

    def __init__(self, size: int, shape: tuple[int, ...]):
        super().__init__()
        self.size = size
        self.register_buffer("images", torch.zeros(1, size, *shape))
        self.register_buffer("filled", torch.zeros(1))

    def cut(self, shards: int) -> None:
        """Empty pools for so many shards."""
        self.images = self.images.new_zeros(shards, *self.images.shape[1:])
        self.filled = self.filled.new_zeros(shards)

    def ask(self, new: Float[Tensor, "b c h w"], shard: int) -> tuple[Tensor, dict[str, Tensor]]:
        """What a discriminator is to see in place of new pictures, and what `absorb` is to be told.

        One picture after the other: while the pool is not full, it is kept and seen. From then on, with a chance of a
        half, it takes the place of one in the pool, drawn evenly, which is seen instead. Chance is torch's global."""
        if not self.size:
            return new, {}
        count, rank = len(new), torch.arange(len(new), device=new.device)
        place = self.filled[shard] + rank  # where each would be kept if the pool were not full
        full = place >= self.size
        drawn = torch.randint(self.size, (count,), device=new.device)
        slot = torch.where(full, drawn, place.long())
        kept = ~full | (torch.rand(count, device=new.device) < 0.5)
        # an earlier one of this very batch may lie in the slot: the last of those that were kept there
        before = (slot[:, None] == slot) & kept & (rank < rank[:, None])  # (b, b)
        last = (before * (rank + 1)).amax(1) - 1  # -1: none
        there = torch.where(spread(last >= 0, new), new[last.clamp(min=0)], self.images[shard, slot])
        seen = torch.where(spread(full & kept, new), there, new)
        after = (slot[:, None] == slot) & kept & (rank > rank[:, None])
        return seen, self.change(new, slot, kept & ~after.any(1), shard)

    def change(self, new: Tensor, slot: Tensor, kept: Tensor, shard: int) -> dict[str, Tensor]:
        """Of this shard's pool the pictures that come into it, zeros elsewhere: shards add up."""
        images, hits, filled = torch.zeros_like(self.images), self.images.new_zeros(self.images.shape[:2]), self.filled
        images[shard].index_add_(0, slot, new.detach().to(images.dtype) * spread(kept, new))
        hits[shard].index_add_(0, slot, kept.to(hits.dtype))
        more = torch.zeros_like(filled)
        more[shard] = (filled[shard] + len(new)).clamp(max=self.size) - filled[shard]
        return {"images": images, "hits": hits, "more": more}

    def absorb(self, change: Mapping[str, Tensor]) -> None:
        """What `ask` said, summed over shards."""
        hit = change["hits"][:, :, None, None, None] > 0.5
        self.images.copy_(torch.where(hit, change["images"].to(self.images.dtype), self.images))
        self.filled += change["more"].to(self.filled.dtype)

    def _load_from_state_dict(self, state: dict[str, Any], prefix: str, *rest: Any) -> None:
        """For as many shards as were saved."""
        if f"{prefix}filled" in state:
            self.cut(len(state[f"{prefix}filled"]))
        super()._load_from_state_dict(state, prefix, *rest)


def spread(mask: Tensor, like: Tensor) -> Tensor:
    """(B,) -> (B, 1, 1, 1)."""
    return mask.view(-1, *[1] * (like.dim() - 1))
