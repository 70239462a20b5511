"""Generators and discriminators against the public implementation of the paper's authors: same weights, same pictures.

python benchmarks/cyclegan_agreement.py CLONE       # of github.com/junyanz/pytorch-CycleGAN-and-pix2pix
"""

import argparse
import functools
import importlib.util
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

import tables
from reverie.nets.patch import PatchDiscriminator
from reverie.nets.restyle import Restyle

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


def networks(clone: Path) -> ModuleType:
    """Their models/networks.py, by itself."""
    about = importlib.util.spec_from_file_location("networks", clone / "models" / "networks.py")
    assert about is not None
    assert about.loader is not None
    module = importlib.util.module_from_spec(about)
    about.loader.exec_module(module)
    return module


def copy(theirs: nn.Module, ours: nn.Module) -> int:
    """Their convolutions' weights into ours, in order; how many numbers."""
    pairs = [[m for m in net.modules() if isinstance(m, CONVOLUTIONS)] for net in (theirs, ours)]
    assert len(pairs[0]) == len(pairs[1])
    for their, our in zip(*pairs):
        our.load_state_dict(their.state_dict())
    counts = [sum(p.numel() for p in net.parameters()) for net in (theirs, ours)]
    assert counts[0] == counts[1]
    return counts[0]


def row(name: str, theirs: nn.Module, ours: nn.Module, size: int, channels: int) -> dict[str, object]:
    """In double precision, on two pictures; and the gradient of the sum of the outputs' squares by the pictures."""
    count = copy(theirs, ours)
    theirs, ours = theirs.double(), ours.double()
    found = []
    for net in (theirs, ours):
        x = torch.linspace(-1, 1, 2 * channels * size * size, dtype=torch.float64).sin()
        x = x.view(2, channels, size, size).requires_grad_()
        y = net(x).reshape(-1)
        found.append((y.detach(), *torch.autograd.grad(y.square().sum(), x)))
    (a, da), (b, db) = found
    return {
        "network": f"{name}, {channels}×{size}×{size}",
        "parameters": f"{count:,}",
        "largest output": float(a.abs().max()),
        "largest difference": float((a - b).abs().max()),
        "of gradients, relative": float((da - db).norm() / da.norm()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clone", type=Path)
    module = networks(parser.parse_args().clone)
    norm = functools.partial(nn.InstanceNorm2d, affine=False, track_running_stats=False)
    more = (
        {"use_deconvolution": True}
        if "use_deconvolution" in module.ResnetGenerator.__init__.__code__.co_varnames
        else {}
    )
    rows = []
    for blocks, size, channels in ((9, 256, 3), (6, 128, 3), (6, 64, 4)):
        torch.manual_seed(0)
        theirs = module.ResnetGenerator(channels, channels, 64, norm_layer=norm, n_blocks=blocks, **more)
        rows.append(row(f"generator of {blocks} blocks", theirs, Restyle(channels, 64, blocks), size, channels))
    for size, channels in ((256, 3), (64, 4)):
        torch.manual_seed(0)
        theirs = module.NLayerDiscriminator(channels, 64, n_layers=3, norm_layer=norm)
        ours = PatchDiscriminator((channels, size, size), 64)
        rows.append(row("patch discriminator", theirs, ours, size, channels))
    said = (
        "By `python benchmarks/cyclegan_agreement.py CLONE`: their models/networks.py, in float64, weights copied over."
    )
    print(tables.write("cyclegan_agreement", "CycleGAN beside its authors' networks", said, rows))


if __name__ == "__main__":
    main()
