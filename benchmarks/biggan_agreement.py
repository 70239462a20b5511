"""Both networks, their updates and a step's time against the authors' own PyTorch code, with its weights copied over.

    git clone https://github.com/ajbrock/BigGAN-PyTorch
    python benchmarks/biggan_agreement.py BigGAN-PyTorch [--seconds 60]

Three forms: BigGAN at 128×128, its script for CIFAR-10, and SAGAN, which the same code makes with attention at 32×32
and a gain and a bias for each class. In float64, so that what differs is the order of summation.
"""

import argparse
import contextlib
import io
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam

import tables
from reverie.core import At, Batch, Field, Model, Spec
from reverie.maths.hinge import discriminator_hinge, generator_hinge
from reverie.models.adversarial import biggan, sagan
from reverie.nets.spectral import power_iterations

AT, CLASSES, UPDATES, CLOSE = At(0, 0, 1), 10, 3, 1e-8
Pair = tuple[Any, Any]


def spec(side: int) -> Spec:
    image, label = Field((3, side, side), levels=256), Field((), categories=CLASSES)
    return Spec("image", {"image": image}, {"label": label})


def forms(width: int) -> dict[str, tuple[int, Model, dict[str, Any]]]:
    """By name: side, our model, what theirs is built with."""
    big = biggan.Config(width=width)
    cifar = replace(biggan.Config.cifar().config, width=width)
    attending = sagan.Config(width=width)
    same = {"G_ch": width, "D_ch": width, "n_classes": CLASSES}
    return {
        "biggan, 128×128": (
            128,
            biggan.BigGAN(big, spec(128)),
            {**same, "resolution": 128, "G_attn": "64", "D_attn": "64", "hier": True, "dim_z": 120, "shared_dim": 128},
        ),
        "biggan, cifar": (
            32,
            biggan.BigGAN(cifar, spec(32)),
            {
                **same,
                "resolution": 32,
                "G_attn": "0",
                "D_attn": "0",
                "G_shared": False,
                "G_init": "N02",
                "D_init": "N02",
            },
        ),
        "sagan, 128×128": (
            128,
            sagan.SAGAN(attending, spec(128)),
            {**same, "resolution": 128, "G_attn": "32", "D_attn": "32", "G_shared": False, "G_init": "xavier"},
        ),
    }


# ------------------------------------------------------------------------------------------------------ copying weights


def stirred(network: nn.Module) -> None:
    """What starts at 0 or 1 is set to something, so that each part matters."""
    with torch.no_grad():
        for p in network.parameters():
            if p.ndim < 2:
                p.add_(0.3 * torch.randn_like(p))
        for name, b in network.named_buffers():
            if "stored" in name:
                b.copy_(torch.rand_like(b) + 0.5 if "var" in name else 0.1 * torch.randn_like(b))


def copied(theirs: Any, ours: Any, rows: Callable[[Tensor], Tensor] = lambda x: x) -> None:
    """Weight, bias and u of one layer; `rows` brings its outputs into our order."""
    with torch.no_grad():
        ours.weight.copy_(rows(theirs.weight))
        if getattr(theirs, "bias", None) is not None:
            ours.bias.copy_(rows(theirs.bias))
        if hasattr(ours, "u"):
            ours.u.copy_(rows(theirs.u0[0]))


def copied_norm(theirs: Any, ours: Any) -> None:
    """A conditional batch norm with its running statistics."""
    ours.norm.mean.copy_(theirs.stored_mean)
    ours.norm.var.copy_(theirs.stored_var)
    copied(theirs.gain, ours.gain)
    copied(theirs.bias, ours.bias)


def copied_block(theirs: Any, ours: Any) -> None:
    if hasattr(theirs, "gamma"):
        ours.gamma.data.copy_(theirs.gamma.data)
        for a, b in ((theirs.theta, ours.query), (theirs.phi, ours.key), (theirs.g, ours.value), (theirs.o, ours.out)):
            copied(a, b)
        return
    copied(theirs.conv1, ours.conv1)
    copied(theirs.conv2, ours.conv2)
    if hasattr(theirs, "bn1"):
        copied_norm(theirs.bn1, ours.norm1)
        copied_norm(theirs.bn2, ours.norm2)
    if theirs.learnable_sc:
        copied(theirs.conv_sc, ours.shortcut)


