"""Go on from the beginning of an item: a text, a tune, a part of a molecule."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from reverie.core import Continues, Grammar, Prompt, Samples, Scores
from reverie.errors import Problem
from reverie.kinds import CONTINUED, HOLDING, MOVING
from reverie.kinds.find import module
from reverie.maths.sampling import collected
from reverie.training.seeds import generator

from .sample import BLOCK, Label, Wish, conditions, joined, wished

if TYPE_CHECKING:
    from reverie.training.run import Run

HALF = "\ufffd"  # how the beginning of a character reads whose other bytes are still to come


@dataclass(frozen=True)
class Asked:
    """What to go on from, and how."""

    prompt: str  # as the kind's `prompt` takes it: a text, the name of a file of music, SMILES
    seed: int = 0
    label: Label = ""
    attributes: Mapping[str, float] | None = None
    how: Mapping[str, Any] = field(default_factory=dict)  # fields of the model's Sampling


@dataclass(frozen=True)
class Completion:
    """Items that begin with the prompt, in the data's own form."""

    raw: Any
    drawn: int  # how many were drawn: those that do not hold what was given are left out
    notes: list[str]


def complete(run: Run, asked: Asked, n: int = 1) -> Completion:
    """n items that go on from the prompt, each a function of (seed, i): blocks of a fixed size, the last one filled up.
    Raises Problem."""
    if n < 1:
        raise Problem(f"-n {n}: ask for at least 1")
    start = opened(run, asked)
    size, blocks = 1 if n == 1 else BLOCK, []
    for begin in range(0, n, size):
        numbers = range(begin, begin + size)
        turns = list(columns(run, asked, start, numbers))
        rows = collected(turns, torch.empty(size))[: n - begin]
        blocks.append(run.codec.decode({run.spec.only[0]: rows}))
    raw = joined(blocks)
    if run.spec.kind in HOLDING:
        hold = module(run.spec.kind).kept(raw, asked.prompt)
        raw = [item for item, there in zip(raw, hold) if there]
        if len(raw) < n:
            start.notes.append(f"{n - len(raw):,} of {n:,} do not hold {asked.prompt}, and are left out")
    return Completion(raw, n, start.notes)


def streamed(run: Run, asked: Asked) -> Iterator[str]:
    """Of a run whose items are texts, the one that `complete` gives, piece by piece as it is written: the prompt first.
    Raises Problem."""
    start = opened(run, asked)
    name, row, said = run.spec.only[0], list[int](), ""
    for column in columns(run, asked, start, range(1)):
        row += column[column >= 0].tolist()
        if len(row) < len(start.tokens):
            continue
        text = run.codec.decode({name: torch.tensor([row])})[0]
        whole = text.rstrip(HALF)
        yield whole[len(said) :]
        said = whole if len(whole) > len(said) else said
    if row:
        yield text[len(said) :]


class Opening(NamedTuple):
    tokens: np.ndarray  # (P,) that every item begins with
    allowed: Callable[[Tensor, Tensor], Tensor] | None  # as `core.Prompt` has it
    wish: Wish
    notes: list[str]


def opened(run: Run, asked: Asked) -> Opening:
    """The prompt's tokens, and what else is asked for, checked; and what a person should know."""
    if not isinstance(run.model, Continues) or run.spec.kind not in CONTINUED:
        raise Problem(f"{run.path}: {run.info['model']} goes on from nothing. `reverie models` says which models can")
    kind, wish = module(run.spec.kind), wished(run, asked.label, asked.attributes, asked.how)
    what, allowed = asked.prompt, run.codec.allowed if isinstance(run.codec, Grammar) else None
    if run.spec.kind in HOLDING:
        what = kind.likeliest(what, run.codec, partial(nats, run, wish, asked.seed))
        allowed = kind.allowed(what, run.codec)
    start = kind.prompt(what, run.codec)
    field = run.spec.only[1]
    notes: list[str] = kind.moved(what, run.codec) if run.spec.kind in MOVING else []
    if field.length and len(start) > field.shape[0] - 2:
        most = field.shape[0] - 2
        raise Problem(f"--prompt: {len(start):,} tokens, and an item of this run has at most {most:,}. Give fewer")
    if not field.length and len(start) >= field.shape[0]:
        seen = field.shape[0] - 1
        notes.append(f"the prompt has {len(start):,} tokens, of which the model sees the last {seen:,} at once")
    return Opening(start, allowed, wish, notes)


@torch.inference_mode()
def nats(run: Run, wish: Wish, seed: int, raw: Sequence[Any]) -> list[float]:
    """What each item costs the model, all under the same condition; 0 of a model without a likelihood."""
    if not isinstance(run.model, Scores):
        return [0.0] * len(raw)
    device, batch = next(run.model.parameters()).device, run.codec.encode(raw)
    told = conditions(run.spec, [0] * len(raw), seed, wish.label, device, wish.attributes)
    return run.model.nll(replace(batch.to(device), values={**batch.to(device).values, **told}), 1)[0].tolist()


@torch.inference_mode()
def columns(run: Run, asked: Asked, start: Opening, numbers: range) -> Iterator[Tensor]:
    """Tokens of each item in turn (B,), as the model writes them, up to where the last of them ends."""
    model = run.model
    assert isinstance(model, Continues)
    assert isinstance(model, Samples)
    device, count = next(model.parameters()).device, len(numbers)
    noise = torch.stack([model.noise(generator(asked.seed, "complete", i), start.wish.how) for i in numbers]).to(device)
    told = conditions(run.spec, numbers, asked.seed, start.wish.label, device, start.wish.attributes)
    tokens = torch.from_numpy(start.tokens.astype(np.int64)).to(device).expand(count, -1)
    prompt = Prompt(tokens, torch.full((count,), len(start.tokens), device=device), told, start.allowed)
    ends, open = getattr(run.codec, "end", None), torch.ones(count, dtype=torch.bool, device=device)
    for place, column in enumerate(model.written(prompt, noise, start.wish.how)):
        yield column.cpu()
        if ends is not None and place >= len(start.tokens):  # documents kept apart: all that follows is another
            open &= column != ends
            if not open.any():
                return
