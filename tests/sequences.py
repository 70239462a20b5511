"""Small data of each form that a network reads step by step, and what must not change an answer."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from reverie.core import Batch, Field, Spec
from toys import Values, pictures, sentences, series, sounds

CLASS = Field((), categories=3)


def gaps(count: int = 64) -> tuple[Spec, Values]:
    """A series of different lengths, with values that are missing, and three classes."""
    spec, items = series(count)
    g = torch.Generator().manual_seed(2)
    past = items.values["past"]
    spec = Spec("series", {"past": replace(spec.fields["past"], length=True, missing=True)}, target={"class": CLASS})
    lengths = torch.randint(6, past.shape[1] + 1, (count,), generator=g)
    there = torch.rand(past.shape, generator=g) < 0.8
    label = torch.randint(3, (count,), generator=g)
    return spec, Values({"past": past, "class": label}, {"past": lengths}, {"past": there})


def order(count: int = 400, longest: int = 8) -> tuple[Spec, Values]:
    """Words 1 and 2 once each among others; yes where 1 stands first. Their order alone tells."""
    g = torch.Generator().manual_seed(1)
    lengths = torch.randint(3, longest + 1, (count,), generator=g)
    words = torch.randint(3, 7, (count, longest), generator=g)
    places = torch.rand(count, longest, generator=g).masked_fill(torch.arange(longest) >= lengths[:, None], 2.0)
    both = places.argsort(1)[:, :2].sort(1).values  # (count, 2)
    yes = torch.arange(count) % 2
    pair = torch.where(yes[:, None] == 1, torch.tensor([1, 2]), torch.tensor([2, 1]))
    words = words.scatter(1, both, pair) * (torch.arange(longest) < lengths[:, None])
    spec = Spec(
        "sentences", {"text": Field((longest,), categories=7, length=True)}, target={"label": Field((), categories=2)}
    )
    return spec, Values({"text": words, "label": yes}, {"text": lengths})


FORMS = {"sentences": sentences, "sounds": sounds, "series": series, "pictures": pictures, "gaps": gaps}
RAGGED = ("sentences", "sounds", "gaps")


def some(items: Values, count: int = 8, first: int = 0) -> Batch:
    return items.take(torch.arange(first, first + count))


def double(batch: Batch) -> Batch:
    values = {k: v.double() if v.is_floating_point() else v for k, v in batch.values.items()}
    return Batch(values, batch.lengths, batch.masks)


def alone(batch: Batch, name: str, i: int) -> Batch:
    """One item by itself, without its padding."""

    def one(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        end = int(batch.lengths[name][i]) if name in batch.lengths else None
        return {k: v[i : i + 1, :end] if k == name else v[i : i + 1] for k, v in tensors.items()}

    return Batch(one(dict(batch.values)), {k: v[i : i + 1] for k, v in batch.lengths.items()}, one(dict(batch.masks)))


def further(batch: Batch, name: str, by: int) -> Batch:
    """Padded further, and with rubbish for padding."""

    def pad(x: Tensor) -> Tensor:
        return F.pad(x, (0, 0) * (x.ndim - 2) + (0, by))

    x = pad(batch[name])
    beyond = torch.arange(x.shape[1]) >= batch.lengths[name][:, None]
    x = torch.where(beyond.view(*beyond.shape, *[1] * (x.ndim - 2)), torch.ones_like(x), x)
    masks = {k: pad(v) if k == name else v for k, v in batch.masks.items()}
    return Batch({**batch.values, name: x}, batch.lengths, masks)
