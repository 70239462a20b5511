"""Go on from the beginning of an item: a text, a tune, a part of a molecule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from reverie.core import Continues, Grammar, Prompt, Samples
from reverie.errors import Problem
from reverie.kinds import CONTINUED, HOLDING, MOVING
from reverie.kinds.find import module
from reverie.maths.sampling import collected
from reverie.training.seeds import generator

from .sample import BLOCK, Wish, conditions, joined, wished

if TYPE_CHECKING:
    from reverie.training.run import Run

HALF = "\ufffd"  # how the beginning of a character reads whose other bytes are still to come


@dataclass(frozen=True)
class Asked:
    """What to go on from, and how."""

    prompt: str  # as the kind's `prompt` takes it: a text, the name of a file of music, SMILES
    seed: int = 0
    label: str = ""
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
    start, wish, notes = opened(run, asked)
    size, blocks = 1 if n == 1 else BLOCK, []
    for begin in range(0, n, size):
        numbers = range(begin, begin + size)
        turns = list(columns(run, asked, start, wish, numbers))
        rows = collected(turns, torch.empty(size))[: n - begin]
        blocks.append(run.codec.decode({run.spec.only[0]: rows}))
    raw = joined(blocks)
    if run.spec.kind in HOLDING:
        hold = module(run.spec.kind).kept(raw, asked.prompt)
        raw = [item for item, there in zip(raw, hold) if there]
        if len(raw) < n:
            notes.append(f"{n - len(raw):,} of {n:,} do not hold {asked.prompt}, and are left out")
    return Completion(raw, n, notes)


def streamed(run: Run, asked: Asked) -> Iterator[str]:
    """Of a run whose items are texts, the one that `complete` gives, piece by piece as it is written: the prompt first.
    Raises Problem."""
    start, wish, _ = opened(run, asked)
    name, row, said = run.spec.only[0], list[int](), ""
    for column in columns(run, asked, start, wish, range(1)):
        row += column[column >= 0].tolist()
        if len(row) < len(start):
            continue
        text = run.codec.decode({name: torch.tensor([row])})[0]
        whole = text.rstrip(HALF)
        yield whole[len(said) :]
        said = whole if len(whole) > len(said) else said
    if row:
        yield text[len(said) :]


def opened(run: Run, asked: Asked) -> tuple[np.ndarray, Wish, list[str]]:
    """The prompt's tokens, and what else is asked for, checked; and what a person should know."""
    if not isinstance(run.model, Continues) or run.spec.kind not in CONTINUED:
        raise Problem(f"{run.path}: {run.info['model']} goes on from nothing. `reverie models` says which models can")
    start = module(run.spec.kind).prompt(asked.prompt, run.codec)
    wish = wished(run, asked.label, asked.attributes, asked.how)
    field = run.spec.only[1]
    notes: list[str] = module(run.spec.kind).moved(asked.prompt, run.codec) if run.spec.kind in MOVING else []
    if field.length and len(start) > field.shape[0] - 2:
        most = field.shape[0] - 2
        raise Problem(f"--prompt: {len(start):,} tokens, and an item of this run has at most {most:,}. Give fewer")
    if not field.length and len(start) >= field.shape[0]:
        seen = field.shape[0] - 1
        notes.append(f"the prompt has {len(start):,} tokens, of which the model sees the last {seen:,} at once")
    return start, wish, notes


@torch.inference_mode()
def columns(run: Run, asked: Asked, start: np.ndarray, wish: Wish, numbers: range) -> Iterator[Tensor]:
    """Tokens of each item in turn (B,), as the model writes them, up to where the last of them ends."""
    model = run.model
    assert isinstance(model, Continues)
    assert isinstance(model, Samples)
    device, count = next(model.parameters()).device, len(numbers)
    noise = torch.stack([model.noise(generator(asked.seed, "complete", i), wish.how) for i in numbers]).to(device)
    told = conditions(run.spec, numbers, asked.seed, wish.label, device, wish.attributes)
    tokens = torch.from_numpy(start.astype(np.int64)).to(device).expand(count, -1)
    kind = run.spec.kind
    allowed = run.codec.allowed if isinstance(run.codec, Grammar) else None
    if kind in HOLDING:
        allowed = module(kind).allowed(asked.prompt, run.codec)
    prompt = Prompt(tokens, torch.full((count,), len(start), device=device), told, allowed)
    ends, open = getattr(run.codec, "end", None), torch.ones(count, dtype=torch.bool, device=device)
    for place, column in enumerate(model.written(prompt, noise, wish.how)):
        yield column.cpu()
        if ends is not None and place >= len(start):  # of documents that are kept apart: all that follows is another
            open &= column != ends
            if not open.any():
                return
