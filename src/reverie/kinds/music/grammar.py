"""Which tokens may follow a row of a music codec's tokens, so that each row that is written is one that a piece has."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from .grid import FIRST, MOST, NEXT, START

if TYPE_CHECKING:
    from .events import Events
    from .grid import Grid

SOUNDING = 512  # tokens among which the position, the instrument and the pitch stand that were said last


def of_grid(codec: Grid, tokens: Tensor, counts: Tensor) -> Tensor:
    """Of rows (B, W), of which counts (B,) are their own: (B, V). A lower pitch of at most MOST, or NEXT; one that is
    held only where it sounded a step before; the end only after NEXT."""
    count, pitches = len(tokens), codec.pitches
    wide = tail(tokens, counts, 2 * (MOST + 1), NEXT)  # the last two steps
    step = (wide == NEXT).cumsum(1)  # NEXT itself belongs to the step that it opens
    sung = wide >= FIRST
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


def tail(tokens: Tensor, counts: Tensor, size: int, before: int) -> Tensor:
    """The last of each row's own tokens, `before` in place of what lies before the first: (B, size)."""
    place = counts[:, None] - size + torch.arange(size, device=tokens.device)
    wide = torch.cat([tokens.new_full((len(tokens), 1), before), tokens], 1)
    return wide.gather(1, (place + 1).clamp(min=0))


class Table(NamedTuple):
    """What a codec's tokens are, and what may follow each, whatever is before it."""

    follows: Tensor  # (V, V)
    ended: Tensor  # (V,): is a note whole after it
    measures: Tensor  # (V,): steps a bar that it says, 0 of all others
    ranges: dict[str, Tensor]  # (V,) each: is it of that range


@lru_cache(maxsize=4)
def table(codec: Events) -> Table:
    names = [name for name, _ in codec.said]
    rows = {name: [other in may for other in names] for name, may in codec.follows.items()}
    return Table(
        torch.tensor([rows[name] for name in names]),
        torch.tensor([codec.ended(name) for name in names]),
        torch.tensor([value if name == "measure" else 0 for name, value in codec.said]),
        {name: torch.tensor([name == other for other in names]) for name in ("position", "program", "pitch")},
    )


def of_events(codec: Events, tokens: Tensor, counts: Tensor) -> Tensor:
    """Of rows (B, W), of which counts (B,) are their own: (B, V). Positions rise within a bar, instruments at one
    position, pitches of one instrument fall; each note has its length and its loudness."""
    device, known = tokens.device, table(codec)
    wide = tail(tokens, counts, SOUNDING, START)
    may = known.follows.to(device)[wide[:, -1]]
    after = known.ended.to(device)[wide[:, -1:]]  # (B, 1)
    every = torch.arange(codec.vocabulary, device=device)
    for name, rises in (("position", True), ("program", True), ("pitch", False)):
        among = known.ranges[name].to(device)
        latest = last(wide, among)
        may = may & ~(after & among & ((every <= latest) if rises else (every > latest)))
    first = tokens[:, :1] if tokens.shape[1] else wide[:, -1:]
    steps = known.measures.to(device)[first * (counts[:, None] > 0)]  # (B, 1)
    steps = torch.where(steps > 0, steps, codec.measures[0])
    return may & ~(known.ranges["position"].to(device) & (every - codec.first["position"] >= steps))


def last(wide: Tensor, among: Tensor) -> Tensor:
    """Each row's last token (B, 1) of some (V,), -1 where it has none."""
    place = torch.where(among[wide], torch.arange(wide.shape[1], device=wide.device), -1).amax(1, keepdim=True)
    return torch.where(place < 0, -1, wide.gather(1, place.clamp(min=0)))
