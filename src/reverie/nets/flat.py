"""Items of any spec as one vector, and back: what autoencoders of pictures, rows and series have in common."""

from math import prod
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from reverie.core import Batch, Spec


class Seen(NamedTuple):
    """Items in one vector each: numbers, then every category as one 1 among 0s."""

    x: Float[Tensor, "b d"]
    there: Bool[Tensor, "b n"] | None = None  # which numbers are known; None: all

    def repeat(self, k: int) -> "Seen":
        """Every item k times: (k · B, d), the k-th copy of all after the one before."""
        return Seen(self.x.repeat(k, 1), None if self.there is None else self.there.repeat(k, 1))


class Flat:
    """How items of a spec lie in one vector. Numbers with bounds are scaled to [0, 1]; those without have mean 0 and
    deviation 1 by their codec, and stay. Raises ValueError where an item is ragged or written token by token."""

    def __init__(self, spec: Spec):
        ragged = [name for name, field in spec.fields.items() if field.length or field.start is not None]
        if ragged:
            raise ValueError(
                f"the {ragged[0]} of an item is categories, one after the other, as many as there are: this model "
                "takes pictures, rows and series. `reverie models` says what writes text"
            )
        self.numbers = {name: field for name, field in spec.fields.items() if not field.categories}
        self.categories = {name: field for name, field in spec.fields.items() if field.categories}
        self.count = sum(field.size for field in self.numbers.values())  # of numbers
        self.groups = [f.categories for f in self.categories.values() for _ in range(prod(f.shape))]
        self.size = self.count + sum(self.groups)  # of `Seen.x`, and of what a decoder says
        self.gaps = sum(field.size for field in self.numbers.values() if field.missing)
        self.inputs = self.size + self.gaps  # of what an encoder sees
        self.bounded = torch.tensor([f.low < f.high for f in self.numbers.values() for _ in range(f.size)])
        self.missing = torch.tensor([f.missing for f in self.numbers.values() for _ in range(f.size)])
        self.of = torch.tensor([k for k, f in enumerate(self.numbers.values()) for _ in range(f.size)])  # whose field

    @property
    def picture(self) -> tuple[int, ...]:
        """(C, H, W) where an item is one picture; else ()."""
        fields = [*self.numbers.values(), *self.categories.values()]
        return fields[0].shape if len(fields) == 1 and self.numbers and len(fields[0].shape) == 3 else ()

    @property
    def within(self) -> bool:
        """Do all numbers have bounds, so that intensities can be probabilities?"""
        return all(field.low < field.high for field in self.numbers.values())

    def seen(self, batch: Batch) -> Seen:
        """Encoded items -> vectors. A number that is not there is 0."""
        parts, there = [], []
        for name, field in self.numbers.items():
            value = batch[name].flatten(1) if batch[name].dim() > 1 else batch[name][:, None]
            value = field.to_unit(value) if field.low < field.high else value
            if self.gaps:
                known = batch.masks.get(name)
                known = torch.ones_like(value, dtype=torch.bool) if known is None else known.reshape(value.shape)
                value = torch.where(known, value, 0.0)
                there.append(known)
            parts.append(value)
        width = parts[0].dtype if parts else torch.get_default_dtype()
        for name, field in self.categories.items():
            one = torch.nn.functional.one_hot(batch[name].reshape(len(batch[name]), -1), field.categories)
            parts.append(one.flatten(1).to(width))
        return Seen(torch.cat(parts, 1) if len(parts) > 1 else parts[0], torch.cat(there, 1) if there else None)

    def input(self, seen: Seen) -> Float[Tensor, "b i"]:
        """What an encoder sees: the vector, and a 1 for each gap of a number that training knew to have some."""
        if not self.gaps or seen.there is None:
            return seen.x
        gone = (~seen.there)[:, self.missing.to(seen.x.device)]
        return torch.cat([seen.x, gone.to(seen.x.dtype)], 1)

    def mean(self, outputs: Float[Tensor, "b d"]) -> Float[Tensor, "b n"]:
        """Expected numbers: in (0, 1) by a sigmoid where they have bounds, any value where they have none."""
        raw = outputs[:, : self.count]
        if self.within:
            return raw.sigmoid()
        return torch.where(self.bounded.to(raw.device), raw.sigmoid(), raw) if self.bounded.any() else raw

    def summed(self, terms: Float[Tensor, "b n"], seen: Seen) -> Float[Tensor, " b"]:
        """The sum over the numbers of each item that are there."""
        return (terms if seen.there is None else torch.where(seen.there, terms, 0.0)).sum(1)

    def log_categories(self, seen: Seen, outputs: Float[Tensor, "b d"]) -> Float[Tensor, " b"]:
        """log p of each item's categories: (B,). 0 where there are none."""
        if not self.groups:
            return outputs.new_zeros(len(outputs))
        logits, ones = (torch.split(t[:, self.count :], self.groups, 1) for t in (outputs, seen.x))
        return torch.stack([(one * row.log_softmax(1)).sum(1) for one, row in zip(ones, logits)]).sum(0)

    def items(self, numbers: Float[Tensor, "b n"], logits: Float[Tensor, "b c"]) -> dict[str, Tensor]:
        """Expected numbers, and of every category its logits -> fields: the most probable category."""
        made: dict[str, Tensor] = {}
        values = torch.split(numbers, [f.size for f in self.numbers.values()], 1) if self.numbers else ()
        for (name, field), value in zip(self.numbers.items(), values):
            value = field.from_unit(value) if field.low < field.high else value
            made[name] = value.view(-1, *field.shape)
        chosen = [row.argmax(1) for row in torch.split(logits, self.groups, 1)] if self.groups else []
        for name, field in self.categories.items():
            mine = [chosen.pop(0) for _ in range(prod(field.shape))]
            made[name] = torch.stack(mine, 1).view(-1, *field.shape)
        return made

    def decoded(self, outputs: Float[Tensor, "b d"]) -> dict[str, Tensor]:
        """What a decoder says -> fields of its most probable items."""
        return self.items(self.mean(outputs), outputs[:, self.count :])
