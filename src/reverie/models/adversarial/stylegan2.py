"""StyleGAN2. Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN", arXiv:1912.04958, which
keeps the mapping network, styles, noise and truncation of Karras, Laine & Aila 2019, arXiv:1812.04948.

`paper` is its configuration F for faces of 1024×1024; `cifar` the settings of Karras et al. 2020, arXiv:2006.06676, for
CIFAR-10; `small`, the default, the same networks narrowed for minutes on two cores. Of those papers' mathematics
nothing is left out; half precision, which is how, not what, is `--precision`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import softplus
from torch.optim import Adam, Optimizer

from reverie import core
from reverie.core import At, Batch, Field, Loss, Named, Spec, Training, Update
from reverie.errors import Problem
from reverie.maths.penalties import path_lengths, zero_centred_penalty
from reverie.nets import style
from reverie.nets.augment import Augment
from reverie.nets.checks import at_least, from_zero, picture, positive, share
from reverie.nets.conditional import classes
from reverie.nets.equalised import bounded
from reverie.nets.style_discriminator import StyleDiscriminator

LEAST = 8  # shortest side: a base of 4 and one doubling
CENTRE = 4096  # draws that the mean style is taken over; of classes, at least 64 each
FURTHEST = 1.5  # largest truncation: beyond it no style was trained


@dataclass(frozen=True)
class Config:
    latents: int = 512  # length of the noise vector z, normal
    style: int = 512  # length of w, which one layer's style is made of
    mapping: int = 8  # layers between z and w, and in the discriminator between a class and its projection
    width: int = 32  # channels of both networks next to the picture, doubled with each halving
    widest: int = 512  # channels at most
    discriminator: Literal["residual", "plain"] = "residual"  # with short cuts around its blocks, or without
    beside: int = 4  # items that the discriminator sees beside each other
    labels: Literal["auto", "projection", "none"] = "auto"  # auto: told the classes where the data has some
    mixing: float = 0.9  # share of the items made of two styles, crossed over at a random layer
    gamma: float = 10.0  # twice the weight of R1, the square of the discriminator's gradient at real items; 0: none
    gamma_every: int = 16  # steps between two updates by R1
    path: float = 2.0  # weight of the path lengths' deviation from their mean; 0: none
    path_every: int = 8  # steps between two updates by it
    path_share: float = 0.5  # of a batch that it is taken on
    path_decay: float = 0.01  # how far one update moves the mean path length
    learning_rate: float = 2e-3  # of Adam, of both networks
    beta1: float = 0.0  # of Adam: its momentum
    beta2: float = 0.99  # of Adam: memory of squared gradients
    augment: Literal["none", "diff", "ada"] = "none"  # of what the discriminator sees, for few items
    augment_target: float = 0.6  # of ada: mean sign of the logits of real items that its strength aims at
    augment_ramp: float = 500_000  # of ada: items after which its strength may have gone from 0 to 1

    @classmethod
    def paper(cls) -> Named:
        """Configuration F on FFHQ: 25 million items. The authors' averaged weights start at once; ours linger less."""
        spec = Spec("image", {"image": Field((3, 1024, 1024), levels=256)})
        return Named(cls(), Training(batch=32, steps=781_250, ema_items=10_000, size=(1024, 1024), spec=spec))

    @classmethod
    def cifar(cls) -> Named:
        """Karras et al. 2020, arXiv:2006.06676, appendix D: 512 channels throughout, two mapping layers, no short cuts,
        no path lengths, no mixing. Their classes' own mapping has eight layers."""
        spec = Spec("image", {"image": Field((3, 32, 32), levels=256)})
        config = cls(
            width=512,
            mapping=2,
            discriminator="plain",
            beside=32,
            mixing=0.0,
            gamma=0.01,
            path=0.0,
            learning_rate=2.5e-3,
        )
        return Named(config, Training(batch=64, steps=1_562_500, ema_items=500_000, size=(32, 32), spec=spec))

    @classmethod
    def small(cls) -> Named:
        """For minutes on two cores at 28 to 64 pixels: without path lengths and mixing, like `cifar`. After 5,000 steps
        of 16 pictures of Fashion-MNIST (10,000 to train on) the Fréchet distance was 679 and recall 0.13; half as wide
        1323 and 0.01, and with path lengths and mixing 1585 and 0.04: one item a class. That was with 4 items beside
        each other and a weight of 0.05; after 900 steps the distance of cheap features was 893 so, and is 691; 662
        by the judge after 328 s of two cores."""
        spec = Spec("image", {"image": Field((3, 32, 32), levels=256)})
        config = cls(
            latents=64, style=64, mapping=2, width=32, widest=128, beside=16, mixing=0.0, gamma=0.5, path=0.0,
            learning_rate=5e-3,
        )  # fmt: skip
        return Named(config, Training(batch=16, steps=6_000, ema_items=10_000, spec=spec))

    @classmethod
    def tiny(cls) -> Named:
        """For tests: seconds."""
        config = cls(latents=8, style=8, mapping=2, width=4, widest=8, gamma=1.0, gamma_every=4, path_every=2)
        return Named(config, Training(batch=16, steps=20))