def copied_generator(theirs: Any, ours: Any) -> None:
    height, width, _ = ours.base

    def channels_last(x: Tensor) -> Tensor:
        return x.view(-1, height, width, *x.shape[1:]).transpose(0, 1).transpose(1, 2).reshape(x.shape)

    copied(theirs.linear, ours.linear, channels_last)
    if ours.shared is not None:
        copied(theirs.shared, ours.shared)
    blocks = list(ours.blocks)
    if ours.attention is not None:
        blocks.insert(ours.at + 1, ours.attention)
    for a, b in zip([block for group in theirs.blocks for block in group], blocks, strict=True):
        copied_block(a, b)
    norm, _, picture = theirs.output_layer
    for name, value in (
        ("weight", norm.gain),
        ("bias", norm.bias),
        ("mean", norm.stored_mean),
        ("var", norm.stored_var),
    ):
        getattr(ours.norm, name).data.copy_(value.data)
    copied(picture, ours.picture)
    power_iterations(ours)  # theirs makes one within each pass


def copied_discriminator(theirs: Any, ours: Any) -> None:
    for a, b in zip([block for group in theirs.blocks for block in group], ours.blocks, strict=True):
        copied_block(a, b)
    copied(theirs.linear, ours.head.linear)
    copied(theirs.embed, ours.head.embedding)
    power_iterations(ours)


# ---------------------------------------------------------------------------------------------------------- agreement


def networks(code: Any, name: str, width: int, dtype: torch.dtype) -> tuple[int, Model, Pair, Pair]:
    """Side, our model, and their generator and discriminator and ours with the same weights."""
    torch.manual_seed(0)
    side, model, built = forms(width)[name]
    with contextlib.redirect_stdout(io.StringIO()):  # they print as they are built
        made = (code.Generator(**built), code.Discriminator(**built))
    for network in made:
        stirred(network)
        network.to(dtype)
    model.to(dtype)
    copied_generator(made[0], model.generator)  # type: ignore[arg-type]
    copied_discriminator(made[1], model.discriminator)  # type: ignore[arg-type]
    return side, model, (made[0], model.generator), (made[1], model.discriminator)


def outputs(generators: Pair, discriminators: Pair, side: int) -> Iterator[tuple[str, Tensor, Tensor]]:
    """What is made and said by running statistics, then by the batch's, on the same noise, classes and pictures."""
    theirs, ours = generators
    z, label = torch.randn(4, theirs.dim_z, dtype=torch.float64), torch.arange(4)
    x = torch.rand(4, 3, side, side, dtype=torch.float64) * 2 - 1
    with torch.no_grad():
        for mode in ("running", "the batch's"):
            for network in (*generators, *discriminators):
                network.train(mode != "running")
            if mode == "running":
                yield f"made, {mode} statistics", ours(z, label), theirs(z, theirs.shared(label))
                yield "said", discriminators[1](x, label), discriminators[0](x, label).flatten()
            else:
                yield f"made, {mode} statistics", ours(z, label), theirs(z, theirs.shared(label))
    power_iterations(ours)  # as theirs made one in that pass


