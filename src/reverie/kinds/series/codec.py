"""Windows of a series <-> tensors: each channel with mean 0 and deviation 1 in the training rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from reverie.errors import Problem
from reverie.spec import Field, Spec

if TYPE_CHECKING:
    from torch import Tensor

    from reverie.core import Batch


@dataclass(frozen=True)
class Codec:
    """What windows of one series look like."""

    time: str  # the column of times
    step: str  # from one row to the next, as most are
    channels: tuple[str, ...]
    means: tuple[float, ...]  # of each channel, over the training rows
    deviations: tuple[float, ...]
    past: int  # rows that a model looks back at (L); where it makes windows: rows of each
    horizon: int  # rows that it predicts (H); 0: nothing is predicted, windows are made
    digits: tuple[int, ...] = ()  # decimals of each channel, of windows that are made; -1: as float64 has them

    @property
    def parts(self) -> dict[str, int]:
        """Rows of each part of a window."""
        return {"past": self.past, "future": self.horizon} if self.horizon else {"window": self.past}

    @property
    def spec(self) -> Spec:
        count = len(self.channels)
        if not self.horizon:
            return Spec("series", {"window": Field((self.past, count), 0.0, 0.0, names=self.channels)})
        past, future = (Field((n, count), 0.0, 0.0, names=self.channels) for n in (self.past, self.horizon))
        return Spec("series", {"past": past}, target={"future": future})

    def standardised(self, values: np.ndarray) -> np.ndarray:
        """(…, C) in the data's units -> float32 in units of the training rows' deviation."""
        scaled = (values - np.array(self.means)) / np.array(self.deviations)
        return np.asarray(scaled, dtype=np.float32)

    def encode(self, raw: Sequence[Mapping[str, Any]]) -> Batch:
        """Windows {"past": (L, C), "future": (H, C)} -> a batch; the future too where every window has it. Where
        windows are made, of {"window": (L, C)}. Raises Problem for another shape."""
        import torch

        from reverie.core import Batch

        values = {}
        for name, length in self.parts.items():
            if name == "future" and not all(name in window for window in raw):
                continue
            found = [np.asarray(window[name], dtype=float) for window in raw]
            wrong = [x.shape for x in found if x.shape != (length, len(self.channels))]
            if wrong:
                raise Problem(f"{name}: {wrong[0]}, not {length} rows of {len(self.channels)} channels. Give as many")
            values[name] = torch.from_numpy(self.standardised(np.stack(found)))
        return Batch(values)

    def decode(self, values: Mapping[str, Tensor]) -> Any:
        """One of past and future -> (B, rows, C) float64 in the data's units; both, or what is made -> a dict for each
        window, as `encode` takes it."""
        scale, shift = np.array(self.deviations), np.array(self.means)
        found = {k: x.detach().cpu().double().numpy() * scale + shift for k, x in values.items()}
        if "window" in found:
            return [{"window": self.rounded(window), "channels": self.channels} for window in found["window"]]
        if len(found) == 1:
            return next(iter(found.values()))
        return [dict(zip(found, window), channels=self.channels) for window in zip(*found.values())]

    def rounded(self, window: np.ndarray) -> np.ndarray:
        """(L, C) with as many decimals as the file has."""
        said = [x if d < 0 else np.round(x, d) for x, d in zip(window.T, self.digits)]
        return np.stack(said, 1) if said else window

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Codec:
        try:
            lists = {k: tuple(data[k]) for k in ("channels", "means", "deviations", "digits") if k in data}
            return Codec(**{**data, **lists})
        except (KeyError, TypeError) as error:
            raise Problem(f"series codec: {error}. Take it from a run.json that fit wrote.") from None
