"""StyleGAN2 beside the authors' own PyTorch code: weights copied over, the same noise, the same pictures; what both
networks say, the gradients of all four losses, and how long a step of each takes.

    git clone https://github.com/NVlabs/stylegan2-ada-pytorch
    python benchmarks/stylegan2_agreement.py stylegan2-ada-pytorch

Theirs is run as it is, through the slow reference of its own operations where it finds no GPU. It computes in float32.
"""

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

import tables
from reverie.core import At, Batch, Field, Loss, Spec
from reverie.models.adversarial.stylegan2 import Config, StyleGAN2

AT, ITEMS, SIDE, LATENTS, LAYERS, MEAN = At(0, 0, 1), 16, 32, 64, 3, 0.2
ROUNDS, TIMED = 5, 3  # of timing, in turn, and steps of each


class Case(NamedTuple):
    name: str
    channels: int
    classes: int
    discriminator: str  # residual | plain


CASES = (
    Case("grey", 1, 0, "residual"),
    Case("colour, 10 classes", 3, 10, "residual"),
    Case("four channels, no short cuts", 4, 0, "plain"),
)


def ours(case: Case) -> StyleGAN2:
    spec = Spec(
        "image",
        {"image": Field((case.channels, SIDE, SIDE), levels=256)},
        {"label": Field((), categories=case.classes)} if case.classes else {},
    )
    kind: Any = case.discriminator
    widths = {"latents": LATENTS, "style": LATENTS, "mapping": LAYERS, "width": 16, "widest": 64}
    model = StyleGAN2(Config(**widths, discriminator=kind, mixing=0.0, gamma=10.0), spec)
    model.path_mean.fill_(MEAN)
    with torch.no_grad():  # away from the start, where biases and the noise's strength are zero
        for p in model.parameters():
            p.add_(0.1 * p.abs().mean().clamp(min=0.1) * torch.randn_like(p))
    return model


def theirs(case: Case) -> tuple[Any, Any]:
    from training import networks

    common = {"c_dim": case.classes, "img_resolution": SIDE, "img_channels": case.channels}
    widths = {"channel_base": 16 * SIDE, "channel_max": 64}
    mapping = {"num_layers": LAYERS}
    g = networks.Generator(z_dim=LATENTS, w_dim=LATENTS, mapping_kwargs=mapping, synthesis_kwargs=widths, **common)
    kind = "resnet" if case.discriminator == "residual" else "orig"
    d = networks.Discriminator(architecture=kind, mapping_kwargs=mapping, **widths, **common)
    return g, d


# -------------------------------------------------------------------------------------------------------------- weights


def dense(ours: Any, theirs: Any) -> Iterator[tuple[Tensor, Tensor]]:
    yield from ((ours.weight, theirs.weight), (ours.bias, theirs.bias))


def mapped(ours: Any, theirs: Any) -> Iterator[tuple[Tensor, Tensor]]:
    if ours.embed is not None:
        yield from dense(ours.embed, theirs.embed)
    for k, layer in enumerate(ours.layers):
        yield from dense(layer, getattr(theirs, f"fc{k}"))


def synthesised(ours: Any, theirs: Any) -> Iterator[tuple[Tensor, Tensor]]:
    layers, pictures = iter(ours.styled), iter(ours.pictures)
    yield ours.constant, theirs.b4.const
    for side in theirs.block_resolutions:
        block = getattr(theirs, f"b{side}")
        for conv in [block.conv0, block.conv1] if side > 4 else [block.conv1]:
            layer = next(layers)
            yield from dense(layer.style, conv.affine)
            yield from ((layer.weight, conv.weight), (layer.strength, conv.noise_strength))
            yield from ((layer.shift, conv.bias), (layer.noise, conv.noise_const))
        picture = next(pictures)
        yield from dense(picture.style, block.torgb.affine)
        yield from ((picture.weight, block.torgb.weight), (picture.shift, block.torgb.bias))


def judged(ours: Any, theirs: Any) -> Iterator[tuple[Tensor, Tensor]]:
    for k, (side, block) in enumerate(zip(theirs.block_resolutions, ours.blocks)):
        other = getattr(theirs, f"b{side}")
        yield from dense(ours.picture, other.fromrgb) if not k else ()
        yield from (*dense(block.first, other.conv0), *dense(block.second, other.conv1))
        if block.shortcut is not None:
            yield block.shortcut.weight, other.skip.weight
    yield from (*dense(ours.last, theirs.b4.conv), *dense(ours.dense, theirs.b4.fc), *dense(ours.out, theirs.b4.out))
    if ours.mapping is not None:
        yield from mapped(ours.mapping, theirs.mapping)


