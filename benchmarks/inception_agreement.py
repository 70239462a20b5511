"""Our two Inception protocols against the programs that they are named after, each run as its user runs it.

    pip install torch==2.14.1 torchvision==0.29.1 torch-fidelity==0.4.0 clean-fid==0.1.35   (5.5 GB: a side environment)
    python benchmarks/inception_agreement.py [--weights FILE] [--pictures 64]

Without `--weights` the network has random ones, in a file of torch-fidelity's form and, as TorchScript, of clean-fid's:
they show that the pictures are read, resized and run alike, not what the published weights would say.
"""

import argparse
import io
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from cleanfid import fid as clean_fid
from cleanfid.inception_torchscript import InceptionV3W
from PIL import Image
from torch import Tensor, nn
from torch_fidelity import calculate_metrics
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

import tables
from reverie.metrics import features
from reverie.metrics.distances import Statistics, frechet, mmd

SIZES = ((28, 28), (61, 97), (299, 299), (400, 320))  # enlarged, stretched, left alone, shrunk
FEW = 6  # pictures of each size


def pictures(count: int, size: tuple[int, int], contrast: float = 1.0) -> np.ndarray:
    """Blots of colour with fine noise over them: (N, H, W, 3) uint8."""
    blots = F.interpolate(torch.randn(count, 3, 5, 5), size=size, mode="bicubic") * 60 * contrast
    x = 128 + blots + 30 * torch.randn(count, 3, *size)
    return x.clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()


class Blank(FeatureExtractorInceptionV3):
    """Their network before any weights are loaded."""

    def load_state_dict(self, *_: Any, **__: Any) -> None:
        pass


def random_weights(path: Path) -> None:
    """He's initialisation, batch norm's averages of pictures like those that are judged."""
    empty = io.BytesIO()
    torch.save({}, empty)
    empty.seek(0)
    network = Blank("inception-v3-compat", ["2048"], empty)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # a plain average
    network.train()
    with torch.no_grad():
        network(torch.from_numpy(pictures(16, (32, 32))).permute(0, 3, 1, 2))
    torch.save(network.eval().state_dict(), path)


def as_torchscript(weights: Path, folder: Path) -> InceptionV3W:
    """clean-fid's own wrapper around the same layers, in the file that it looks for."""
    whole = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], str(weights))
    names = [name for name, _ in whole.named_children()]
    layers = nn.Sequential(*list(whole.children())[: names.index("AvgPool") + 1])
    holder = nn.Module()
    holder.layers = torch.jit.trace(layers.eval(), torch.zeros(1, 3, 299, 299))
    torch.jit.save(torch.jit.script(holder), str(folder / "inception-2015-12-05.pt"))
    return InceptionV3W(str(folder), download=False, resize_inside=False)


def saved(images: np.ndarray, folder: Path) -> str:
    folder.mkdir(parents=True)
    for k, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{k:05d}.png")
    return str(folder)


class Listed(torch.utils.data.Dataset):
    """Pictures as torch-fidelity takes them."""

    def __init__(self, images: np.ndarray):
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, k: int) -> Tensor:
        return torch.from_numpy(self.images[k]).permute(2, 0, 1)


def compared(what: str, ours: float, theirs: float) -> dict[str, object]:
    row: dict[str, object] = {"what": what, "ours": f"{ours:.7g}", "theirs": f"{theirs:.7g}"}
    row["apart, of theirs"] = f"{abs(ours - theirs) / abs(theirs):.1e}"
    print(row, flush=True)
    return row


def apart(what: str, ours: Tensor, theirs: Tensor) -> dict[str, object]:
    """The largest difference of any feature beside the largest feature."""
    most = float(theirs.abs().max())
    row: dict[str, object] = {"what": what, "ours": f"{float(ours.abs().max()):.7g} at most"}
    row |= {"theirs": f"{most:.7g} at most", "apart, of theirs": f"{float((ours - theirs).abs().max()) / most:.1e}"}
    print(row, flush=True)
    return row


def of_torch_fidelity(weights: Path, real: np.ndarray, fake: np.ndarray) -> list[Mapping[str, object]]:
    ours = features.inception(weights)
    theirs = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], str(weights))
    rows: list[Mapping[str, object]] = []
    for size in SIZES:
        x = pictures(FEW, size)
        their_features = theirs(torch.from_numpy(x).permute(0, 3, 1, 2))[0]
        rows.append(apart(f"torch-fidelity: features of {size[0]} × {size[1]}", ours(x), their_features))
    one, two = ours(real), ours(fake)
    said = calculate_metrics(
        input1=Listed(real), input2=Listed(fake), fid=True, kid=True, kid_subsets=1, kid_subset_size=len(real),
        feature_extractor_weights_path=str(weights), cuda=False, cache=False, verbose=False, save_cpu_ram=True,
    )  # fmt: skip
    value = frechet(Statistics.of(one), Statistics.of(two))
    rows.append(compared("torch-fidelity: Fréchet distance", value, said["frechet_inception_distance"]))
    everything = torch.arange(len(real))[None]
    kernel = float(mmd(one.double(), two.double(), everything, everything))
    rows.append(compared("torch-fidelity: kernel distance", kernel, said["kernel_inception_distance_mean"]))
    return rows


def of_clean_fid(weights: Path, real: np.ndarray, fake: np.ndarray, folder: Path) -> list[Mapping[str, object]]:
    ours, theirs = features.inception_clean(weights), as_torchscript(weights, folder)
    how = {"num_workers": 0, "device": torch.device("cpu"), "mode": "clean", "verbose": False}
    rows: list[Mapping[str, object]] = []
    for size in SIZES:
        x = pictures(FEW, size)
        place = saved(x, folder / f"{size[0]}x{size[1]}")
        their_features = torch.from_numpy(clean_fid.get_folder_features(place, theirs, **how))
        rows.append(apart(f"clean-fid: features of {size[0]} × {size[1]}", ours(x), their_features))
    one, two = saved(real, folder / "real"), saved(fake, folder / "fake")
    value = frechet(Statistics.of(ours(real)), Statistics.of(ours(fake)))
    said = float(clean_fid.compute_fid(one, two, custom_feat_extractor=theirs, **how))
    rows.append(compared("clean-fid: Fréchet distance", value, said))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--pictures", type=int, default=64)
    asked = parser.parse_args()
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as name, torch.no_grad():
        folder = Path(name)
        weights = asked.weights or folder / "random.pth"
        if not asked.weights:
            random_weights(weights)
        real, fake = pictures(asked.pictures, (32, 32)), pictures(asked.pictures, (32, 32), 0.6)
        rows = [*of_torch_fidelity(weights, real, fake), *of_clean_fid(weights, real, fake, folder)]
    which = "the weights given" if asked.weights else "**random weights: the published ones were not at hand**"
    said = (
        "By `python benchmarks/inception_agreement.py`, torch-fidelity 0.4.0 and clean-fid 0.1.35 each as its user runs"
        f" it, with {which}, the same file for both sides. Features: the largest difference beside the largest feature;"
        f" distances: of {asked.pictures} pictures against {asked.pictures}, fewer than the 2048 dimensions, where a"
        " matrix square root of their kind keeps about half of the digits."
    )
    print(tables.write("inception_agreement", "Inception beside torch-fidelity and clean-fid", said, rows))


if __name__ == "__main__":
    main()
