"""Likelihood of a whole held-out part, for recipes."""

from collections.abc import Mapping
from math import log, sqrt
from typing import TYPE_CHECKING, Any

import torch

from reverie.core import Scores
from reverie.training.lanes import wide
from reverie.training.seeds import reseed

if TYPE_CHECKING:
    from reverie.training.run import Run

BLOCK = 100


@torch.inference_mode()
def held_out(run: "Run", draws: int, seed: int = 0) -> Mapping[str, Any]:
    """Nats an item and a unit over every held-out item, with the standard error over items."""
    model = run.model
    items = wide(model, run.prepared.held_out)
    assert isinstance(model, Scores)
    nats, units = [], 0.0
    for k, index in enumerate(torch.split(torch.arange(len(items)), BLOCK)):
        reseed(seed, "nll", k)
        item_nats, item_units = model.nll(items.take(index).to(run.device), draws)
        nats.append(item_nats.double().cpu())
        units += float(item_units.sum())
    every = torch.cat(nats)
    return {
        "nats_an_item": float(every.mean()),
        "standard_error": float(every.std() / sqrt(len(every))),
        "nats_a_unit": float(every.sum()) / units,
        "bits_a_unit": float(every.sum()) / units / log(2),
        "items": len(every),
        "units": units,
        "draws": draws,
    }
