"""Models whose codes have known answers, and pictures for them."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from reverie import core
from reverie.core import Batch, Spec
from reverie.kinds.image.formats import as_file


def written(file: Path, picture: np.ndarray) -> Path:
    """A picture (H, W, C) as a file of the format that its name says."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(as_file(picture, {".png": "PNG", ".tif": "TIFF", ".bmp": "BMP"}[file.suffix]))
    return file


class Whole(core.Model):
    """Its code is the item itself, field by field: what comes back is what went in, but for what a test takes away."""

    def __init__(self, spec: Spec, lost: float = 0.0):
        super().__init__()
        self.spec, self.lost, self.weight = spec, lost, nn.Parameter(torch.zeros(()))

    def optimizers(self) -> dict[str, Any]:
        return {}

    def updates(self) -> list[Any]:
        return []

    def encode(self, batch: Batch) -> Tensor:
        width = {name: field.size for name, field in self.spec.fields.items()}
        parts = [batch[name].reshape(len(batch), -1).float() for name in width]
        filled = [nn.functional.pad(x, (0, width[name] - x.shape[1])) for name, x in zip(width, parts)]
        return torch.cat(filled, 1)

    def decode(self, codes: Tensor) -> dict[str, Tensor]:
        parts = codes.split([field.size for field in self.spec.fields.values()], 1)
        made = {}
        for (name, field), x in zip(self.spec.fields.items(), parts):
            x = x.round().long() if field.categories else x + self.lost
            made[name] = x.view(-1, *field.shape)
        return made


class Cleaner(Whole):
    """The same, and it says that it denoises."""

    removes = "salt and pepper"