def pairs(model: StyleGAN2, g: Any, d: Any) -> dict[str, list[tuple[Tensor, Tensor]]]:
    """Our parameters and theirs, of each network; both have no others."""
    made = [*mapped(model.mapping, g.mapping), *synthesised(model.synthesis, g.synthesis)]
    found = {"generator": made, "discriminator": list(judged(model.discriminator, d))}
    for network, count in ((g, sum(a.numel() for a, _ in made if isinstance(a, nn.Parameter))), (d, None)):
        own = sum(p.numel() for p in network.parameters())
        assert own == (count if count is not None else sum(a.numel() for a, _ in found["discriminator"]))
    with torch.no_grad():
        for a, b in (pair for part in found.values() for pair in part):
            b.copy_(a.view_as(b))
    return found


# ----------------------------------------------------------------------------------------------------------- comparison


def row(case: Case, what: str, a: Tensor, b: Tensor) -> dict[str, object]:
    relative = float((a - b).norm() / b.norm())
    # rounding is some 1e-6; presumably a leaky ReLU within it of 0 took the other slope where it is some 1e-4
    assert relative < 1e-3, f"{case.name}, {what}: {relative}"
    return {
        "networks": case.name,
        "what": what,
        "norm": f"{float(b.norm()):.6g}",
        "relative difference": f"{relative:.1e}",
    }


def outputs(case: Case, model: StyleGAN2, g: Any, d: Any, batch: Batch) -> list[dict[str, object]]:
    """With the noise of sampling, styles as they are and truncated."""
    z, label = torch.randn(ITEMS, LATENTS), batch["label"] if case.classes else None
    c = one_hot(case, batch["label"])
    with torch.no_grad():
        w = model.mapping(z, label)
        mine, other = (
            model.synthesis(w[:, None].expand(-1, model.synthesis.layers, -1), fixed=True),
            g(z, c, noise_mode="const"),
        )
        said = model.discriminator(batch["image"], label), d(batch["image"], c)[:, 0]
        return [
            row(case, "style w", w, g.mapping(z, c, skip_w_avg_update=True)[:, 0]),
            row(case, "picture", mine, other),
            row(case, "discriminator's logits", *said),
        ]


def one_hot(case: Case, label: Tensor) -> Tensor:
    return nn.functional.one_hot(label, case.classes).float() if case.classes else torch.zeros(len(label), 0)


def gradients(case: Case, model: StyleGAN2, g: Any, d: Any, batch: Batch) -> list[dict[str, object]]:
    """Of each phase of theirs, and our update of the same name. Their mean path length takes in the batch at once, by
    pl_decay, where ours follows after the update: pl_decay is 0 here."""
    loss, found = their_loss(g, d), pairs(model, g, d)
    loss.pl_mean.fill_(MEAN)
    c, rows = one_hot(case, batch["label"]), []
    model.to(memory_format=torch.contiguous_format)  # as theirs lies, so that the same draws fill the same places
    turns: list[tuple[str, str, Callable[[Batch, At], Loss]]] = [
        ("Dmain", "discriminator", model.discriminator_loss),
        ("Dreg", "discriminator", model.gradient_loss),
        ("Gmain", "generator", model.generator_loss),
        ("Greg", "generator", model.path_loss),
    ]
    for k, (phase, name, own) in enumerate(turns):
        every = {"Dreg": model.cfg.gamma_every, "Greg": model.cfg.path_every}.get(phase, 1)
        for network in (model, g, d):
            network.zero_grad(set_to_none=True)
        torch.manual_seed(k)
        found_loss = own(batch, AT)
        (found_loss.total / found_loss.count).backward()  # type: ignore[no-untyped-call]
        torch.manual_seed(k)
        count = ITEMS // 2 if phase == "Greg" else ITEMS
        z = torch.zeros(ITEMS, LATENTS)
        z[:count] = torch.randn(2, count, LATENTS)[0]  # what ours drew; the second noise is for mixing
        for network in (g, d):
            network.requires_grad_(network is {"discriminator": d, "generator": g}[name])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loss.accumulate_gradients(phase, batch["image"], c, z, c, True, every)
        learnt = [pair for pair in found[name] if isinstance(pair[0], nn.Parameter)]
        mine, other = (torch.cat([gradient(p) for p in side]) for side in zip(*learnt))
        rows.append(row(case, f"gradient of {own.__name__}", mine, other))
    model.to(memory_format=torch.channels_last)
    return rows


