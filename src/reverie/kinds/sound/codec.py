"""Sounds <-> tensors: lists of arrays of one rate <-> (B, T) float32 in [-1, 1], padded with silence."""

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

SCALE = 1 << 15  # of 16 bits: -32,768 is -1


@dataclass(frozen=True)
class Codec:
    """What sounds of one data set look like."""

    rate: int  # samples a second
    samples: int  # of the longest item, at which others are cut
    classes: tuple[str, ...] = ()  # names; (): no labels
    target: str = ""  # what --predict asked for: label, or a word of the pattern; "": nothing is predicted
    names: str = ""  # the pattern by which files' names say their class; "": their folders do

    def __post_init__(self) -> None:
        if self.rate < 1 or self.samples < 1:
            raise Problem(f"sound codec {self.rate} {self.samples}: not a codec. It takes a rate and samples from 1 up")

    @property
    def spec(self) -> Spec:
        label = {"label": Field((), categories=len(self.classes), names=self.classes)} if self.labelled else {}
        sound = Field((self.samples,), length=True, rate=self.rate)
        if self.target:
            return Spec("sound", {"sound": sound}, target=label)
        return Spec("sound", {"sound": sound}, label)

    @property
    def labelled(self) -> bool:
        return len(self.classes) > 1

    def encode(self, raw: Sequence[np.ndarray]) -> Batch:
        """Arrays (n,), int16 or floats in [-1, 1] -> "sound" (B, T) float32 and its lengths; longer ones are cut.
        Raises Problem on an array of another form, or without samples."""
        import torch

        from reverie.core import Batch

        lengths = np.zeros(len(raw), np.int64)
        whole = np.zeros((len(raw), self.samples), np.float32)
        for i, sound in enumerate(raw):
            if sound.ndim != 1 or not len(sound) or not (sound.dtype == np.int16 or sound.dtype.kind == "f"):
                raise Problem(f"a sound {sound.shape} {sound.dtype}: give (samples,) of int16, or of floats in [-1, 1]")
            lengths[i] = min(len(sound), self.samples)
            kept = sound[: self.samples]
            whole[i, : lengths[i]] = kept.astype(np.float32) / SCALE if sound.dtype == np.int16 else kept
        return Batch({"sound": torch.from_numpy(whole)}, {"sound": torch.from_numpy(lengths)})

    def decode(self, values: Mapping[str, Tensor]) -> list[np.ndarray]:
        """ "sound" (B, T) of any float type -> arrays (T,) float32: what lies outside [-1, 1] is clamped, NaN is 0."""
        x = values["sound"].detach().float().cpu()
        return list(x.nan_to_num(nan=0.0).clamp(-1, 1).numpy())

    def to_json(self) -> dict[str, Any]:
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Codec:
        try:
            return Codec(**{**data, "classes": tuple(data.get("classes", ()))})
        except TypeError as error:
            raise Problem(f"sound codec: {error}. Take it from a run.json that fit wrote.") from None


def bits(sound: np.ndarray) -> np.ndarray:
    """Floats in [-1, 1] -> int16, rounded; exact for floats that came from int16. What lies outside is clipped."""
    return np.clip(np.rint(np.asarray(sound, np.float64) * SCALE), -SCALE, SCALE - 1).astype(np.int16)
