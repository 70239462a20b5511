"""Which tokens may follow where a melody is given, so that what is written is that melody with voices under it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from reverie.errors import Problem

from .grid import END, FIRST, MOST, NEXT
from .led import Led, split
from .piece import Piece

PARALLEL = (0, 7)  # semitones, octaves left out: octaves and fifths


def under(
    codec: Led, melodies: Sequence[Piece], voices: int, strict: bool = False
) -> Callable[[Tensor, Tensor], Tensor]:
    """`core.Prompt.allowed` of rows (B, W), one a melody: of each step its note, under it `voices` - 1 lower pitches
    from high to low (0: any number, at most MOST in all), none where the melody rests; then the end. `strict`: none
    that makes a fifth or an octave in parallel, where there is another. Raises Problem for a melody that the codec
    can't write, or that has no room for voices under it."""
    tops = [[step[0] if step else codec.rest for step in split(codec.tokens(piece))] for piece in melodies]
    for piece, row in zip(melodies, tops):
        checked(codec, piece, row, voices)
    long = max(map(len, tops)) + codec.ahead + 1
    forced = torch.tensor([row + [codec.over] * (long - len(row)) for row in tops])
    counts = torch.tensor([len(row) for row in tops])
    return Under(codec, forced, counts, voices, strict).allowed


def checked(codec: Led, piece: Piece, row: list[int], voices: int) -> None:
    """Raises Problem."""
    grid, name = codec.grid, piece.name or "the melody"
    pitches = [(token - FIRST) % grid.pitches for token in row if token != codec.rest]
    if voices > MOST or voices < 0 or voices == 1:
        raise Problem(f"--voices {voices}: from 2 to {MOST}, or 0 for as many as the model likes")
    if not pitches:
        raise Problem(f"{name}: no notes in it. Give a melody")
    if voices and min(pitches) < voices - 1:
        lowest = grid.low + min(pitches)
        least = f"pitch {lowest} has no room for {voices - 1} voices under it, as the run knows none below {grid.low}"
        raise Problem(f"{name}: {least}. Transpose the melody, or pass a smaller --voices")
    room = codec.longest - codec.ahead - 1
    most = len(row) * (max(voices, 2) + 2)
    if most > room:
        what = f"{len(row):,} steps with {voices} voices take {most:,} tokens"
        raise Problem(f"{name}: {what}, and an item of this run has {room:,} at most. Cut it")


