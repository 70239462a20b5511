"""What a model of tokens is told of an item besides its tokens: its class, and numbers, each as a vector that is added
to every token's embedding."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from reverie.errors import Problem
from reverie.spec import Spec


class Told(nn.Module):
    """The label and the attributes of a spec, where it has some: vectors (B, 1, D) of N(0, deviation²) at the start."""

    def __init__(self, spec: Spec, width: int, deviation: float = 0.02):
        super().__init__()
        label, attributes = (spec.condition.get(name) for name in ("label", "attributes"))
        self.label = nn.Embedding(label.categories, width) if label else None
        self.attributes = nn.Linear(attributes.size, width, bias=False) if attributes else None
        for layer in self.children():
            nn.init.normal_(layer.weight, 0.0, deviation)  # type: ignore[arg-type]

    def forward(self, values: Mapping[str, Tensor]) -> Tensor | None:
        """None where nothing is told. Raises Problem where an item does not say what the model was trained with."""
        said = [
            layer(known(values, name)).unsqueeze(1)
            for name, layer in (("label", self.label), ("attributes", self.attributes))
            if layer is not None
        ]
        return torch.stack(said).sum(0) if said else None


def known(values: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in values:
        raise Problem(f"items without {name}: this model was trained with it. Give data that say it")
    return values[name]


def conditions(spec: Spec) -> tuple[str, ...]:
    """What of a spec's conditions a model of tokens takes."""
    return tuple(name for name in ("label", "attributes") if name in spec.condition)
