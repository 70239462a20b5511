"""Pictures <-> tensors: (N, H, W, C) uint8 or uint16 <-> (B, C, H, W) float32 in [-1, 1], exact both ways."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reverie.errors import Problem
from reverie.kinds.attributes import Attributes
from reverie.spec import Field, Spec

from .picture import FITS, MAX_BYTES, Unreadable, load

if TYPE_CHECKING:
    from torch import Tensor

    from reverie.core import Batch

LONGEST = 16_384  # pixels of a side


@dataclass(frozen=True)
class Codec:
    """What pictures of one data set look like."""

    size: tuple[int, int]  # (H, W)
    channels: int = 3  # 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA
    bits: int = 8  # 8 or 16
    fit: str = "crop"  # crop | pad | stretch: what is done to pictures of another aspect
    classes: tuple[str, ...] = ()  # names; (): no labels
    attributes: Attributes | None = None  # numbers beside each picture
    domains: tuple[str, ...] = ()  # names of the sets that pictures are of; (): one set

    def __post_init__(self) -> None:
        sides = len(self.size) == 2 and all(isinstance(s, int) and 1 <= s <= LONGEST for s in self.size)
        if not sides or self.channels not in (1, 2, 3, 4) or self.bits not in (8, 16) or self.fit not in FITS:
            raise Problem(
                f"image codec {self.size} {self.channels} {self.bits} {self.fit}: not a codec. It takes a size (H, W) "
                f"of 1 to {LONGEST}, 1 to 4 channels, 8 or 16 bits and one of {', '.join(FITS)}."
            )

    @property
    def spec(self) -> Spec:
        names = self.classes
        label = {"label": Field((), categories=len(names), names=names)} if len(names) > 1 else {}
        told, condition = self.attributes, dict(label)
        if told:
            condition["attributes"] = told.field
        image = Field((self.channels, *self.size), levels=1 << self.bits)
        return Spec("image", {"image": image}, condition=condition, domains=self.domains)

    @property
    def dtype(self) -> type[np.unsignedinteger[Any]]:
        return np.uint8 if self.bits == 8 else np.uint16

    @property
    def half(self) -> float:
        """Half the highest value: what [-1, 1] is scaled by. Exact in float32 for both depths."""
        return ((1 << self.bits) - 1) / 2

    def encode(self, raw: np.ndarray) -> Batch:
        """(N, H, W, C) of the codec's own depth -> "image" (N, C, H, W) float32 in [-1, 1], channels last in memory.
        Raises Problem on any other shape or type."""
        import torch

        from reverie.core import Batch

        if raw.dtype != self.dtype or raw.shape[1:] != (*self.size, self.channels):
            wanted = f"(N, {self.size[0]}, {self.size[1]}, {self.channels}) {np.dtype(self.dtype)}"
            raise Problem(f"pictures {raw.shape} {raw.dtype}: not {wanted}. Read them through the codec.")
        whole = torch.from_numpy(np.array(raw, order="C"))  # a copy: what is mapped from a file can't be written
        # division: 255 / 127.5 - 1 is 1 exactly, which a product with a rounded 1 / 127.5 is not
        return Batch({"image": whole.permute(0, 3, 1, 2).float().div_(self.half).sub_(1)})

    def decode(self, values: Mapping[str, Tensor]) -> np.ndarray:
        """ "image" (N, C, H, W) of any float type -> (N, H, W, C): what lies outside [-1, 1] is clamped (NaN to -1),
        the rest rounded to the nearest level."""
        import torch

        x = values["image"].detach().float()
        levels = torch.nan_to_num(x, nan=-1.0).clamp(-1, 1).add(1).mul(self.half).round()
        whole = levels.to(torch.int32).permute(0, 2, 3, 1).contiguous().cpu().numpy()
        return whole.astype(self.dtype)

    def read(self, path: str | os.PathLike[str]) -> np.ndarray:
        """A picture from a file: (H, W, C), resized as the training data was. Raises Problem."""
        return load_picture(path, self)

    def to_json(self) -> dict[str, Any]:
        values = asdict(self)
        for name in ("attributes", "domains"):
            if not values[name]:
                del values[name]  # as it was before there were any
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Codec:
        try:
            rest = {k: v for k, v in data.items() if k not in ("size", "classes", "attributes", "domains")}
            told = Attributes.from_json(data["attributes"]) if data.get("attributes") else None
            classes, domains = (tuple(data.get(k, ())) for k in ("classes", "domains"))
            return Codec(tuple(data["size"]), classes=classes, attributes=told, domains=domains, **rest)
        except (KeyError, TypeError) as error:
            raise Problem(f"image codec: {error}. Take it from a run.json that fit wrote.") from None


def load_picture(picture: str | os.PathLike[str] | bytes, codec: Codec) -> np.ndarray:
    """A picture's file or bytes -> (H, W, C) as the codec wants it: resized by the rule of `picture`, grey repeated
    into colour, alpha that the codec lacks laid on black. Raises Problem."""
    name = "picture" if isinstance(picture, bytes) else os.fspath(picture)
    try:
        data = picture if isinstance(picture, bytes) else _contents(Path(picture))
        return load(data, codec.size, codec.fit, codec.channels, codec.bits)
    except Unreadable as error:
        raise Problem(f"{name}: {error}. Give another picture.") from None
    except OSError as error:
        raise Problem(f"{name}: can't be read ({error.strerror or error}). Give another picture.") from None


def _contents(path: Path) -> bytes:
    if path.stat().st_size > MAX_BYTES:
        raise Unreadable(f"too large (at most {MAX_BYTES:,} bytes)")
    return path.read_bytes()