def gradient(p: Tensor) -> Tensor:
    """Flat; what a loss does not hang on has none, or zeros."""
    return torch.zeros_like(p).flatten() if p.grad is None else p.grad.reshape(-1)


def their_loss(g: Any, d: Any) -> Any:
    from training.loss import StyleGAN2Loss

    return StyleGAN2Loss(
        torch.device("cpu"), g.mapping, g.synthesis, d, style_mixing_prob=0, r1_gamma=10, pl_decay=0, pl_weight=2
    )


# --------------------------------------------------------------------------------------------------------------- speed


def speed(case: Case, model: StyleGAN2, g: Any, d: Any, batch: Batch) -> list[dict[str, object]]:
    """Processor time of each turn without the optimiser's step, ours and theirs in turn; the parts of a step add up by
    their intervals."""
    loss, c, z = their_loss(g, d), one_hot(case, batch["label"]), torch.randn(ITEMS, LATENTS)
    own = model.optimizers()
    held = {name: [p for group in o.param_groups for p in group["params"]] for name, o in own.items()}

    def ours_once(update: Any) -> None:
        model.requires_grad_(False)
        for p in held[update.optimizer]:
            p.requires_grad_(True)
        found = update.loss(batch, AT)
        (found.total / found.count).backward()
        own[update.optimizer].zero_grad(set_to_none=True)

    def theirs_once(phase: str, name: str) -> None:
        for network in (g, d):
            network.requires_grad_(network is {"discriminator": d, "generator": g}[name])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loss.accumulate_gradients(phase, batch["image"], c, z, c, True, 1)
        {"discriminator": d, "generator": g}[name].zero_grad(set_to_none=True)

    rows, sums = [], [0.0, 0.0]
    for phase, update in zip(("Dmain", "Dreg", "Gmain", "Greg"), model.updates()):
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(ROUNDS):
            times[0].append(taken(ours_once, update))
            times[1].append(taken(theirs_once, phase, update.optimizer))
        mine, yours = median(times[0]), median(times[1])
        every = int(update.every)  # type: ignore[arg-type]
        sums = [sums[0] + mine / every, sums[1] + yours / every]
        rows.append(timed(case, update.loss.__name__, mine, yours))
    return [*rows, timed(case, "a step, lazy parts by their intervals", *sums)]


def taken(once: Callable[..., None], *args: Any) -> float:
    begun = time.process_time()
    for _ in range(TIMED):
        once(*args)
    return (time.process_time() - begun) / TIMED


def timed(case: Case, what: str, mine: float, yours: float) -> dict[str, object]:
    said = {"networks": case.name, "what": what, "reverie, ms": f"{1e3 * mine:.0f}", "theirs, ms": f"{1e3 * yours:.0f}"}
    return {**said, "theirs / ours": f"{yours / mine:.2f}"}


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(f"{sys.argv[0]}: pass the folder of a clone of NVlabs/stylegan2-ada-pytorch")
    sys.path.insert(0, sys.argv[1])
    rows, times = [], []
    for case in CASES:
        torch.manual_seed(0)
        model, (g, d) = ours(case), theirs(case)
        pairs(model, g, d)
        batch = Batch(
            {"image": torch.rand(ITEMS, case.channels, SIDE, SIDE) * 2 - 1, "label": torch.arange(ITEMS) % 10}
        )
        rows += [*outputs(case, model, g, d, batch), *gradients(case, model, g, d, batch)]
        times += speed(case, model, g, d, batch) if case is CASES[1] else []
    said = (
        "By `python benchmarks/stylegan2_agreement.py stylegan2-ada-pytorch`: ours and NVlabs/stylegan2-ada-pytorch on "
        f"the processor, {SIDE}×{SIDE}, weights copied over, batches of {ITEMS}, float32, the same draws; their mean "
        "path length held still, as it takes in a batch before the update and ours after it."
    )
    print(tables.write("stylegan2_agreement", "StyleGAN2 beside its authors' code", said, rows))
    said = (
        "By the same command: processor time of a turn without the optimiser's step, median of "
        f"{ROUNDS} rounds in turn, one thread each."
    )
    print(tables.write("stylegan2_speed", "A step of StyleGAN2 beside its authors' code on a processor", said, times))


if __name__ == "__main__":
    main()