def updates(generators: Pair, discriminators: Pair, side: int) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Losses over some updates of each network with Adam, the other standing still: gradients, spectral norm's course
    and batch norm all enter."""
    z = torch.randn(UPDATES, 4, generators[0].dim_z, dtype=torch.float64)
    x = torch.rand(UPDATES, 8, 3, side, side, dtype=torch.float64) * 2 - 1
    label, losses = torch.arange(4), ([], [])  # type: ignore[var-annotated]
    for network in (*generators, *discriminators):
        network.train()
    for which, discriminator in enumerate(discriminators):
        adam = Adam(discriminator.parameters(), lr=1e-3, betas=(0.0, 0.999))
        for pictures in x:
            said = discriminator(pictures, label.repeat(2)).flatten().chunk(2)
            loss = discriminator_hinge(*said) / 4
            step(adam, loss, losses[which])
            power_iterations(discriminator)
    yield f"discriminator's loss over {UPDATES} updates", torch.stack(losses[1]), torch.stack(losses[0])
    losses = ([], [])
    for which, (generator, discriminator) in enumerate(zip(generators, discriminators, strict=True)):
        discriminator.eval()  # theirs writes no u then
        adam = Adam(generator.parameters(), lr=1e-3, betas=(0.0, 0.999))
        for noise in z:
            made = generator(noise, label if which else generator.shared(label))
            loss = generator_hinge(discriminator(made, label).flatten()) / 4
            step(adam, loss, losses[which])
            power_iterations(generator)
    yield f"generator's loss over {UPDATES} updates", torch.stack(losses[1]), torch.stack(losses[0])


def step(adam: Adam, loss: Tensor, losses: list[Tensor]) -> None:
    adam.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    adam.step()
    losses.append(loss.detach())


def agreement(code: Any, name: str) -> list[dict[str, object]]:
    side, _, generators, discriminators = networks(code, name, 8, torch.float64)
    rows = []
    for what in (outputs, updates):
        for label, mine, yours in what(generators, discriminators, side):
            apart = float((mine - yours).abs().max() / yours.abs().max())
            assert apart < CLOSE, f"{name}: {label}: {apart}"
            size = f"{float(yours.abs().max()):.6f}"
            rows.append(
                {"form": name, "what": label, "largest value": size, "largest difference, relative": f"{apart:.1e}"}
            )
    counts = [sum(p.numel() for p in network.parameters()) for network in (*generators, *discriminators)]
    assert counts[0] == counts[1], counts
    assert counts[2] == counts[3], counts
    return rows


# ---------------------------------------------------------------------------------------------------------------- speed


def their_step(code: Any, pair: Pair, adams: dict[str, Adam], x: Tensor, label: Tensor) -> None:
    """One turn of each network, as their training function has it."""
    generator, discriminator = pair
    both = code.G_D(generator, discriminator)
    for p in generator.parameters():
        p.requires_grad_(False)
    for p in discriminator.parameters():
        p.requires_grad_(True)
    z = torch.randn(len(x), generator.dim_z)
    fake, real = both(z, label, x, label, train_G=False)
    step(adams["discriminator"], discriminator_hinge(real.flatten(), fake.flatten()) / len(x), [])
    for p in generator.parameters():
        p.requires_grad_(True)
    for p in discriminator.parameters():
        p.requires_grad_(False)
    fake = both(torch.randn(len(x), generator.dim_z), label, train_G=True)
    step(adams["generator"], generator_hinge(fake.flatten()) / len(x), [])


def our_step(model: Any, adams: dict[str, Any], batch: Batch) -> None:
    for update in model.updates():
        model.requires_grad_(False)
        getattr(model, update.optimizer).requires_grad_(True)
        loss = update.loss(batch, AT)
        (loss.total / loss.count).backward()
        adams[update.optimizer].step()
        adams[update.optimizer].zero_grad()
        model.absorb(loss.stats, loss.count)


def speed(code: Any, name: str, seconds: float) -> dict[str, object]:
    """Steps of one turn of each network, ours and theirs in turns."""
    side, model, generators, discriminators = networks(code, name, 16, torch.float32)
    model.cfg = replace(model.cfg, orthogonality=0.0) if "biggan" in name else model.cfg  # type: ignore[attr-defined]
    for network in (generators[0], discriminators[0], model):
        network.train()
    items = 32 if side == 32 else 4
    x, label = torch.rand(items, 3, side, side) * 2 - 1, torch.arange(items) % CLASSES
    pair = (generators[0], discriminators[0])
    theirs = {k: Adam(n.parameters(), lr=1e-4) for k, n in zip(("generator", "discriminator"), pair, strict=True)}
    ours, batch = model.optimizers(), Batch({"image": x, "label": label})
    times: tuple[list[float], list[float]] = ([], [])
    begun = time.perf_counter()
    while time.perf_counter() - begun < seconds or len(times[0]) < 4:
        for which, one in enumerate(
            (lambda: our_step(model, ours, batch), lambda: their_step(code, pair, theirs, x, label))
        ):
            at = time.perf_counter()
            one()
            times[which].append(time.perf_counter() - at)
    ratios = [b / a for a, b in zip(times[0][1:], times[1][1:], strict=True)]  # the first warms up
    return {
        "form": f"{name}, width 16, batch {items}", "rounds": len(ratios),
        "reverie, ms": 1000 * statistics.median(times[0][1:]), "theirs, ms": 1000 * statistics.median(times[1][1:]),
        "theirs / ours": statistics.median(ratios),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("clone", help="the folder of BigGAN-PyTorch")
    parser.add_argument("--seconds", type=float, default=60.0, help="for the times of each form; 0: no times")
    args = parser.parse_args()
    sys.path.insert(0, args.clone)
    import BigGAN as code

    names = list(forms(8))
    rows = [row for name in names for row in agreement(code, name)]
    how = "By `python benchmarks/biggan_agreement.py BigGAN-PyTorch`"
    said = f"{how}: its weights, the same noise, classes and pictures, in float64, width 8."
    print(tables.write("biggan_agreement", "SAGAN and BigGAN beside the authors' PyTorch code", said, rows))
    if args.seconds:
        said = f"{how}: one turn of each network, ours and theirs in turns; the median of the ratios of neighbours."
        times = [speed(code, name, args.seconds) for name in names]
        print(tables.write("biggan_speed", "A step of SAGAN and BigGAN beside the authors' PyTorch code", said, times))


if __name__ == "__main__":
    main()