class Under:
    """What is given, as tensors: `forced` (B, S) of each step's melody, OVER beyond its `steps` (B,)."""

    def __init__(self, codec: Led, forced: Tensor, steps: Tensor, voices: int, strict: bool):
        self.codec, self.forced, self.steps, self.voices, self.strict = codec, forced, steps, voices, strict

    def allowed(self, tokens: Tensor, counts: Tensor) -> Tensor:
        """(B, W) of which counts (B,) are their own -> (B, V) of booleans."""
        codec, ahead = self.codec, self.codec.ahead
        forced, steps = self.forced.to(tokens.device), self.steps.to(tokens.device)
        place = torch.arange(tokens.shape[1], device=tokens.device)
        ends = (tokens == NEXT) & (place < counts[:, None]) & (place >= ahead)
        t = ends.sum(1)  # steps that are whole
        before = torch.where(ends, place, ahead - 1).amax(1) if tokens.shape[1] else t + ahead - 1
        said = counts - before - 1  # tokens of the step that is being written; below 0 while the melody leads
        now = forced.gather(1, t.clamp(max=forced.shape[1] - 1)[:, None])
        later = forced.gather(1, torch.where(said < 0, counts, t + ahead).clamp(max=forced.shape[1] - 1)[:, None])
        told = torch.where((said <= 0)[:, None], later, now)  # then the note itself
        told = told.masked_fill(((said == 0) & (t >= steps))[:, None], END)
        may = torch.zeros(len(tokens), codec.vocabulary, dtype=torch.bool, device=tokens.device)
        may.scatter_(1, told, True)
        sings = now[:, 0] < codec.rest
        latest = tokens.gather(1, (counts - 1).clamp(min=0)[:, None])[:, 0] if tokens.shape[1] else now[:, 0]
        lower = self.lower(tokens, counts, latest, sings, said - 2)
        return torch.where(((said <= 0) | ((said == 1) & sings))[:, None], may, lower)

    def lower(self, tokens: Tensor, counts: Tensor, above: Tensor, sings: Tensor, written: Tensor) -> Tensor:
        """What may stand under a step's melody, where it `sings` (B,), and `written` (B,) pitches stand there already,
        the lowest of all `above` (B,)."""
        grid, codec = self.codec.grid, self.codec
        left = (self.voices - 1 - written if self.voices else MOST - 1 - written).clamp(min=0) * sings
        every = torch.arange(grid.pitches, device=tokens.device)
        room = (left - 1 if self.voices else torch.zeros_like(left))[:, None]  # pitches for the voices below this one
        free = (every < ((above - FIRST) % grid.pitches)[:, None]) & (every >= room) & (left > 0)[:, None]
        if self.strict:
            led_well = free & ~self.parallel(tokens, counts)
            free = torch.where(led_well.any(1, keepdim=True), led_well, free)
        ready = (left == 0) | (self.voices == 0)
        may = torch.zeros(len(tokens), codec.vocabulary, dtype=torch.bool, device=tokens.device)
        may[:, NEXT] = ready
        may[:, FIRST : FIRST + grid.pitches] = free
        if grid.ties:
            held = free & self.sounded(tokens, counts)
            may[:, FIRST + grid.pitches : FIRST + 2 * grid.pitches] = held
        return may

    def sounded(self, tokens: Tensor, counts: Tensor) -> Tensor:
        """Which pitches sound in the step before the one that is being written: (B, pitches)."""
        codec, grid = self.codec, self.codec.grid
        place = torch.arange(tokens.shape[1], device=tokens.device)
        own = (place < counts[:, None]) & (place >= codec.ahead)
        ends = own & (tokens == NEXT)
        step = ends.cumsum(1) - ends.long()  # NEXT belongs to the step that it ends
        begins = torch.cat([torch.zeros_like(ends[:, :1]), ends[:, :-1]], 1) | (place == codec.ahead)
        t = ends.sum(1, keepdim=True)
        sings = (tokens >= FIRST) & (tokens < codec.rest)
        sung = own & ~begins & sings & (step == t - 1)  # what a step begins with is the melody of another
        made = torch.zeros(len(tokens), grid.pitches + 1, dtype=torch.bool, device=tokens.device)
        made.scatter_(1, ((tokens - FIRST) % grid.pitches).masked_fill(~sung, grid.pitches), True)
        return made[:, :-1]

    def parallel(self, tokens: Tensor, counts: Tensor) -> Tensor:
        """Which pitches would make a fifth or an octave with a voice above that moves along from the same interval, as
        `metrics.music.leading` counts them: (B, pitches). None where the step before had fewer voices."""
        pitches, ahead = self.codec.grid.pitches, self.codec.ahead
        made = torch.zeros(len(tokens), pitches, dtype=torch.bool)
        for i, (row, count) in enumerate(zip(tokens.tolist(), counts.tolist())):
            steps = split(row[ahead:count])[-2:]
            if len(steps) < 2 or row[count - 1] == NEXT:
                continue
            before, now = ([(token - FIRST) % pitches for token in step[1:]] for step in steps)
            if len(before) <= len(now):
                continue
            old = before[len(now)]
            for a, b in zip(before, now):
                if (a - old) % 12 in PARALLEL and a != b:
                    # the same interval below, octaves left out
                    same = torch.arange(max(-1, b - (a - old) % 12), -1, -12)
                    made[i, same[(same - old) * (b - a) > 0]] = True
        return made.to(tokens.device)
