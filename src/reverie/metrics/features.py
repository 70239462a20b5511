"""Features of pictures: what the picture measures are computed on. An extractor's name holds everything that moves the
numbers: network, weights, input size, resize rule, layer. Numbers under different names are not comparable, and none of
them is the FID of the literature unless the name says Inception."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from reverie.cache_folder import cache_folder
from reverie.errors import Problem

from .efficientnet import HEAD, STAGES, EfficientNetLite0, pretrained

BLOCK = 100  # pictures at a time: bounds memory, and is fixed so that rounding is the same at every call
SIDES = (64, 128, 224)  # input sizes of the default extractor
CHEAP_SIDE, CHEAP_BLOCKS = 32, 8
INCEPTION_FILE = "weights-inception-2015-12-05-6726825d.pth"  # where torch-fidelity keeps its download


@runtime_checkable
class Extractor(Protocol):
    """(N, H, W, C) uint8 or uint16 pictures, C in 1 … 4 -> (N, dim) float32 features, on the CPU."""

    @property
    def name(self) -> str: ...

    @property
    def dim(self) -> int: ...

    def __call__(self, images: np.ndarray) -> Tensor: ...


def pixels(images: np.ndarray) -> Float[Tensor, "n 3 h w"]:
    """(N, H, W, C) integers -> RGB in [0, 255]. 16 bits are scaled to that range without rounding, grey is repeated,
    transparency (C = 2 or 4) is composited on white. Raises Problem on another shape or type."""
    if images.ndim != 4 or images.shape[3] not in (1, 2, 3, 4) or images.dtype not in (np.uint8, np.uint16):
        raise Problem(
            f"{images.dtype} of shape {images.shape}: not pictures. Give (N, H, W, C) of uint8 or uint16, C from 1 to 4"
        )
    x = torch.from_numpy(np.ascontiguousarray(images).astype(np.float32)).permute(0, 3, 1, 2)
    if images.dtype == np.uint16:
        x = x / 257  # 65535 -> 255
    if x.shape[1] in (2, 4):
        alpha = x[:, -1:] / 255
        x = alpha * x[:, :-1] + (1 - alpha) * 255
    return x.expand(-1, 3, -1, -1)


def resized(x: Float[Tensor, "n c h w"], side: int) -> Float[Tensor, "n c s s"]:
    """Stretched to side × side: bilinear, anti-aliased when shrinking, corners not aligned, not rounded."""
    return F.interpolate(x, size=(side, side), mode="bilinear", antialias=True, align_corners=False)


class EfficientNetFeatures:
    """EfficientNet-Lite0 on ImageNet: the averages over its last map, or over the map after some of its blocks."""

    def __init__(self, side: int, blocks: int = 0, network: EfficientNetLite0 | None = None):
        """`blocks`: 0 for the whole network. Raises Problem where the weights are not installed."""
        self.network = (network or pretrained()).folded().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.side, self.blocks = side, blocks
        widths = [out for count, *_, out in STAGES for _ in range(count)]
        self.dim = widths[blocks - 1] if blocks else HEAD
        layer = f"block{blocks}-" if blocks else ""
        self.name = f"efficientnet-lite0-in{side}-bilinear-aa-{layer}pool{self.dim}"

    @torch.inference_mode()
    def __call__(self, images: np.ndarray) -> Tensor:
        out = torch.empty(len(images), self.dim)
        for begin in range(0, len(images), BLOCK):
            x = resized(pixels(images[begin : begin + BLOCK]), self.side).contiguous(memory_format=torch.channels_last)
            block = self.network.stages(x, self.blocks).mean((2, 3)) if self.blocks else self.network.features(x)
            out[begin : begin + BLOCK] = block
        return out.clone()


@lru_cache(maxsize=4)
def default(side: int = 64) -> Extractor:
    """The extractor for pictures up to that many pixels wide or high: the network sees 64, 128 or, beyond, 224."""
    return EfficientNetFeatures(next((s for s in SIDES if side <= s), SIDES[-1]))


@lru_cache(maxsize=1)
def cheap() -> Extractor:
    """Thousands of pictures a second: half of the network at 32 px. For watching one run, not for comparing runs."""
    return EfficientNetFeatures(CHEAP_SIDE, CHEAP_BLOCKS)


class InceptionFeatures:
    """torch-fidelity's Inception-v3 with the weights and the resize of the original FID code: 2048 features."""

    name, dim = "inception-v3-compat-torch-fidelity", 2048

    def __init__(self, weights: Path):
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

        self.network = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], str(weights)).eval()

    @torch.inference_mode()
    def __call__(self, images: np.ndarray) -> Tensor:
        out = torch.empty(len(images), self.dim)
        for begin in range(0, len(images), BLOCK):
            x = pixels(images[begin : begin + BLOCK]).round().to(torch.uint8).contiguous()
            out[begin : begin + BLOCK] = self.network(x)[0].flatten(1).float()
        return out.clone()


def inception(weights: str | Path = "") -> Extractor:
    """The canonical Inception features: torch-fidelity with a weights file that is already here. Downloads nothing.
    Raises Problem with the cure. Not tried by this project's tests where torch-fidelity is not installed."""
    file = Path(weights) if weights else Path(torch.hub.get_dir()) / "checkpoints" / INCEPTION_FILE
    if not file.is_file():
        cure = "Download it once from torch-fidelity's releases page and put it there"
        raise Problem(f"{file}: Inception's weights are not there. {cure}")
    try:
        return InceptionFeatures(file)
    except ImportError as error:
        raise Problem(f"torch-fidelity: not importable ({error.name}). Run: pip install torch-fidelity") from None


def of(images: np.ndarray, extractor: Extractor) -> Tensor:
    """`extractor(images)`, kept in the user's cache under what the pictures hold and the extractor's name: for real
    pictures, which are judged again and again. A cache that can't be read or written is done without."""
    key = blake2b(f"{extractor.name} {images.dtype} {images.shape}".encode(), digest_size=16)
    key.update(np.ascontiguousarray(images).data)
    path = cache_folder() / "features" / extractor.name / f"{key.hexdigest()}.npy"
    try:
        kept = np.load(path, allow_pickle=False)
        if kept.shape == (len(images), extractor.dim) and kept.dtype == np.float32:
            return torch.from_numpy(kept)
    except (OSError, ValueError, EOFError):
        pass
    found = extractor(images)
    part = path.with_name(f".{path.stem}.{os.getpid()}.part.npy")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(part, found.numpy(), allow_pickle=False)
        os.replace(part, path)
    except OSError:
        with suppress(OSError):
            part.unlink()
    return found


def gather(images: np.ndarray | Iterable[np.ndarray], extractor: Extractor, keep: bool = False) -> Tensor:
    """(n, dim) of pictures that come whole or block by block; with `keep`, through the cache."""
    parts = [images] if isinstance(images, np.ndarray) else images
    found = [of(part, extractor) if keep else extractor(part) for part in parts]
    return torch.cat(found) if found else torch.empty(0, extractor.dim)

