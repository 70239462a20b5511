"""Deep convolutional GAN. Radford, Metz & Chintala 2016, "Unsupervised Representation Learning with Deep Convolutional
Generative Adversarial Networks", arXiv:1511.06434.

`paper` is its figure 1; `small`, the default, the widely used form of half the width with 4×4 kernels.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import softplus
from torch.optim import Adam, Optimizer

from reverie import core
from reverie.core import At, Batch, Field, Loss, Named, Spec, Training, Update
from reverie.nets.augment import Augment
from reverie.nets.checks import at_least, picture, positive, share
from reverie.nets.conv import Discriminator, Generator
from reverie.nets.init import dcgan_
from reverie.nets.noise import narrowed
from reverie.nets.norm import population_statistics

LEAST = 8  # shortest side: a base of 4 and one doubling
SPACES = {"z": 1}  # noise is all that an item is made of
PASSES = 16  # batches that batch norm's population statistics are averaged over


@dataclass(frozen=True)
class Config:
    latents: int = 100  # length of the noise vector z
    prior: Literal["uniform", "normal"] = "uniform"  # of z: each number from U(-1, 1) or N(0, 1)
    width: int = 128  # channels of the layer next to the picture, doubled with each halving, up to 8 times
    kernel: int = 5  # side of every convolution's kernel between base and picture
    slope: float = 0.2  # of the discriminator's leaky ReLUs, below 0
    deviation: float = 0.02  # of the weights at the start
    learning_rate: float = 2e-4  # of Adam, of both networks
    beta1: float = 0.5  # of Adam: its momentum
    beta2: float = 0.999  # of Adam: memory of squared gradients
    augment: Literal["none", "diff", "ada"] = "none"  # of what the discriminator sees, for few items
    augment_target: float = 0.6  # of ada: mean sign of the logits of real items that its strength aims at
    augment_ramp: float = 500_000  # of ada: items after which its strength may have gone from 0 to 1

    @classmethod
    def paper(cls) -> Named:
        """Figure 1 and section 4: 1024-512-256-128 channels, 5×5 kernels, batches of 128; no averaged weights."""
        spec = Spec("image", {"image": Field((3, 64, 64), levels=256)})
        return Named(cls(), Training(batch=128, steps=120_000, size=(64, 64), spec=spec))

    @classmethod
    def small(cls) -> Named:
        """512-256-128-64 channels, 4×4 kernels, normal noise. The paper has no averaged weights; a half-life of 10,000
        items (156 steps) evens out the circling of the two networks and is short enough for a run of minutes."""
        spec = Spec("image", {"image": Field((3, 64, 64), levels=256)})
        config = cls(prior="normal", width=64, kernel=4)
        return Named(config, Training(batch=64, steps=10_000, ema_items=10_000, spec=spec))

    @classmethod
    def quick(cls) -> Named:
        """Half of small's width and batch and twice its learning rate, for a processor without a GPU. After 65 s
        of one core on CIFAR-10 the Fréchet distance was 0.44 of the untrained model's (small's batch, rate: 0.59)."""
        config = cls(prior="normal", width=32, kernel=4, learning_rate=4e-4)
        return Named(config, Training(batch=32, steps=20_000, ema_items=10_000))

    @classmethod
    def tiny(cls) -> Named:
        """For tests: seconds."""
        return Named(cls(latents=8, width=4, kernel=4), Training(batch=16, steps=20))


@dataclass(frozen=True)
class Sampling:
    truncation: float = 0.0  # numbers of z beyond it are drawn again, such as 1: better items that vary less; 0: none


class DCGAN(core.Model):
    spaces = SPACES

    def __init__(self, cfg: Config, spec: Spec):
        super().__init__()
        self.cfg, self.spec = cfg, spec
        at_least(cfg, latents=1, width=1, kernel=3)  # a smaller kernel leaves pixels unseen at stride 2
        positive(cfg, "deviation", "learning_rate")
        share(cfg, "slope", "beta1", "beta2")
        self.name, field = picture(spec, "dcgan", LEAST)
        self.generator = Generator(cfg.latents, field.shape, cfg.width, cfg.kernel)
        self.discriminator = Discriminator(field.shape, cfg.width, cfg.kernel, cfg.slope)
        self.augment = Augment(cfg.augment, cfg.augment_target, cfg.augment_ramp)
        dcgan_(self, cfg.deviation)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def optimizers(self) -> dict[str, Optimizer]:
        return {name: self.adam(getattr(self, name)) for name in ("discriminator", "generator")}

    def adam(self, network: torch.nn.Module) -> Optimizer:
        betas = (self.cfg.beta1, self.cfg.beta2)
        return Adam(network.parameters(), lr=self.cfg.learning_rate, betas=betas, fused=True)

    def updates(self) -> Sequence[Update]:
        return [Update("discriminator", self.discriminator_loss), Update("generator", self.generator_loss)]

    def discriminator_loss(self, batch: Batch, at: At) -> Loss:
        """-log D(x) - log(1 - D(x̃)) with D = sigmoid of the logit. Real and fake pass apart: each has statistics of its
        own in batch norm."""
        real = batch[self.name]
        with torch.no_grad():
            fake = self.generator(self.draw(real))
        on_real, on_fake = self.discriminator(self.augment(real)), self.discriminator(self.augment(fake))
        total = softplus(-on_real).sum() + softplus(on_fake).sum()
        # beside the loss, how probable it holds real items and made ones to be real: 1 and 0 where it has won
        logs = {"discriminator": total, "real": on_real.sigmoid().sum(), "fake": on_fake.sigmoid().sum()}
        return Loss(total, len(real), logs | self.augment.logs(on_real), self.augment.stats(on_real))

    def generator_loss(self, batch: Batch, at: At) -> Loss:
        """-log D(x̃): the non-saturating loss (Goodfellow et al. 2014, arXiv:1406.2661, section 3)."""
        z = self.draw(batch[self.name])
        total = softplus(-self.discriminator(self.augment(self.generator(z)))).sum()
        return Loss(total, len(z), {"generator": total})

    def absorb(self, stats: Mapping[str, Tensor], count: float) -> None:
        self.augment.absorb(stats, count)

    def draw(self, like: Tensor) -> Tensor:
        """Noise for as many items, from torch's global generator: (B, latents)."""
        z = torch.empty(len(like), self.cfg.latents, dtype=like.dtype, device=like.device)
        return z.normal_() if self.cfg.prior == "normal" else z.uniform_(-1, 1)

    # -------------------------------------------------------------------------------------------------------- abilities

    def finish(self, stream: Callable[[int], Batch]) -> None:
        """Population statistics of both networks: the generator's from noise, the discriminator's from real and fake
        pictures in equal parts."""
        first = stream(0)[self.name]
        population_statistics(self.generator, [lambda: self.generator(self.draw(first))] * PASSES)

        def look(k: int) -> None:
            real = stream(k)[self.name]
            self.discriminator(self.augment(real))
            self.discriminator(self.augment(self.generator(self.draw(real))))

        was = self.generator.training
        self.generator.eval()
        population_statistics(self.discriminator, [partial(look, k) for k in range(PASSES)])
        self.generator.train(was)

    def noise(self, generator: torch.Generator, how: Sampling | None) -> Tensor:
        z = torch.empty(self.cfg.latents, device=generator.device)
        normal = self.cfg.prior == "normal"
        z = z.normal_(generator=generator) if normal else z.uniform_(-1, 1, generator=generator)
        return narrowed(z, how.truncation if how else 0.0, self.cfg.prior)

    def placed(self, noise: Tensor, condition: Mapping[str, Tensor], how: Sampling | None, space: str) -> Tensor:
        return noise

    def generated(self, codes: Tensor, condition: Mapping[str, Tensor], space: str) -> dict[str, Tensor]:
        return {self.name: self.generator(codes)}

    def sample(self, noise: Tensor, condition: Mapping[str, Tensor], how: Sampling | None) -> dict[str, Tensor]:
        return {self.name: self.generator(noise)}
