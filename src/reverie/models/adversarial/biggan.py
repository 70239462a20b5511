"""BigGAN. Brock, Donahue & Simonyan 2019, "Large Scale GAN Training for High Fidelity Natural Image Synthesis",
arXiv:1809.11096.

`paper` is its 128×128 form (appendix B, table 4), `cifar` the one that the authors' PyTorch code has for CIFAR-10.
Large batches come by accumulation: `--shards 8` computes a batch in eight parts, of which each is normalised by its own
statistics.
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
from reverie.nets.orthogonal import normal_, orthogonal_, orthogonal_penalty
from reverie.nets.spectral import FIRST, Spectral, power_iterations

PASSES = 16  # batches that batch norm's population statistics are averaged over: the paper's standing statistics
NETWORKS = ("discriminator", "generator")


@dataclass(frozen=True)
class Config:
    latents: int = 120  # length of the noise vector z, normal
    width: int = 96  # ch: channels of the layer next to the picture, doubled with each halving, up to 16 times
    tapered: bool = True  # that doubling; else 4 times the width everywhere, as for CIFAR-10
    shared: int = 128  # length of the class vector that all batch norms see; 0: gains and biases of each for each class
    hierarchical: bool = True  # every block sees a part of z of its own
    attention: int = 1  # self-attention stands after so many halvings of the picture; 0: nowhere
    labels: Literal["auto", "projection", "none"] = "auto"  # classes known to both networks; auto: where there are some
    start: Literal["orthogonal", "normal"] = "orthogonal"  # of the weights; normal: of deviation 0.02
    orthogonality: float = 1e-4  # beta: weight of the generator's filters' squared products with each other
    discriminator_rate: float = 2e-4  # of the discriminator's Adam
    generator_rate: float = 5e-5  # of the generator's Adam
    discriminator_turns: int = 2  # updates of the discriminator for each of the generator
    beta1: float = 0.0  # of Adam: its momentum
    beta2: float = 0.999  # of Adam: memory of squared gradients
    augment: Literal["none", "diff", "ada"] = "none"  # of what the discriminator sees, for few items
    augment_target: float = 0.6  # of ada: mean sign of the logits of real items that its strength aims at
    augment_ramp: float = 500_000  # of ada: items after which its strength may have gone from 0 to 1

    @classmethod
    def paper(cls) -> Named:
        """Appendices B and C: batches of 2,048; averaged weights of decay 0.9999 a step, a half-life of 6,931 steps."""
        label = {"label": Field((), categories=1000)}
        spec = Spec("image", {"image": Field((3, 128, 128), levels=256)}, label)
        training = Training(batch=2_048, steps=200_000, ema_items=6_931 * 2_048, size=(128, 128), spec=spec)
        return Named(cls(), training)

    @classmethod
    def cifar(cls) -> Named:
        """The settings of the authors' script for CIFAR-10: batches of 50, 4 turns of the discriminator, 500 epochs of
        them; no class vector, no parts of z, no attention, no orthogonality."""
        label = {"label": Field((), categories=10)}
        spec = Spec("image", {"image": Field((3, 32, 32), levels=256)}, label)
        config = cls(
            latents=128, width=64, tapered=False, shared=0, hierarchical=False, attention=0, start="normal",
            orthogonality=0.0, generator_rate=2e-4, discriminator_turns=4,
        )  # fmt: skip
        training = Training(batch=50, steps=125_000, ema_items=6_931 * 50, size=(32, 32), spec=spec)
        return Named(config, training)

    @classmethod
    def small(cls) -> Named:
        """For minutes on two cores at 28 to 64 px. So few steps want higher rates: after 90 s of one core on
        Fashion-MNIST (370 steps) the Fréchet distance of cheap features was 379; at a generator's rate of 5e-4 and one
        turn of the discriminator 692."""
        config = cls(latents=60, width=24, shared=32, discriminator_rate=1e-3, generator_rate=1e-3)
        return Named(config, Training(batch=32, steps=5_000, ema_items=10_000))

    @classmethod
    def tiny(cls) -> Named:
        """For tests: seconds."""
        return Named(cls(latents=10, width=4, shared=4), Training(batch=16, steps=20))


@dataclass(frozen=True)
class Sampling:
    truncation: float = 0.0  # numbers of z beyond it are drawn again, such as 0.5: better items that vary less; 0: none


class BigGAN(core.Model):
    spaces: Mapping[str, int]  # z, in as many parts as blocks see where all are as long
    conditions: tuple[str, ...]  # only of a conditional model

    def __init__(self, cfg: Config, spec: Spec):
        super().__init__()
        self.cfg, self.spec = cfg, spec
        at_least(cfg, latents=1, width=1, shared=0, orthogonality=0, discriminator_turns=1)
        positive(cfg, "discriminator_rate", "generator_rate")
        share(cfg, "beta1", "beta2")
        self.name, field = picture(spec, "biggan", LEAST)
        self.classes = classes(spec, cfg.labels, "biggan")
        if self.classes:
            self.conditions = ("label",)
        form = Form(
            cfg.latents, cfg.width, self.classes, cfg.shared, cfg.hierarchical, cfg.attention, cfg.tapered
        )  # fmt: skip
        check(form, field.shape)
        self.generator = ClassGenerator(form, field.shape)
        parts = self.generator.parts
        self.spaces = {"z": len(parts) if len(set(parts)) == 1 else 1}
        self.discriminator = ClassDiscriminator(form, field.shape)
        self.augment = Augment(cfg.augment, cfg.augment_target, cfg.augment_ramp)
        {"orthogonal": orthogonal_, "normal": normal_}[cfg.start](self)
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
        """The hinge loss. Made items have the classes of the real ones, so that both have the same proportions of them
        (the paper draws them evenly, as ImageNet's are). Real and fake pass as one batch: items do not mix in the
        discriminator."""
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
        """-D(x̃, y) + β Σ ‖W Wᵀ ⊙ (1 - I)‖²_F (equation 3) over the generator's weights but the class vectors."""
        z, label = self.draw(batch[self.name]), self.label(batch)
        adversarial = generator_hinge(self.discriminator(self.augment(self.generator(z, label)), label))
        logs, total = {"generator": adversarial}, adversarial
        if self.cfg.orthogonality:
            weights = [layer.weight for layer in self.generator.modules() if isinstance(layer, Spectral)]
            penalty = orthogonal_penalty(weights) * len(z)  # the trainer divides the sum by the count
            total = total + self.cfg.orthogonality * penalty
            logs["orthogonality"] = penalty
        return Loss(total, len(z), logs, turn("generator", total))

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
        classes drawn evenly, as samples are. Truncated noise is normalised by the same: statistics of its own for each
        threshold, as the authors' published modules have, were no better on Fashion-MNIST (Fréchet distances of 440 to
        408 at 1, 578 to 541 at 0.5): they undo a part of what truncation does to the base."""
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
