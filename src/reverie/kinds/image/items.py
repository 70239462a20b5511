"""Pictures in compact form, turned into floats batch by batch."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from reverie.core import Batch

from .codec import Codec


class Pictures:
    """Some rows of an array (N, H, W, C) uint8 or uint16, in memory or mapped from a file, with their labels and
    attributes (N, k)."""

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray | None,
        rows: np.ndarray,
        codec: Codec,
        attributes: np.ndarray | None = None,
    ):
        self.images, self.rows, self.codec = images, rows, codec
        kept = labels is not None and len(codec.classes) > 1
        self.attributes = None if attributes is None else torch.from_numpy(attributes[rows])
        self.labels = torch.from_numpy(labels[rows].astype(np.int64)) if kept and labels is not None else None

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, index: Tensor, vary: bool = False) -> Batch:
        """Items at index (B,): "image" (B, C, H, W) float32 in [-1, 1], channels last, "label" (B,) int64 and
        "attributes" (B, k) float32 in [0, 1]. Pictures vary in nothing."""
        whole = torch.from_numpy(self.raw(index)).permute(0, 3, 1, 2).float()
        values = {"image": whole.div_(self.codec.half).sub_(1)}
        if self.labels is not None:
            values["label"] = self.labels[index]
        if self.attributes is not None:
            values["attributes"] = self.attributes[index]
        return Batch(values)

    def raw(self, index: Tensor) -> np.ndarray:
        """The same items as they are: (B, H, W, C)."""
        return np.asarray(self.images[self.rows[index.numpy()]])
