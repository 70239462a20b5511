"""The state that a recurrent network carries from a batch to the next: truncated back-propagation through time.
Williams & Peng 1990, "An Efficient Gradient-Based Algorithm for On-Line Training of Recurrent Network Trajectories"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

NAME = "carried"  # under which it moves through `Loss.stats`


class Carried(nn.Module):
    """A state (parts, layers, width) for each row of each shard of a batch. A shard reads and writes its own rows
    alone, so that a shard's loss hangs on that shard alone. Reading changes nothing; what the state becomes is told to
    `absorb`, once an update."""

    states: Tensor  # (shards, parts, layers, rows, width)

    def __init__(self, parts: int, layers: int, width: int):
        super().__init__()
        self.register_buffer("states", torch.zeros(1, parts, layers, 0, width))

    def cut(self, shards: int, rows: int) -> None:
        """Zeros for so many shards of so many rows at most."""
        parts, layers, _, width = self.states.shape[1:]
        self.states = self.states.new_zeros(shards, parts, layers, rows, width)

    def before(self, follows: Bool[Tensor, " b"], shard: int) -> Float[Tensor, "p l b h"]:
        """What each row of a shard's batch begins from: zeros where it follows nothing."""
        return self.states[shard, :, :, : len(follows)].masked_fill(~follows[:, None], 0.0)

    def change(self, state: Float[Tensor, "p l b h"], shard: int) -> dict[str, Tensor]:
        """What `absorb` is to be told, zeros for the other shards: these add up."""
        states = torch.zeros_like(self.states)
        states[shard, :, :, : state.shape[2]] = state.detach().to(states.dtype)
        return {NAME: states}

    def absorb(self, stats: Mapping[str, Tensor]) -> None:
        """What `change` said, summed over shards."""
        self.states.copy_(stats[NAME].to(self.states.dtype))

    def _load_from_state_dict(self, state: dict[str, Any], prefix: str, *rest: Any) -> None:
        """For as many shards and rows as were saved."""
        if (saved := state.get(f"{prefix}states")) is not None:
            self.cut(len(saved), saved.shape[3])
        super()._load_from_state_dict(state, prefix, *rest)
