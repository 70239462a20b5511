"""Share of a whole held-out part that is predicted right, for recipes."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from reverie.core import Predicts
from reverie.metrics import wilson

if TYPE_CHECKING:
    from reverie.training.run import Run


@torch.inference_mode()
def measure(run: "Run") -> Mapping[str, Any]:
    """Accuracy on every held-out item, with its 95 % interval."""
    model, items = run.model, run.prepared.held_out
    assert isinstance(model, Predicts)
    name, _ = run.spec.predicted
    right = 0
    for index in torch.split(torch.arange(len(items)), 500):
        batch = items.take(index).to(run.device)
        right += int((model.predict(batch).argmax(1) == batch[name]).sum())
    low, high = wilson(right, len(items))
    return {"value": right / len(items), "unit": "share", "low": low, "high": high, "items": len(items)}
