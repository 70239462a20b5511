"""Which tokens may follow a row of a music codec's tokens, so that each row that is written is one that a piece has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .grid import FIRST, MOST, NEXT

if TYPE_CHECKING:
    from .events import Events
    from .grid import Grid


def of_grid(codec: Grid, tokens: Tensor, counts: Tensor) -> Tensor:
    """Of rows (B, W), of which counts (B,) are their own: (B, V). A lower pitch of at most MOST, or NEXT; one that is
    held only where it sounded a step before; the end only after NEXT."""
    count, pitches = len(tokens), codec.pitches
    wide = torch.cat([tokens.new_full((count, 1), NEXT), tokens], 1)  # so that no row is empty
    own = torch.arange(wide.shape[1], device=tokens.device) <= counts[:, None]
    step = (own & (wide == NEXT)).cumsum(1)  # NEXT itself belongs to the step that it opens
    sung = own & (wide >= FIRST)
    pitch = (wide - FIRST) % pitches
    now, before = (sung & (step == step[:, -1:] - back) for back in (0, 1))
    lowest = pitch.masked_fill(~now, pitches).amin(1, keepdim=True)
    free = (torch.arange(pitches, device=tokens.device) < lowest) & (now.sum(1, keepdim=True) < MOST)  # (B, pitches)
    never = torch.zeros_like(counts, dtype=torch.bool)
    ends = torch.stack([~now.any(1) & (counts > 0), never, ~never], 1)
    if not codec.ties:
        return torch.cat([ends, free], 1)
    sounded = torch.zeros(count, pitches + 1, dtype=torch.bool, device=tokens.device)
    sounded.scatter_(1, pitch.masked_fill(~before, pitches), True)
    return torch.cat([ends, free, free & sounded[:, :-1]], 1)


def of_events(codec: Events, tokens: Tensor, counts: Tensor) -> Tensor:
    """Of rows (B, W), of which counts (B,) are their own: (B, V). Positions rise within a bar, instruments at one
    position, pitches of one instrument fall; each note has its length and its loudness."""
    device = tokens.device
    names = [name for name, _ in codec.said]
    states = sorted(set(names))
    follows = torch.tensor([[name in codec.follows[state] for name in names] for state in states], device=device)
    state_of = torch.tensor([states.index(name) for name in names], device=device)  # (V,)
    wide = torch.cat(
        [torch.ones_like(tokens[:, :1]) if tokens.shape[1] else tokens.new_ones(len(tokens), 1), tokens], 1
    )
    place = torch.arange(wide.shape[1], device=device)
    last = wide.gather(1, counts[:, None])[:, 0]  # START of a row that has nothing yet
    may = follows[state_of[last]]
    every = torch.arange(codec.vocabulary, device=device)

    def tokens_of(name: str) -> tuple[Tensor, Tensor]:
        """Which tokens are of a range (V,), and each row's latest own one (B, 1), -1 where it has none."""
        low, high = codec.first[name], codec.first[name] + len(codec.values[name])
        at = torch.where((place <= counts[:, None]) & (wide >= low) & (wide < high), place, -1).amax(1, keepdim=True)
        return (every >= low) & (every < high), torch.where(at < 0, -1, wide.gather(1, at.clamp(min=0)))

    after = torch.tensor([codec.ended(name) for name in names], device=device)[last][:, None]  # a note is whole
    for name, higher in (("position", True), ("program", True), ("pitch", False)):
        among, latest = tokens_of(name)
        may = may & ~(after & among & ((every <= latest) if higher else (every > latest)))
    among, latest = tokens_of("measure")
    steps = torch.tensor(codec.measures, device=device)[(latest - codec.first["measure"]).clamp(min=0)]  # (B, 1)
    return may & ~(tokens_of("position")[0] & (every - codec.first["position"] >= steps))
