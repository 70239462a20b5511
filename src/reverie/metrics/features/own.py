"""Extractors from one's own networks: any module that maps pictures to vectors, and a classifier trained on the same
labels, whose features know what the labels tell apart."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from hashlib import blake2b
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from reverie.core import Batch
from reverie.errors import Problem

from .pictures import Extractor, at_side, blockwise


class ModuleFeatures:
    """A network of one's own behind the resize of this package. See `of_module`."""

    def __init__(self, module: nn.Module, name: str, side: int, low: float, high: float):
        self.network = deepcopy(module).to("cpu").eval().requires_grad_(False)  # what is trained on is not what judges
        self.side, self.low, self.high = side, low, high
        self.name = f"{name}-{fingerprint(self.network)}-in{side}-bilinear-aa-range{low:g}to{high:g}"
        dtypes = (p.dtype for p in self.network.parameters() if p.is_floating_point())
        self.dtype = next(dtypes, torch.float32)
        self.dim = trial(self, name)

    def __call__(self, images: np.ndarray) -> Tensor:
        return blockwise(images, self.dim, self.block)

    def block(self, images: np.ndarray) -> Tensor:
        x = at_side(images, self.side) / 255 * (self.high - self.low) + self.low
        found: Tensor = self.network(x.to(self.dtype))
        return found


def of_module(module: nn.Module, name: str, side: int, low: float = 0.0, high: float = 1.0) -> Extractor:
    """An extractor from a module that maps (N, 3, side, side) floats in [low, high] to (N, d). Pictures of another size
    are resized: bilinear, anti-aliased when shrinking. A copy is kept, in eval mode; the extractor's name holds yours,
    a fingerprint of the weights, the size and the range. Raises Problem where a trial gives no (N, d)."""
    checked(name)
    if side < 1:
        raise Problem(f"side {side}: a picture has at least 1 pixel")
    if not low < high:
        raise Problem(f"range {low:g} to {high:g}: empty. Give low below high")
    return ModuleFeatures(module, name, side, low, high)


def trial(extractor: ModuleFeatures, name: str) -> int:
    """How many features two black pictures have."""
    wanted = f"a module must map (N, 3, {extractor.side}, {extractor.side}) floats to (N, d)"
    try:
        with torch.inference_mode():
            found = extractor.block(np.zeros((2, extractor.side, extractor.side, 3), np.uint8))
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        said = next(iter(str(error).splitlines()), type(error).__name__)
        raise Problem(f"{name}: failed on a trial of two pictures ({said}); {wanted}") from error
    if not isinstance(found, Tensor) or found.ndim != 2 or len(found) != 2 or not found.shape[1]:
        gave = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise Problem(f"{name}: gave {gave} for two pictures; {wanted}. Flatten or pool its last map")
    return found.shape[1]


@runtime_checkable
class Classifies(Protocol):
    """What `of_classifier` needs of a network: reverie's `convolutional` has it."""

    def features(self, batch: Batch) -> Tensor:
        """(B, d): what the last layer sees."""
        ...

    def predict(self, batch: Batch) -> Tensor:
        """Logits (B, classes), or log-probabilities."""
        ...


class ClassifierFeatures:
    """A trained classifier: what its last layer sees, and how it would label a picture. See `of_classifier`."""

    def __init__(self, network: Classifies, encode: Callable[[np.ndarray], Batch], name: str, example: np.ndarray):
        self.network, self.encode = network, encode
        if isinstance(network, nn.Module):
            name = f"{name}-{fingerprint(network)}"
        with torch.inference_mode():
            batch = encode(example)
            features, logits = network.features(batch), network.predict(batch)
        if features.ndim != 2 or logits.ndim != 2 or logits.shape[1] < 2:
            shapes = f"features {tuple(features.shape)} and answers {tuple(logits.shape)}"
            raise Problem(f"{name}: gave {shapes} for {len(example)} pictures. Take a classifier of 2 classes or more")
        self.dim, self.classes = features.shape[1], logits.shape[1]
        self.name = f"{name}-pool{self.dim}"

    def __call__(self, images: np.ndarray) -> Tensor:
        return blockwise(images, self.dim, lambda part: self.network.features(self.encode(part)))

    def probabilities(self, images: np.ndarray) -> Float[Tensor, "n c"]:
        """Of each class, by the network: rows add up to 1."""
        return blockwise(images, self.classes, lambda part: self.network.predict(self.encode(part)).softmax(1))


def of_classifier(
    network: Classifies, encode: Callable[[np.ndarray], Batch], name: str, example: np.ndarray
) -> ClassifierFeatures:
    """An extractor that also has `probabilities`, from a network in eval mode and the encoder of the data that it was
    trained on ((N, H, W, C) integers -> Batch, which refuses pictures that do not fit). `example`: one or a few such
    pictures, for a trial. The name holds yours and a fingerprint of the weights. Raises Problem where the network does
    not answer with classes."""
    checked(name)
    if isinstance(network, nn.Module) and network.training:
        raise Problem(f"{name}: the network is in training mode. Call .eval() on it first")
    return ClassifierFeatures(network, encode, name, example)


def checked(name: str) -> None:
    """It names a folder of the cache, and the protocol."""
    if not name or not all(letter.isalnum() or letter in "-_.+" for letter in name) or name.startswith("."):
        raise Problem(f"{name!r}: not a name for an extractor. Give letters, digits, - _ . +")


def fingerprint(module: nn.Module) -> str:
    """8 hexadecimal digits of the names, types and values of its weights and buffers."""
    digest = blake2b(digest_size=4)
    for key, value in sorted(module.state_dict().items()):
        if isinstance(value, Tensor):
            digest.update(f"{key} {value.dtype} {tuple(value.shape)}".encode())
            digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
