"""A classifier of Fashion-MNIST, by which the samples of other recipes are counted.

The set's README lists two-layer convolutional networks at 0.916 to 0.934 (Xiao, Rasul & Vollgraf 2017,
arXiv:1708.07747)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from reverie.core import Predicts
from reverie.metrics import wilson
from reverie.recipes import Recipe

if TYPE_CHECKING:
    from reverie.training.run import Run


@torch.inference_mode()
def measure(run: "Run") -> Mapping[str, Any]:
    """Share of the 10,000 test pictures that are predicted right."""
    model, items = run.model, run.prepared.held_out
    assert isinstance(model, Predicts)
    right = 0
    for index in torch.split(torch.arange(len(items)), 500):
        batch = items.take(index).to(run.device)
        right += int((model.predict(batch).argmax(1) == batch["label"]).sum())
    low, high = wilson(right, len(items))
    return {"value": right / len(items), "unit": "share", "low": low, "high": high, "items": len(items)}


RECIPE = Recipe(
    title="Convolutional classifier on Fashion-MNIST; accuracy on the test set",
    source="Fashion-MNIST's README, Xiao et al. 2017, arXiv:1708.07747",
    published="0.916–0.934 for two-layer convolutional networks",
    data="fashion-mnist",
    model="convolutional",
    set="small",
    measure=measure,
    goal=0.91,
    higher=True,
)
