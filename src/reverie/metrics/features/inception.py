"""Inception-v3 by torch-fidelity, under two named protocols that differ in how a picture gets to 299 × 299: as the
original FID code did it, and as clean-fid does. Numbers of one can't be set beside numbers of the other (Parmar, Zhang
& Zhu 2022, arXiv:2104.11222).

Nothing is downloaded: torch-fidelity is an extra install, and its weights file is put in place by hand."""

from __future__ import annotations

import io
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn

from reverie.errors import Problem

from .pictures import Extractor, blockwise, pixels

WEIGHTS = "6726825d"  # of the published file's sha256, the first digits: in its name
INCEPTION_FILE = f"weights-inception-2015-12-05-{WEIGHTS}.pth"  # where torch-fidelity keeps its download
URL = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{INCEPTION_FILE}"
SIDE, DIM = 299, 2048


def network(weights: Path) -> tuple[nn.Module, str]:
    """torch-fidelity's network with those weights, and what the name has to say of them: nothing of the published
    file. Raises Problem where the file holds anything but the tensors of that network."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    content = weights.read_bytes()
    checked = io.BytesIO()
    try:  # torch-fidelity unpickles what it is given: it is given what was read without running anything
        torch.save(torch.load(io.BytesIO(content), map_location="cpu", weights_only=True), checked)
        checked.seek(0)
        found = FeatureExtractorInceptionV3("inception-v3-compat", [str(DIM)], checked).eval()
    except Exception as error:
        cure = f"Bring the published file:{bring(weights)}"
        raise Problem(f"{weights}: not Inception's weights ({type(error).__name__}). {cure}") from error
    digest = sha256(content).hexdigest()
    return found, "" if digest.startswith(WEIGHTS) else f"-weights-{digest[:8]}"


class InceptionFeatures:
    """torch-fidelity's Inception-v3 with the resize of the original FID code, bilinear without anti-aliasing as
    TensorFlow 1 had it: 2048 features."""

    dim = DIM

    def __init__(self, weights: Path):
        self.network, other = network(weights)
        self.name = f"inception-v3-compat-torch-fidelity{other}"

    def __call__(self, images: np.ndarray) -> Tensor:
        return blockwise(images, self.dim, self.block)

    def block(self, images: np.ndarray) -> Tensor:
        found: Tensor = self.network(pixels(images).round().to(torch.uint8).contiguous())[0]
        return found.flatten(1)


class InceptionClean:
    """The same network behind clean-fid's resize: bicubic and anti-aliased by Pillow, each channel in float32, clipped
    to [0, 255], not rounded."""

    dim = DIM

    def __init__(self, weights: Path):
        whole, other = network(weights)
        self.layers = nn.Sequential(*until_pooled(whole))
        self.name = f"inception-v3-clean-fid-pil-bicubic-aa{other}"

    def __call__(self, images: np.ndarray) -> Tensor:
        return blockwise(images, self.dim, self.block)

    def block(self, images: np.ndarray) -> Tensor:
        found: Tensor = self.layers((bicubic(pixels(images), SIDE) - 128) / 128)
        return found.flatten(1)


def until_pooled(whole: nn.Module) -> Iterator[nn.Module]:
    """Its layers in the order in which they run, up to the average over the last map."""
    for name, layer in whole.named_children():
        yield layer
        if name == "AvgPool":
            return


def bicubic(x: Float[Tensor, "n 3 h w"], side: int) -> Float[Tensor, "n 3 s s"]:
    """Each channel by itself, by Pillow, in float32; clipped to [0, 255], as a bicubic kernel overshoots."""
    out = np.empty((len(x), 3, side, side), np.float32)
    for picture, place in zip(x.numpy(), out):
        for channel in range(3):
            one = Image.fromarray(np.ascontiguousarray(picture[channel])).resize((side, side), Image.Resampling.BICUBIC)
            place[channel] = np.asarray(one).clip(0, 255)
    return torch.from_numpy(out)


def inception(weights: str | Path = "") -> Extractor:
    """Torch-fidelity's protocol, by a weights file that is already here. Raises Problem with the cure."""
    return made(InceptionFeatures, weights)


def inception_clean(weights: str | Path = "") -> Extractor:
    """Clean-fid's protocol, by torch-fidelity's network and weights file. Raises Problem with the cure."""
    return made(InceptionClean, weights)


def made(kind: type[InceptionFeatures] | type[InceptionClean], weights: str | Path) -> Extractor:
    file = Path(weights) if weights else Path(torch.hub.get_dir()) / "checkpoints" / INCEPTION_FILE
    if not file.is_file():
        raise Problem(f"{file}: Inception's weights are not there. Run:{bring(file)}")
    try:
        return kind(file)
    except ImportError as error:
        raise Problem(f"torch-fidelity: not importable ({error.name}). Run: pip install torch-fidelity") from None


def bring(file: Path) -> str:
    """The command that puts the published weights there."""
    return f" curl -L --create-dirs -o {file} {URL}"
