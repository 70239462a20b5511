"""Both networks of the DCGAN, their losses and their updates against PyTorch's own example: same weights, same chance.

    git clone https://github.com/pytorch/examples
    python benchmarks/dcgan_agreement.py examples

Of its dcgan/main.py the two networks and their start are run as they are; its loop is written down in `learnt` line by
line, as importing it would train. In float64, so that what differs is the order of summation.
"""

import argparse
import ast
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

import tables
from reverie.core import At, Batch, Field, Spec
from reverie.models.adversarial.dcgan import DCGAN, Config
from reverie.nets.conv import Discriminator, Generator
from reverie.nets.norm import BatchNorm

SIDE, LATENTS, ITEMS, UPDATES, CLOSE = 64, 100, 16, 3, 1e-9
TAKEN = ("Generator", "Discriminator", "weights_init")


def example(clone: Path, channels: int, width: int) -> Any:
    """Its two networks for so many channels, with weights from its own start, in float64."""
    tree = ast.parse((clone / "dcgan" / "main.py").read_text())
    tree.body = [part for part in tree.body if getattr(part, "name", "") in TAKEN]
    names: dict[str, Any] = {"torch": torch, "nn": nn, "nc": channels, "ngf": width, "ndf": width, "nz": LATENTS}
    exec(compile(tree, "main.py", "exec"), names)
    made = [names[name](1) for name in TAKEN[:2]]
    for network in made:
        network.apply(names["weights_init"])
    return SimpleNamespace(g=made[0].double(), d=made[1].double())


def ours(theirs: Any, channels: int, width: int) -> DCGAN:
    """With its weights."""
    spec = Spec("image", {"image": Field((channels, SIDE, SIDE), levels=256)})
    model = DCGAN(Config(latents=LATENTS, prior="normal", width=width, kernel=4), spec).double()
    with torch.no_grad():
        for own, their in ((model.generator, theirs.g), (model.discriminator, theirs.d)):
            sources, targets = list(their.parameters()), list(own.parameters())
            assert [p.shape for p in sources] == [p.shape for p in targets]
            for target, source in zip(targets, sources):
                target.copy_(source)
    return model


def with_statistics(own: nn.Module, their: nn.Module) -> None:
    """Its running statistics as our population's."""
    layers = [m for m in own.modules() if isinstance(m, BatchNorm)]
    for mine, other in zip(layers, [m for m in their.modules() if isinstance(m, nn.BatchNorm2d)], strict=True):
        mine.mean.copy_(other.running_mean)
        mine.var.copy_(other.running_var)


def outputs(theirs: Any, model: DCGAN, x: Tensor, z: Tensor) -> Iterator[tuple[str, Tensor, Tensor]]:
    pairs = ((model.generator, theirs.g), (model.discriminator, theirs.d))
    for mode in ("the batch's", "running"):
        for own, their in pairs:
            own.train(mode != "running")
            their.train(mode != "running")
            if mode == "running":
                with_statistics(own, their)
        with torch.no_grad():
            yield f"made, {mode} statistics", model.generator(z), theirs.g(z[:, :, None, None])
            yield f"said, {mode} statistics", model.discriminator(x).sigmoid(), theirs.d(x)
    for own, their in pairs:
        own.train()
        their.train()


