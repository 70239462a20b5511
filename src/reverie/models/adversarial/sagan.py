"""Self-attention GAN. Zhang, Goodfellow, Metaxas & Odena 2019, "Self-Attention Generative Adversarial Networks",
arXiv:1805.08318.

Conditional batch norm in the generator and projection in the discriminator (Miyato & Koyama 2018, arXiv:1802.05637)
where the data has classes; without any it learns unconditionally.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from reverie import core
from reverie.core import At, Batch, Field, Loss, Named, Spec, Training, Update
from reverie.maths.hinge import discriminator_hinge, generator_hinge
from reverie.nets.augment import Augment
from reverie.nets.checks import at_least, picture, positive, share
from reverie.nets.class_resnet import LEAST, ClassDiscriminator, ClassGenerator, Form, check
from reverie.nets.conditional import classes
from reverie.nets.noise import narrowed
from reverie.nets.norm import population_statistics
from reverie.nets.orthogonal import glorot_
from reverie.nets.spectral import FIRST, power_iterations

SPACES = {"z": 1}  # noise is all that an item is made of, beside its class
PASSES = 16  # batches that batch norm's population statistics are averaged over
NETWORKS = ("discriminator", "generator")


@dataclass(frozen=True)
class Config:
    latents: int = 128  # length of the noise vector z, normal
    width: int = 64  # channels of the layer next to the picture, doubled with each halving, up to 16 times
    attention: int = 2  # self-attention stands after so many halvings of the picture; 0: nowhere
    labels: Literal["auto", "projection", "none"] = "auto"  # classes known to both networks; auto: where there are some
    discriminator_rate: float = 4e-4  # of the discriminator's Adam: the faster of two time scales
    generator_rate: float = 1e-4  # of the generator's Adam
    discriminator_turns: int = 1  # updates of the discriminator for each of the generator
    beta1: float = 0.0  # of Adam: its momentum
    beta2: float = 0.9  # of Adam: memory of squared gradients
    augment: Literal["none", "diff", "ada"] = "none"  # of what the discriminator sees, for few items
    augment_target: float = 0.6  # of ada: mean sign of the logits of real items that its strength aims at
    augment_ramp: float = 500_000  # of ada: items after which its strength may have gone from 0 to 1

    @classmethod
    def paper(cls) -> Named:
        """Sections 3 and 4: 128×128, attention at 32×32, batches of 256, a million steps; no averaged weights. Weights
        start by Glorot's rule, as in the authors' code."""
        label = {"label": Field((), categories=1000)}
        spec = Spec("image", {"image": Field((3, 128, 128), levels=256)}, label)
        return Named(cls(), Training(batch=256, steps=1_000_000, size=(128, 128), spec=spec))

    @classmethod
    def small(cls) -> Named:
        """For minutes on two cores at 28 to 64 px, at the paper's rates. After 4,000 steps on Fashion-MNIST the Fréchet
        distance was 385 and recall 0.34. At five and ten times the rates it was ahead for 500 steps and had one item a
        class after 2,000 (1637, recall 0.00)."""
        config = cls(width=32, attention=1)
        return Named(config, Training(batch=64, steps=4_000, ema_items=10_000))

    @classmethod
    def tiny(cls) -> Named:
        """For tests: seconds."""
        return Named(cls(latents=8, width=4, attention=1), Training(batch=16, steps=20))


@dataclass(frozen=True)
class Sampling:
    truncation: float = 0.0  # numbers of z beyond it are drawn again, such as 1: better items that vary less; 0: none


class SAGAN(core.Model):
    spaces = SPACES
    conditions: tuple[str, ...]  # only of a conditional model

    def __init__(self, cfg: Config, spec: Spec):
        super().__init__()
        self.cfg, self.spec = cfg, spec
        at_least(cfg, latents=1, width=1, discriminator_turns=1)
        positive(cfg, "discriminator_rate", "generator_rate")
        share(cfg, "beta1", "beta2")
        self.name, field = picture(spec, "sagan", LEAST)
        self.classes = classes(spec, cfg.labels, "sagan")
        if self.classes:
            self.conditions = ("label",)
        form = Form(cfg.latents, cfg.width, self.classes, attention=cfg.attention)
        check(form, field.shape)
        self.generator = ClassGenerator(form, field.shape)
        self.discriminator = ClassDiscriminator(form, field.shape)
        self.augment = Augment(cfg.augment, cfg.augment_target, cfg.augment_ramp)
        glorot_(self)
        power_iterations(self, FIRST)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def optimizers(self) -> dict[str, Optimizer]:
        rates = {"discriminator": self.cfg.discriminator_rate, "generator": self.cfg.generator_rate}
        return {name: self.adam(getattr(self, name), rate) for name, rate in rates.items()}

    def adam(self, network: nn.Module, rate: float) -> Optimizer:
        return Adam(network.parameters(), lr=rate, betas=(self.cfg.beta1, self.cfg.beta2), fused=True)

    def updates(self) -> Sequence[Update]:
        turns = self.cfg.discriminator_turns
        return [
            Update("discriminator", self.discriminator_loss, repeat=turns),
            Update("generator", self.generator_loss),
        ]

    def discriminator_loss(self, batch: Batch, at: At) -> Loss:
        """The hinge loss (equation 5). Made items have the classes of the real ones, so that both have the same
        proportions of them. Real and fake pass as one batch: items do not mix in the discriminator."""
        real, label = batch[self.name], self.label(batch)
        with torch.no_grad():
            fake = self.generator(self.draw(real), label)
        both = None if label is None else torch.cat([label, label])
        on_real, on_fake = self.discriminator(self.augment(torch.cat([real, fake])), both).chunk(2)
        total = discriminator_hinge(on_real, on_fake)
        # projection's output stands for the log of p(real) / p(fake): as probabilities beside the loss
        logs = {"discriminator": total, "real": on_real.sigmoid().sum(), "fake": on_fake.sigmoid().sum()}
        stats = turn("discriminator", total) | self.augment.stats(on_real)
        return Loss(total, len(real), logs | self.augment.logs(on_real), stats)

    def generator_loss(self, batch: Batch, at: At) -> Loss:
        """-D(x̃, y) (equation 5)."""
        z, label = self.draw(batch[self.name]), self.label(batch)
        total = generator_hinge(self.discriminator(self.augment(self.generator(z, label)), label))
        return Loss(total, len(z), {"generator": total}, turn("generator", total))

    def absorb(self, stats: Mapping[str, Tensor], count: float) -> None:
        """A power iteration of the network that was updated, from its weights alone."""
        self.augment.absorb(stats, count)
        for name in NETWORKS:
            if name in stats:
                power_iterations(getattr(self, name))

    def draw(self, like: Tensor) -> Tensor:
        """Noise for as many items, from torch's global generator: (B, latents)."""
        return torch.randn(len(like), self.cfg.latents, dtype=like.dtype, device=like.device)

    def label(self, values: Batch | Mapping[str, Tensor]) -> Tensor | None:
        """The classes (B,) of a conditional model."""
        return values["label"] if self.classes else None

    # -------------------------------------------------------------------------------------------------------- abilities

    def finish(self, stream: Callable[[int], Batch]) -> None:
        """Of the averaged weights: the generator's singular vectors, and its population statistics, from noise and from
        classes drawn evenly, as samples are."""
        like = stream(0)[self.name]
        power_iterations(self.generator, FIRST)

        def look() -> None:
            label = torch.randint(self.classes, (len(like),), device=like.device) if self.classes else None
            self.generator(self.draw(like), label)

        population_statistics(self.generator, [look] * PASSES)

    def noise(self, generator: torch.Generator, how: Sampling | None) -> Tensor:
        z = torch.randn(self.cfg.latents, generator=generator, device=generator.device)
        return narrowed(z, how.truncation if how else 0.0)

    def placed(self, noise: Tensor, condition: Mapping[str, Tensor], how: Sampling | None, space: str) -> Tensor:
        return noise

    def generated(self, codes: Tensor, condition: Mapping[str, Tensor], space: str) -> dict[str, Tensor]:
        return {self.name: self.generator(codes, self.label(condition))}

    def sample(self, noise: Tensor, condition: Mapping[str, Tensor], how: Sampling | None) -> dict[str, Tensor]:
        return self.generated(noise, condition, "z")


def turn(network: str, like: Tensor) -> dict[str, Tensor]:
    """Tells `absorb` whose update it was."""
    return {network: torch.ones_like(like)}
