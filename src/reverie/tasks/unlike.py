"""How unlike the items of a run's training data an item is, by each thing that its model can do.

reconstruction  how much is lost when it is encoded and decoded, against what is usually lost there
latent          how far its code lies from the codes of training items
likelihood      nats a dimension or token that it costs
best            all of these that the model has, each on the scale of training items, added up

What is usual is learnt from training items, one part of them for the parts' own references and another for their
scales; held-out items decide nothing, so that what they score is what fresh normal items score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from reverie.core import Batch, Conditioned, Items
from reverie.errors import Problem
from reverie.metrics.neighbours import nearest
from reverie.training.seeds import reseed

from .codes import blocks
from .rebuilt import error, rebuilt

if TYPE_CHECKING:
    from reverie.training.run import Run

NEEDS = {"reconstruction": ("encode", "decode"), "latent": ("encode",), "likelihood": ("score",)}
BEST = "best"
