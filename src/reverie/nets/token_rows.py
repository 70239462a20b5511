"""Rows of tokens as a model reads them, one token after the other: what it sees, what it is to say, what is scored.

An item is a window of a long row, whose first token is given, or a whole item, which a start token opens and 0 ends."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor, nn

from reverie.core import Batch, Network
from reverie.errors import Problem
from reverie.spec import Field, Spec

UNSEEN = -100  # a target that no loss counts
END = 0  # of whole items: ends one, and fills a batch


class Read(NamedTuple):
    """Of each place the token that is seen and the one that is to be said after it, or UNSEEN."""

    inputs: Tensor  # (B, T)
    targets: Tensor  # (B, T)
    counts: Tensor  # (B,): targets of each item


class TokenRows:
    """The one field of an item that is a row of tokens. Raises ValueError, with the cure, for another spec."""

    def __init__(self, spec: Spec, model: str):
        self.name, field = tokens(spec, model)
        self.vocabulary, self.start, self.whole = field.categories, field.start or 0, field.length
        self.context = field.shape[0] if self.whole else field.shape[0] - 1  # tokens of an item that are predicted

    def read(self, batch: Batch) -> Read:
        """Items as places: the start, the tokens but the last."""
        row, lengths = batch[self.name], batch.lengths.get(self.name)
        if not self.whole:
            counts = row.new_full((len(row),), row.shape[1] - 1) if lengths is None else (lengths - 1).clamp(min=0)
            return Read(row[:, :-1], hidden(row[:, 1:], counts), counts)
        counts = row.new_full((len(row),), row.shape[1]) if lengths is None else lengths
        return Read(self.begun(row[:, :-1]), hidden(row, counts), counts)

    def begun(self, row: Int[Tensor, "b t"]) -> Int[Tensor, "b t+1"]:
        """The start, then the tokens."""
        return torch.cat([row.new_full((len(row), 1), self.start), row], 1)

    def network(self, module: nn.Module, told: bool, ragged: bool) -> Network:
        """A module of tokens (B, T) -> logits of the token after each (B, T, V), for other programs; T up to the
        context where `ragged`, else the context. Raises Problem for a model that is `told` a class or numbers, which
        are no tokens."""
        if told:
            what = "this model is told more than tokens, and the network that leaves takes tokens alone"
            raise Problem(f"--format onnx: {what}. Export it by --format safetensors")

        def draw(generator: torch.Generator) -> dict[str, Tensor]:
            return {"tokens": torch.randint(self.vocabulary, (self.context,), generator=generator)}

        axes = {"tokens": {1: ("length", self.context)}} if ragged and self.context > 1 else {}
        return Network(module, draw, ("logits",), axes)


def hidden(targets: Int[Tensor, "b t"], counts: Int[Tensor, " b"]) -> Int[Tensor, "b t"]:
    """UNSEEN in place of what is beyond each item's end."""
    return targets.masked_fill(torch.arange(targets.shape[1], device=targets.device) >= counts[:, None], UNSEEN)


def tokens(spec: Spec, model: str) -> tuple[str, Field]:
    """Name and field of the one row of tokens that an item is. Raises ValueError where it is none."""
    name, field = spec.only
    if not field.categories or len(field.shape) != 1 or (field.length and field.start is None):
        what = "categories" if field.categories else "numbers"
        raise ValueError(f"{name} {field.shape} of {what}: {model} takes a row of tokens, such as text. Pass some")
    if field.shape[0] < 2:
        raise ValueError(f"{name} {field.shape}: no token to predict. Pass windows of 2 tokens or more")
    return name, field
