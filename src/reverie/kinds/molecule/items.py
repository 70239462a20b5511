"""Encoded molecules in compact form, served in batches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from .codec import NAME, Codec
from .tokens import Ragged

if TYPE_CHECKING:
    from torch import Tensor

    from reverie.core import Batch


@dataclass
class Encoded:
    """Some molecules: their tokens with an end each, and what a model is told of them."""

    codec: Codec
    rows: Ragged
    spelt: Ragged | None  # their SMILES as bytes, where the tokens don't give them back
    numbers: np.ndarray  # (N,) of each in its file
    files: np.ndarray  # (N,) which file, in `sources`
    sources: tuple[str, ...]  # what a person calls an item of each file: "line", "test.smi line"
    told: np.ndarray | None = None  # (N, attributes) float32 in [0, 1]
    beside: Mapping[str, Encoded] = field(default_factory=dict)  # of held-out items: further sets to judge by

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, index: Tensor, vary: bool = False) -> Batch:
        """Items at index (B,): "molecule" (B, T) as wide as the longest of them, its lengths, and "attributes" (B, k).
        Molecules vary in nothing."""
        import torch

        from reverie.core import Batch

        places = index.numpy()
        values, lengths = self.rows.filled(places)
        found = {NAME: torch.from_numpy(values)}
        if self.told is not None:
            found["attributes"] = torch.from_numpy(self.told[places])
        return Batch(found, {NAME: torch.from_numpy(lengths)})

    def raw(self, index: Tensor) -> list[str]:
        """The same items as SMILES."""
        if self.spelt is not None:
            return [self.spelt.row(i).tobytes().decode("ascii") for i in index.tolist()]
        said = np.array(["", "", *self.codec.vocabulary], object)
        return ["".join(said[self.rows.row(i)]) for i in index.tolist()]

    @property
    def tokens(self) -> int:
        """Of all molecules, an end with each."""
        return len(self.rows.flat)

    def columns(self, index: Tensor) -> dict[str, list[str]]:
        """ "item": file and line."""
        names = [f"{self.sources[self.files[i]]} {self.numbers[i]}" for i in index.tolist()]
        return {"item": names}