def gradients(theirs: Any, model: DCGAN, x: Tensor) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Of both losses, by the weights of the network whose turn it is, as one vector."""
    criterion, at, batch = nn.BCELoss(), At(0, 0, 1), Batch({"image": x})
    for turn in ("discriminator", "generator"):
        torch.manual_seed(1)
        own = getattr(model, turn)
        loss = getattr(model, f"{turn}_loss")(batch, at)
        mine = torch.autograd.grad(loss.total / loss.count, list(own.parameters()))
        torch.manual_seed(1)
        fake = theirs.g(torch.randn(len(x), LATENTS, dtype=x.dtype)[:, :, None, None])
        ones, zeros = x.new_ones(len(x)), x.new_zeros(len(x))
        if turn == "discriminator":
            other = criterion(theirs.d(x), ones) + criterion(theirs.d(fake.detach()), zeros)
        else:
            other = criterion(theirs.d(fake), ones)
        network = theirs.d if turn == "discriminator" else theirs.g
        grads = torch.autograd.grad(other, list(network.parameters()))
        yield f"{turn}'s loss", (loss.total / loss.count).detach()[None], other.detach()[None]
        flat = [torch.cat([g.flatten() for g in found]) for found in (mine, grads)]
        yield f"{turn}'s gradient", flat[0], flat[1]


def learnt(theirs: Any, model: DCGAN, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Weights of both networks after some steps of its loop, whose generator learns from the very items that the
    discriminator saw, ours from the same noise."""
    criterion, at = nn.BCELoss(), At(0, 0, 1)
    adams = [torch.optim.Adam(n.parameters(), lr=2e-4, betas=(0.5, 0.999)) for n in (theirs.d, theirs.g)]
    for k, x in enumerate(pictures):
        torch.manual_seed(k)
        theirs.d.zero_grad()
        criterion(theirs.d(x), x.new_ones(len(x))).backward()
        fake = theirs.g(torch.randn(len(x), LATENTS, dtype=x.dtype)[:, :, None, None])
        criterion(theirs.d(fake.detach()), x.new_zeros(len(x))).backward()
        adams[0].step()
        theirs.g.zero_grad()
        criterion(theirs.d(fake), x.new_ones(len(x))).backward()
        adams[1].step()
    own = model.optimizers()
    for k, x in enumerate(pictures):
        for turn in ("discriminator", "generator"):
            torch.manual_seed(k)
            model.zero_grad()
            loss = getattr(model, f"{turn}_loss")(Batch({"image": x}), at)
            (loss.total / loss.count).backward()
            own[turn].step()
    networks = ((model.generator, model.discriminator), (theirs.g, theirs.d))
    one, other = (torch.cat([p.detach().flatten() for net in pair for p in net.parameters()]) for pair in networks)
    return one, other


def rows(clone: Path, channels: int, width: int) -> Iterator[dict[str, object]]:
    torch.manual_seed(0)
    theirs = example(clone, channels, width)
    model, x = ours(theirs, channels, width), torch.rand(ITEMS, channels, SIDE, SIDE) * 2 - 1
    x, z = x.double(), torch.randn(ITEMS, LATENTS).double()
    start = torch.cat([p.detach().flatten() for net in (theirs.g, theirs.d) for p in net.parameters()])
    found = [*outputs(theirs, model, x, z), *gradients(theirs, model, x)]
    one, other = learnt(theirs, model, torch.rand(UPDATES, ITEMS, channels, SIDE, SIDE).double() * 2 - 1)
    found.append((f"how far weights went in {UPDATES} steps of both", one - start, other - start))
    for what, mine, their in found:
        apart = float((mine - their).norm() / their.norm())
        if apart > CLOSE:
            raise SystemExit(f"{what}: {apart}: not the same mathematics")
        yield {
            "channels, width": f"{channels}, {width}",
            "what": what,
            "largest value": f"{float(their.abs().max()):.6f}",
            "difference, relative": f"{apart:.1e}",
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clone", type=Path)
    clone = parser.parse_args().clone
    found = [row for form in ((3, 64), (1, 16)) for row in rows(clone, *form)]
    counts = [sum(p.numel() for p in kind((3, SIDE, SIDE), 64).parameters()) for kind in (Discriminator,)]
    counts.append(sum(p.numel() for p in Generator(LATENTS, (3, SIDE, SIDE), 64).parameters()))
    said = (
        "By `python benchmarks/dcgan_agreement.py examples`: the networks of its dcgan/main.py, 64×64, in float64, its "
        f"weights copied over ({counts[1]:,} and {counts[0]:,} at width 64)."
    )
    print(tables.write("dcgan_agreement", "DCGAN beside PyTorch's own example", said, found))


if __name__ == "__main__":
    main()
