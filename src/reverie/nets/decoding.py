"""The loop that writes rows of tokens, one token after the other, for any network that reads them so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from reverie.core import Prompt
from reverie.errors import Problem
from reverie.maths.sampling import NOTHING, inverse_cdf, penalised, probabilities

from .checks import from_zero, nucleus
from .token_rows import END, TokenRows


@runtime_checkable
class Reader(Protocol):
    """A network that goes on from what it has read."""

    def read(self, tokens: Int[Tensor, "b t"]) -> Float[Tensor, "b v"]:
        """Further tokens, at least one -> logits of the one after the last."""
        ...


@dataclass(frozen=True)
class Manner:
    """How tokens are drawn: a model's `Sampling`. Raises Problem on a value that can't be."""

    temperature: float
    top_k: int
    top_p: float
    min_p: float
    repetition_penalty: float
    length: int  # tokens of an item; 0: as many as it has at most

    def __post_init__(self) -> None:
        from_zero(self, "temperature", "top_k", "length")
        nucleus(self)
        if not 0 <= self.min_p <= 1:
            raise Problem(f"--min-p {self.min_p}: not in [0, 1]. Pass a share of the likeliest token's probability")
        if not 0 < self.repetition_penalty < float("inf"):
            what = f"--repetition-penalty {self.repetition_penalty}: not above 0"
            raise Problem(f"{what}. Pass 1 for none, more for fewer repetitions")


@torch.no_grad()
def written(reader: Reader, rows: TokenRows, prompt: Prompt, noise: Tensor, how: Manner) -> Iterator[Tensor]:
    """As `core.Continues.written` has it. Items whose prompts differ in length are read side by side: while one still
    waits for its own turn, it is fed its prompt. Raises Problem where nothing is allowed."""
    known, given = rows.begun(prompt.tokens), 1 + prompt.lengths
    last = given + noise.shape[1]
    if rows.whole:
        last = last.clamp(max=rows.context)  # the last place is an end's
    at, end = int(given.min()), max(int(last.max()), int(given.max()))
    tokens = known.new_zeros(len(noise), end)
    tokens[:, : known.shape[1]] = known[:, :end]
    for place in range(1, at):
        yield tokens[:, place]
    pen = Pen(rows, prompt, given, noise, how)
    free = pen.aligned and not rows.whole  # all write from the first turn to the last
    open = last > at
    for place in range(at, end):
        new = tokens[:, :at] if place == at else tokens[:, place - 1 : place]
        drawn = pen.draw(reader.read(new), tokens, place)
        if free:
            tokens[:, place] = drawn
            yield drawn
            continue
        waits = given > place
        tokens[:, place] = torch.where(waits, tokens[:, place], drawn * open)
        yield torch.where(waits | open, tokens[:, place], NOTHING)
        if rows.whole:
            open = open & (waits | (tokens[:, place] != END))
        open = open & (last > place + 1)
        if not open.any():
            return


class Pen:
    """Draws the next token of each item from the logits of a network.

    `given` (B,): places before the first one that is drawn, the start's among them."""

    def __init__(self, rows: TokenRows, prompt: Prompt, given: Tensor, noise: Tensor, how: Manner):
        self.rows, self.prompt, self.given, self.how = rows, prompt, given, how
        self.noise, self.first = noise, int(given.min())
        self.aligned = self.first == int(given.max())

    def draw(self, logits: Tensor, tokens: Tensor, place: int) -> Tensor:
        """Tokens (B,) for that place of the rows (B, T), of which all before it are written."""
        how = self.how
        if how.repetition_penalty != 1 or self.prompt.allowed:
            own = tokens[:, 1:place]
            if how.repetition_penalty != 1:
                logits = penalised(logits, self.seen(own), how.repetition_penalty)
            if self.prompt.allowed:
                logits = self.within(logits, own, self.given <= place)
        p = probabilities(logits, how.temperature, how.top_k, how.top_p, how.min_p)
        return inverse_cdf(p, self.chance(place))

    def chance(self, place: int) -> Tensor:
        """The number of each item that decides this place: (B,). Whatever it is, where an item still waits."""
        if self.aligned:
            return self.noise[:, place - self.first]
        turn = (place - self.given).clamp(0, self.noise.shape[1] - 1)
        return self.noise.gather(1, turn[:, None])[:, 0]

    def seen(self, own: Tensor) -> Tensor:
        """Which tokens an item (B, W) holds: (B, V)."""
        return torch.zeros(len(own), self.rows.vocabulary, dtype=torch.bool, device=own.device).scatter(1, own, True)

    def within(self, logits: Tensor, own: Tensor, writes: Tensor) -> Tensor:
        """-inf in place of what is not allowed to an item that writes."""
        assert self.prompt.allowed
        counts = torch.full((len(own),), own.shape[1], device=own.device)
        allowed = self.prompt.allowed(own, counts) | ~writes[:, None]
        if not allowed.any(1).all():
            raise Problem("the constraint allows no token here: nothing can be written. Loosen it")
        return logits.masked_fill(~allowed, -torch.inf)
