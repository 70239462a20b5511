"""Items of one domain as another has them, and back: what all that is done with a translator begins with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

from reverie.core import Apart, Codec, Items, Model, Translates
from reverie.tasks.sample import joined

BLOCK = 16  # items that a network always sees at once, the last block filled up: what becomes of one hangs on no other


@runtime_checkable
class AnySize(Protocol):
    """A translator of pictures of other sizes than the spec's, too: of sides that divide by `divides`, and are at least
    `least`."""

    divides: int
    least: int


class Turned(NamedTuple):
    """Raw items: as they were, in the other domain, and back in their own."""

    was: Any
    there: Any
    back: Any
    error: Tensor  # (N,) of each: root mean square of what came back less what it was, in units of [0, 1]


def directions(domains: Sequence[str]) -> list[tuple[str, str]]:
    """From every domain to every other."""
    return [(source, to) for source in domains for to in domains if source != to]


def sets(items: Items) -> dict[str, Items]:
    """The sets of items that are apart."""
    assert isinstance(items, Apart)
    return dict(items.domains)


@torch.inference_mode()
def translated(
    model: Model, items: Items, index: Tensor, source: str, to: str, block: int = BLOCK
) -> Iterator[dict[str, Tensor]]:
    """Fields of the items at index (N,) of the domain `source`, as `to` has them: block by block, on the CPU."""
    assert isinstance(model, Translates)
    device = next(model.parameters()).device
    for some, kept in blocks(index, block):
        made = model.translate(items.take(some).to(device).values, source, to)
        yield {name: value[:kept].cpu() for name, value in made.items()}


@torch.inference_mode()
def turned(model: Model, codec: Codec, items: Items, index: Tensor, source: str, to: str) -> Turned:
    """The items at index (N,) of the domain `source`, there and back, decoded block by block."""
    assert isinstance(model, Translates)
    device = next(model.parameters()).device
    fields, there, back, error = codec.spec.fields.items(), [], [], []
    for some, kept in blocks(index):
        was = items.take(some).to(device).values
        made = model.translate(was, source, to)
        again = model.translate(made, to, source)
        there.append(codec.decode({name: value[:kept].cpu() for name, value in made.items()}))
        back.append(codec.decode({name: value[:kept].cpu() for name, value in again.items()}))
        gone = torch.cat([(f.to_unit(again[name]) - f.to_unit(was[name])).flatten(1) for name, f in fields], 1)
        error.append(gone[:kept].double().square().mean(1).sqrt().cpu())
    return Turned(items.raw(index), joined(there), joined(back), torch.cat(error))


def blocks(index: Tensor, block: int = BLOCK) -> Iterator[tuple[Tensor, int]]:
    """So many numbers at a time, the last block filled up, and how many of each count."""
    for some in torch.split(index, block):
        yield torch.cat([some, some[-1:].expand(block - len(some))]), len(some)
