"""Windows of a series, served in batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .codec import Codec

if TYPE_CHECKING:
    from torch import Tensor

    from reverie.core import Batch


class Windows:
    """Windows of one array (rows, C): views, so that rows that several windows share are held once."""

    def __init__(
        self,
        values: np.ndarray,
        encoded: Tensor,
        starts: np.ndarray,
        codec: Codec,
        names: Sequence[str],
        truth: bool = True,
    ):
        """`values` in the data's units, `encoded` in the codec's; `starts`: each window's first row; `names`: of each
        window; `truth`: the future comes after the past."""
        import torch

        self.values, self.encoded, self.codec, self.names = values, encoded, codec, names
        self.starts = torch.from_numpy(starts)
        self.length = codec.past + (codec.horizon if truth else 0)

    def __len__(self) -> int:
        return len(self.starts)

    def take(self, index: Tensor, vary: bool = False) -> Batch:
        """Items at index (B,): past (B, L, C) and, where it is known, future (B, H, C), float32; where windows are
        made, window (B, L, C)."""
        from reverie.core import Batch

        if not len(index):
            whole = self.encoded.new_zeros(0, self.length, self.encoded.shape[1])
        else:
            whole = self.encoded.unfold(0, self.length, 1)[self.starts[index]].transpose(1, 2)
        past = self.codec.past
        if not self.codec.horizon:
            return Batch({"window": whole})
        values = {"past": whole[:, :past]}
        if self.length > past:
            values["future"] = whole[:, past:]
        return Batch(values)

    def raw(self, index: Tensor) -> list[dict[str, Any]]:
        """The same windows in the data's units: {"past": (L, C), "future": (H, C), "channels": names}, or {"window":
        (L, C), "channels": names}."""
        found = []
        for start in self.starts[index].tolist():
            whole, past = self.values[start : start + self.length], self.codec.past
            window = {"past": whole[:past]} | ({"future": whole[past:]} if self.length > past else {})
            found.append({**(window if self.codec.horizon else {"window": whole}), "channels": self.codec.channels})
        return found

    def columns(self, index: Tensor) -> dict[str, list[str]]:
        """ "item": the time of the first row that is predicted; of a window that is made, of its first row."""
        return {"item": [self.names[i] for i in index.tolist()]}
