"""Draw items from a model: item i is a function of (seed, i), whatever number is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from numbers import Integral
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from reverie.core import Codec, Conditioned, Continues, Field, Grammar, Items, Model, Prompt, Samples, Spec
from reverie.errors import Problem
from reverie.maths.sampling import collected
from reverie.training.seeds import fold, generator

if TYPE_CHECKING:
    from reverie.training.run import Run

Label = str | int | None  # a class, by its name or number; "" or None: none is asked for

TRIES = 1_000  # draws of a labelled item, where some are not
BLOCK = 64  # the network always runs on that many items, the last block padded


def draw(
    run: Run,
    n: int,
    *,
    seed: int = 0,
    label: Label = "",
    attributes: Mapping[str, float] | None = None,
    how: Mapping[str, Any] | None = None,
    first: int = 0,
) -> Any:
    """Raw items first … first + n - 1 of a run, in the data's own form. `label` asks for one class, by name or number,
    of a model that takes one, `attributes` for values of these, in the data's own units; `how` sets fields of the
    model's `Sampling`. Raises Problem."""
    if not isinstance(n, Integral) or n < 1:
        raise Problem(f"-n {n}: ask for at least 1 sample, as a whole number")
    wish = wished(run, label, attributes, how or {})
    return items(run.model, run.spec, run.codec, n, seed=seed, first=first, **wish._asdict())


class Wish(NamedTuple):
    """What a person asks of samples, checked."""

    how: Any  # the model's `Sampling`
    label: int | None
    attributes: Mapping[str, float] | None  # in [0, 1]


def wished(run: Run, label: Label, attributes: Mapping[str, float] | None, how: Mapping[str, Any]) -> Wish:
    """Raises Problem on what the model does not take, or its data have not."""
    label = "" if label is None else str(label)
    settings = options(run.sampling, how)
    takes = run.model.conditions if isinstance(run.model, Conditioned) else ()
    if label and "label" not in takes:
        raise Problem(f"--label {label}: {run.family.name} takes no labels. Leave --label out")
    if attributes and "attributes" not in takes:
        named = ",".join(attributes)
        raise Problem(f"--attribute {named}: {run.family.name} was told no attributes. Leave --attribute out")
    told = run.codec.attributes.asked(attributes) if attributes else None  # type: ignore[attr-defined]
    return Wish(settings, chosen(run.spec, label) if label else None, told)


def items(
    model: Model,
    spec: Spec,
    codec: Codec,
    n: int,
    *,
    seed: int = 0,
    how: Any = None,
    label: int | None = None,
    attributes: Mapping[str, float] | None = None,
    first: int = 0,
    like: Items | None = None,
) -> Any:
    """The same of a model that is finished and in eval mode. Decoded block by block: memory holds raw items only. With
    `like`, which judging gives, classes come as often as these items have them, not evenly. Raises Problem."""
    if not isinstance(model, Samples):
        raise Problem(f"{type(model).__name__}: can't make samples; `reverie models` says which models can")
    blocks, allowed = [], codec.allowed if isinstance(codec, Grammar) and isinstance(model, Continues) else None
    for begin in range(first, first + n, BLOCK):
        numbers = range(begin, begin + BLOCK)
        kept = min(BLOCK, first + n - begin)
        values = block(model, spec, numbers, seed, how, label, attributes, allowed, like)
        blocks.append(codec.decode({k: v[:kept].cpu() for k, v in values.items()}))
    return joined(blocks)