@dataclass(frozen=True)
class Sampling:
    truncation: float = 1.0  # how far from the mean style an item's style lies (psi): 0 makes the mean, 1 as trained
    cutoff: int = 0  # layers, coarse to fine, that truncation holds for; 0: all


class StyleGAN2(core.Model):
    spaces: Mapping[str, int]  # z, and w: the styles of all layers
    conditions: tuple[str, ...]  # only of a conditional model
    path_mean: Tensor
    centre: Tensor

    def __init__(self, cfg: Config, spec: Spec):
        super().__init__()
        self.cfg, self.spec = cfg, spec
        check(cfg)
        self.name, field = picture(spec, "stylegan2", LEAST)
        self.classes = classes(spec, cfg.labels, "stylegan2")
        if self.classes:
            self.conditions = ("label",)
        self.mapping = style.Mapping(cfg.latents, cfg.style, cfg.mapping, self.classes)
        self.synthesis = style.Synthesis(field.shape, cfg.style, cfg.width, cfg.widest)
        residual = cfg.discriminator == "residual"
        self.discriminator = StyleDiscriminator(
            field.shape, cfg.width, cfg.widest, residual, cfg.beside, self.classes, cfg.mapping
        )
        self.augment = Augment(cfg.augment, cfg.augment_target, cfg.augment_ramp)
        self.spaces = {"z": 1, "w": self.synthesis.layers}
        self.register_buffer("path_mean", torch.zeros(()))  # a: the running mean of path lengths
        self.register_buffer("centre", torch.zeros(max(1, self.classes), cfg.style))  # the mean style, of each class
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    # ------------------------------------------------------------------------------------------------------------ turns

    def optimizers(self) -> dict[str, Optimizer]:
        cfg = self.cfg
        generator = [*self.mapping.parameters(), *self.synthesis.parameters()]
        return {
            "discriminator": self.adam(list(self.discriminator.parameters()), cfg.gamma_every if cfg.gamma else 0),
            "generator": self.adam(generator, cfg.path_every if cfg.path else 0),
        }

    def adam(self, parameters: list[torch.nn.Parameter], every: int) -> Optimizer:
        """With one more turn each `every` steps, that many steps take every + 1 turns: rate and memories are corrected
        for it (2020, appendix B)."""
        c = every / (every + 1) if every else 1.0
        betas = (self.cfg.beta1**c, self.cfg.beta2**c)
        return Adam(parameters, lr=self.cfg.learning_rate * c, betas=betas, fused=True)

    def updates(self) -> Sequence[Update]:
        cfg = self.cfg
        turns = [Update("discriminator", self.discriminator_loss)]
        if cfg.gamma:
            turns.append(Update("discriminator", self.gradient_loss, every=cfg.gamma_every))
        turns.append(Update("generator", self.generator_loss))
        if cfg.path:
            turns.append(Update("generator", self.path_loss, every=cfg.path_every))
        return turns

    def discriminator_loss(self, batch: Batch, at: At) -> Loss:
        """-log D(x) - log(1 - D(x̃)) with D = sigmoid of the logit. Real and fake pass apart, each beside its own."""
        real, label = batch[self.name], self.label(batch)
        with torch.no_grad():
            fake, _ = self.made(real, label)
        on_real, on_fake = self.judged(real, label), self.judged(fake, label)
        total = softplus(-on_real).sum() + softplus(on_fake).sum()
        # beside the loss, how probable it holds real items and made ones to be real: 1 and 0 where it has won
        logs = {"discriminator": total, "real": on_real.sigmoid().sum(), "fake": on_fake.sigmoid().sum()}
        return Loss(total, len(real), logs | self.augment.logs(on_real), self.augment.stats(on_real))

    def gradient_loss(self, batch: Batch, at: At) -> Loss:
        """γ/2 ‖∇D(x)‖² at real items, times the interval (2020, section 3.1). With augmentation, of the discriminator
        behind it, as StyleGAN2-ADA's code has it."""
        real, label = batch[self.name], self.label(batch)
        penalty, _ = zero_centred_penalty(lambda x: self.judged(x, label), real)
        total = penalty.sum()
        return Loss(self.cfg.gamma_every * self.cfg.gamma / 2 * total, len(real), {"gradient_penalty": total})

    def generator_loss(self, batch: Batch, at: At) -> Loss:
        """-log D(x̃): the non-saturating loss (Goodfellow et al. 2014, arXiv:1406.2661, section 3)."""
        real, label = batch[self.name], self.label(batch)
        fake, _ = self.made(real, label)
        total = softplus(-self.judged(fake, label)).sum()
        return Loss(total, len(real), {"generator": total})

    def path_loss(self, batch: Batch, at: At) -> Loss:
        """(‖Jᵀy‖ - a)², times its weight and the interval (2020, section 3.2). `a` is the mean before this update."""
        count = max(1, int(len(batch) * self.cfg.path_share))
        real, label = batch[self.name][:count], self.label(batch)
        with torch.enable_grad():  # also where a held-out loss is taken without gradients
            fake, styles = self.made(real, None if label is None else label[:count])
            lengths = path_lengths(fake, styles, torch.randn_like(fake))
        penalty, total = (lengths - self.path_mean).square().sum(), lengths.sum()
        logs = {"path_penalty": penalty, "path_length": total}
        return Loss(self.cfg.path_every * self.cfg.path * penalty, count, logs, {"path_length": total})

    @torch.no_grad()
    def absorb(self, stats: Mapping[str, Tensor], count: float) -> None:
        """The running mean of path lengths, and the strength of augmentation."""
        self.augment.absorb(stats, count)
        if "path_length" in stats:
            self.path_mean.lerp_((stats["path_length"] / count).to(self.path_mean.dtype), self.cfg.path_decay)

    # ------------------------------------------------------------------------------------------------------------ parts

    def label(self, batch: Batch) -> Tensor | None:
        return batch["label"] if self.classes else None

    def judged(self, x: Tensor, label: Tensor | None) -> Tensor:
        """Logits (B,) of pictures, augmented."""
        said: Tensor = self.discriminator(self.augment(x), label)
        return said

    def made(self, like: Tensor, label: Tensor | None) -> tuple[Tensor, Tensor]:
        """As many new items, and their styles (B, layers, style). Chance from torch's global generator."""
        z = torch.randn(2, len(like), self.cfg.latents, dtype=like.dtype, device=like.device)
        styles = self.mixed(self.mapping(z[0], label), z[1], label)
        return self.synthesis(styles), styles

    def mixed(self, w: Tensor, z: Tensor, label: Tensor | None) -> Tensor:
        """Styles of all layers, (B, layers, style): of an item that is mixed, from a random layer on, those of z in
        place of w (2019, section 3.1)."""
        layers = self.synthesis.layers
        if not self.cfg.mixing:
            return w[:, None].expand(-1, layers, -1)
        crossing = torch.randint(1, layers, (len(w), 1), device=w.device)
        mixes = torch.rand(len(w), 1, device=w.device) < self.cfg.mixing
        first = (torch.arange(layers, device=w.device) < crossing) | ~mixes  # (B, layers): where w stays
        return torch.where(first[..., None], w[:, None], self.mapping(z, label)[:, None])

    # -------------------------------------------------------------------------------------------------------- abilities

    def finish(self, stream: Callable[[int], Batch]) -> None:
        """The mean style, of each class, of the averaged weights (2019, appendix B)."""
        each = max(64, CENTRE // len(self.centre))
        for number in range(len(self.centre)):
            z = torch.randn(each, self.cfg.latents, dtype=self.centre.dtype, device=self.centre.device)
            label = torch.full((each,), number, device=z.device) if self.classes else None
            self.centre[number] = self.mapping(z, label).mean(0)

    def noise(self, generator: torch.Generator, how: Sampling | None) -> Tensor:
        if how:
            within(how)
        return torch.randn(self.cfg.latents, generator=generator, device=generator.device)

    def placed(self, noise: Tensor, condition: Mapping[str, Tensor], how: Sampling | None, space: str) -> Tensor:
        """In z the noise itself, which truncation does not touch; in w the styles of all layers, truncated."""
        if space == "z":
            return noise
        layers, label = self.synthesis.layers, condition["label"] if self.classes else None
        w: Tensor = self.mapping(noise, label)[:, None].expand(-1, layers, -1)
        if how and how.truncation != 1:
            centre = (self.centre if label is None else self.centre[label])[:, None]
            reached = torch.arange(layers, device=w.device) < (how.cutoff or layers)
            w = torch.where(reached[:, None], centre + how.truncation * (w - centre), w)
        return w.flatten(1)

    def generated(self, codes: Tensor, condition: Mapping[str, Tensor], space: str) -> dict[str, Tensor]:
        """With the noise of sampling."""
        if space == "z":
            codes = self.placed(codes, condition, None, "w")
        x = self.synthesis(codes.view(-1, self.synthesis.layers, self.cfg.style), fixed=True)
        return {self.name: bounded(x)}

    def sample(self, noise: Tensor, condition: Mapping[str, Tensor], how: Sampling | None) -> dict[str, Tensor]:
        return self.generated(self.placed(noise, condition, how, "w"), condition, "w")


def check(cfg: Config) -> None:
    """Raises ValueError, with the cure, for what can't be."""
    at_least(cfg, latents=1, style=1, mapping=1, width=1, widest=1, beside=1, gamma=0, path=0)
    at_least(cfg, gamma_every=1, path_every=1, mixing=0)
    positive(cfg, "learning_rate", "path_share", "path_decay")
    share(cfg, "beta1", "beta2")
    for name in ("mixing", "path_share", "path_decay"):
        if getattr(cfg, name) > 1:
            raise ValueError(f"{name} {getattr(cfg, name)}: above 1. Pass a share, such as 0.5")


def within(how: Sampling) -> None:
    """Raises Problem for a truncation that can't be, or that changes nothing where layers are named for it."""
    from_zero(how, "truncation", "cutoff")
    if how.cutoff and how.truncation == 1:
        told = f"--cutoff {how.cutoff} at --truncation 1"
        raise Problem(f"{told}: nothing is truncated, in no layer. Pass a --truncation below 1, such as 0.7")
    if how.truncation > FURTHEST:
        raise Problem(f"--truncation {how.truncation}: above {FURTHEST}, too far from any style. Pass 0 to {FURTHEST}")
