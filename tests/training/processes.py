"""Run by test_trainer: ten steps of every model in float64, on as many processes as there are; saves the weights."""

import sys
from dataclasses import dataclass

import torch

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)

from contract.test_models import NAMES, build, data
from reverie.core import Apart, Batch
from reverie.kinds.domains import Domains
from reverie.training.devices import launch
from reverie.training.trainer import Plan, Trainer


@dataclass(frozen=True)
class Doubled:
    """The toy set in float64."""

    items: object

    def __len__(self):
        return len(self.items)

    def take(self, index, vary=False):
        batch = self.items.take(index, vary)
        values = {k: v.double() if v.is_floating_point() else v for k, v in batch.values.items()}
        return Batch(values, batch.lengths, batch.masks)


def doubled(items):
    """Of sets that are apart, each."""
    sets = {name: Doubled(one) for name, one in items.domains.items()} if isinstance(items, Apart) else {}
    return Domains(sets) if sets else Doubled(items)


fabric, weights = launch(), {}
for name in NAMES:
    spec, items = data(name)
    trainer = Trainer(build(name, spec), doubled(items), Plan(batch=16, shards=4, clip=1.0, ema_items=64.0), fabric)
    for _ in range(10):
        trainer.advance(10)
    assert all(p.dtype == torch.float64 for p in trainer.model.parameters()), f"{name}: a parameter in float32"
    weights[name] = torch.cat([p.detach().flatten() for p in trainer.weights().parameters()])
if fabric.global_rank == 0:
    torch.save(weights, sys.argv[1])