@torch.inference_mode()
def block(
    model: Model,
    spec: Spec,
    numbers: range,
    seed: int,
    how: Any,
    label: int | None,
    attributes: Mapping[str, float] | None = None,
    allowed: Callable[[Tensor, Tensor], Tensor] | None = None,
    like: Items | None = None,
) -> dict[str, Tensor]:
    """The items of these numbers; where a grammar says which tokens are `allowed`, of a model that writes them, within
    it."""
    assert isinstance(model, Samples)
    device = next(model.parameters()).device
    noise = torch.stack([model.noise(generator(seed, "item", i), how) for i in numbers]).to(device)
    takes = isinstance(model, Conditioned) and "label" in model.conditions
    told = conditions(spec, numbers, seed, label, device, attributes, like if takes else None)
    if allowed is None:
        return model.sample(noise, told, how)
    assert isinstance(model, Continues)
    return {spec.only[0]: collected(model.written(Prompt.empty(noise, told, allowed), noise, how), noise)}


def conditions(
    spec: Spec,
    numbers: Sequence[int],
    seed: int,
    label: int | None,
    device: torch.device,
    attributes: Mapping[str, float] | None = None,
    like: Items | None = None,
) -> dict[str, Tensor]:
    """A class for each item: the one asked for, else one of the items `like`, else drawn evenly. Attributes in [0, 1],
    where there are some: those asked for, else a training item's."""
    made: dict[str, Tensor] = {}
    if spec.classes and label is None and like is not None:
        made["label"] = classes_of(like, numbers, seed).to(device)
    elif spec.classes:
        drawn = [label if label is not None else fold(seed, "label", i) % spec.classes for i in numbers]
        made["label"] = torch.tensor(drawn, device=device)
    if "attributes" in spec.condition:
        made["attributes"] = told(spec.condition["attributes"], numbers, seed, attributes or {}).to(device)
    return made


def classes_of(like: Items, numbers: Sequence[int], seed: int) -> Tensor:
    """(B,): for each number the class of an item that is drawn of those that have one. Only the drawn are read."""
    found = torch.full((len(numbers),), -1)
    for attempt in range(TRIES):
        left = [k for k, c in enumerate(found.tolist()) if c < 0]
        if not left:
            break
        again = (attempt,) if attempt else ()
        drawn = [fold(seed, "label", numbers[k], *again) % len(like) for k in left]
        found[left] = like.take(torch.tensor(drawn))["label"]
    return found.clamp(min=0)


def told(field: Field, numbers: Sequence[int], seed: int, asked: Mapping[str, float]) -> Tensor:
    """(B, attributes): each item's are those of a training item, one that has what is asked for if there is one, with
    what is asked for in its place."""
    known = torch.tensor(field.drawn)
    places = [field.names.index(name) for name in asked]
    values = torch.tensor(list(asked.values()))
    same = (known[:, places] - values).abs().amax(1) < 1e-5 if places else torch.ones(len(known), dtype=torch.bool)
    rows = known[same] if same.any() else known
    made = rows[[fold(seed, "attributes", i) % len(rows) for i in numbers]]
    made[:, places] = values
    return made


def joined(blocks: list[Any]) -> Any:
    if isinstance(blocks[0], np.ndarray):
        return np.concatenate(blocks)
    return [item for block in blocks for item in block]


def chosen(spec: Spec, label: str) -> int:
    """The number of a class, by its name or its number."""
    if not spec.classes:
        raise Problem(f"--label {label}: this run's data has no classes. Leave --label out")
    names = spec.condition["label"].names
    if label in names:
        return names.index(label)
    if label.isdecimal() and int(label) < spec.classes:
        return int(label)
    known = ", ".join(names[:20]) or f"0 … {spec.classes - 1}"
    raise Problem(f"--label {label}: no such class. There are: {known}")


def options(sampling: type | None, how: Mapping[str, Any]) -> Any:
    """The model's Sampling with these fields set; None where it has none."""
    if sampling is None:
        if how:
            raise Problem(f"--{next(iter(how))}: this model has no sampling options. Leave it out")
        return None
    names = [f.name for f in fields(sampling)]
    for name in how:
        if name not in names:
            raise Problem(f"--{name}: no such sampling option. There are: {', '.join(names)}")
    return replace(sampling(), **how)
