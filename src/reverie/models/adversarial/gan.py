"""Generative adversarial nets. Goodfellow, Pouget-Abadie, Mirza, Xu, Warde-Farley, Ozair, Courville & Bengio 2014,
"Generative Adversarial Nets", arXiv:1406.2661.

`paper` is the MNIST network of its published settings: rectifiers against maxout with dropout, both dense, by gradient
descent with momentum. Of these settings two are left: the momentum's slow rise from 0.5 to 0.7, and output biases that
start at the data's mean. `small`, the default, is dense as well, with what a decade of practice has added.

Dense networks take items of any kind that lie in one vector: pictures, rows of a table, windows of a series.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer

from reverie import core
from reverie.core import At, Batch, Field, Loss, Named, Spec, Training, Update
from reverie.maths.games import discriminator_loss, generator_loss
from reverie.nets.adversaries import Dense, DenseJudge, DenseMaker, Hidden, judged, settle
from reverie.nets.checks import at_least, positive, share
from reverie.nets.noise import narrowed
from reverie.nets.vectors import Vectors

SPACES = {"z": 1}  # noise is all that an item is made of
FLOOR = 1e-6  # that a decaying learning rate does not fall below


@dataclass(frozen=True)
class Config:
    loss: Literal["non_saturating", "minimax"] = "non_saturating"  # the generator's: -log D(x̃), or log(1 - D(x̃))
    latents: int = 100  # length of the noise vector z
    prior: Literal["uniform", "normal"] = "uniform"  # of z, each number of deviation 1: from U(-√3, √3) or N(0, 1)
    hidden: tuple[int, ...] = (1200, 1200)  # widths of the generator's layers, rectifiers
    norm: bool = False  # batch norm in the generator's layers but the first
    judge: tuple[int, ...] = (240, 240)  # widths of the discriminator's layers
    activation: Literal["maxout", "leaky"] = "maxout"  # of the discriminator; leaky: ReLUs of slope 0.2
    pieces: int = 5  # linear units that a maxout unit is the greatest of
    dropout: float = 0.5  # share of the discriminator's hidden units left out
    input_dropout: float = 0.2  # and of the numbers of an item that it sees
    generator_range: float = 0.05  # weights start in U(-range, range); 0: within 1 / √inputs, biases too
    discriminator_range: float = 0.005  # the same of the discriminator
    optimizer: Literal["sgd", "adam"] = "sgd"  # gradient descent with momentum, or Adam
    learning_rate: float = 0.1  # of both networks
    momentum: float = 0.5  # of gradient descent, or Adam's beta1
    beta2: float = 0.999  # of Adam: memory of squared gradients
    decay: float = 4e-6  # by which the learning rate falls a step, down to 1e-6; 0: it stays

    @classmethod
    def paper(cls) -> Named:
        """The authors' settings for MNIST: batches of 100, no averaged weights. They trained until the likelihood of a
        Parzen window was best; 100,000 steps, 200 passes, are ours."""
        spec = Spec("image", {"image": Field((1, 28, 28), levels=256)})
        return Named(cls(), Training(batch=100, steps=100_000, spec=spec))

    @classmethod
    def small(cls) -> Named:
        """For minutes on two cores. Ours: batch norm, leaky rectifiers, Adam, and averaged weights, which even out the
        circling of the two networks. After a minute of one core of Fashion-MNIST the Fréchet distance was 1828 (at half
        the rate 1958)."""
        config = cls(
            prior="normal", hidden=(256, 512, 1024), norm=True, judge=(512, 256), activation="leaky", dropout=0.0,
            input_dropout=0.0, generator_range=0.0, discriminator_range=0.0, optimizer="adam", learning_rate=4e-4,
            decay=0.0,
        )  # fmt: skip
        spec = Spec("image", {"image": Field((1, 28, 28), levels=256)})
        return Named(config, Training(batch=64, steps=20_000, ema_items=10_000, spec=spec))

    @classmethod
    def tiny(cls) -> Named:
        """For tests: seconds."""
        config = cls(
            latents=8, hidden=(16, 16), norm=True, judge=(16,), generator_range=0.0, discriminator_range=0.0,
            optimizer="adam", learning_rate=1e-3,
        )  # fmt: skip
        return Named(config, Training(batch=16, steps=20))


@dataclass(frozen=True)
class Sampling:
    truncation: float = 0.0  # numbers of z beyond it are drawn again, such as 1: better items that vary less; 0: none


class GAN(core.Model):
    spaces = SPACES

    def __init__(self, cfg: Config, spec: Spec):
        super().__init__()
        self.cfg, self.spec = cfg, spec
        check(cfg)
        self.vectors = Vectors(spec)
        first, *more = cfg.hidden
        own = Hidden().layers(cfg.latents, first)
        body = Hidden(norm=cfg.norm).layers(first, *more)
        made = Dense([own], body, nn.Linear(cfg.hidden[-1], self.vectors.size))
        seen = nn.Dropout(cfg.input_dropout) if cfg.input_dropout else nn.Identity()
        layers = Hidden(cfg.activation, cfg.pieces, dropout=cfg.dropout).layers(self.vectors.size, *cfg.judge)
        told = Dense([seen], layers, nn.Linear(cfg.judge[-1], 1))
        for network, spread in ((made, cfg.generator_range), (told, cfg.discriminator_range)):
            if spread:
                network.start(spread)
        self.generator, self.discriminator = DenseMaker(made, self.vectors), DenseJudge(told)

    def optimizers(self) -> dict[str, Optimizer]:
        return {name: self.optimizer(getattr(self, name)) for name in ("discriminator", "generator")}

    def optimizer(self, network: nn.Module) -> Optimizer:
        cfg, learnt = self.cfg, network.parameters()
        if cfg.optimizer == "sgd":
            return SGD(learnt, lr=cfg.learning_rate, momentum=cfg.momentum, fused=True)
        return Adam(learnt, lr=cfg.learning_rate, betas=(cfg.momentum, cfg.beta2), fused=True)

    def updates(self) -> Sequence[Update]:
        """One turn each: the paper's k = 1, "the least expensive option" (algorithm 1)."""
        return [
            Update("discriminator", self.discriminator_loss, rate=self.rate),
            Update("generator", self.generator_loss, rate=self.rate),
        ]

    def rate(self, at: At) -> float:
        """(1 + decay)^-step of the learning rate, and not below its floor."""
        floor = min(1.0, FLOOR / self.cfg.learning_rate)
        return float(max(floor, (1 + self.cfg.decay) ** -at.step))

    def discriminator_loss(self, batch: Batch, at: At) -> Loss:
        """-log D(x) - log(1 - D(x̃)): twice what the paper's cross-entropy of half real and half made items is."""
        real = self.vectors.real(batch)
        with torch.no_grad():
            fake = self.generator(self.draw(real))
        on_real, on_fake = judged(self.discriminator, real, fake)
        total = discriminator_loss(on_real, on_fake)
        # beside the loss, how probable it holds real items and made ones to be real: 1 and 0 where it has won
        logs = {"discriminator": total, "real": on_real.sigmoid().sum(), "fake": on_fake.sigmoid().sum()}
        return Loss(total, len(real), logs)

    def generator_loss(self, batch: Batch, at: At) -> Loss:
        z = self.draw(self.vectors.real(batch))
        total = generator_loss(self.discriminator(self.generator(z)), self.cfg.loss)
        return Loss(total, len(z), {"generator": total})

    def draw(self, like: Tensor) -> Tensor:
        """Noise for as many items, from torch's global generator: (B, latents)."""
        z = torch.empty(len(like), self.cfg.latents, dtype=like.dtype, device=like.device)
        return self.filled(z, None)

    def filled(self, z: Tensor, generator: torch.Generator | None) -> Tensor:
        """Noise of the prior, in place."""
        if self.cfg.prior == "normal":
            return z.normal_(generator=generator)
        return z.uniform_(-(3**0.5), 3**0.5, generator=generator)

    # -------------------------------------------------------------------------------------------------------- abilities

    def finish(self, stream: Callable[[int], Batch]) -> None:
        first = self.vectors.real(stream(0))
        settle(self.generator, self.discriminator, lambda k: (self.draw(first),), lambda k: (first,))

    def noise(self, generator: torch.Generator, how: Sampling | None) -> Tensor:
        z = self.filled(torch.empty(self.cfg.latents, device=generator.device), generator)
        return narrowed(z, how.truncation if how else 0.0, self.cfg.prior)

    def placed(self, noise: Tensor, condition: Mapping[str, Tensor], how: Sampling | None, space: str) -> Tensor:
        return noise

    def generated(self, codes: Tensor, condition: Mapping[str, Tensor], space: str) -> dict[str, Tensor]:
        return self.vectors.fields(self.generator(codes))

    def sample(self, noise: Tensor, condition: Mapping[str, Tensor], how: Sampling | None) -> dict[str, Tensor]:
        return self.generated(noise, condition, "z")


def check(cfg: Config) -> None:
    """Raises ValueError, with the cure, for what can't be."""
    at_least(cfg, latents=1, pieces=1, generator_range=0, discriminator_range=0, decay=0)
    positive(cfg, "learning_rate")
    share(cfg, "dropout", "input_dropout", "momentum", "beta2")
    for name in ("hidden", "judge"):
        widths = getattr(cfg, name)
        if min(widths, default=0) < 1:
            raise ValueError(f"--{name} {widths}: a layer needs at least 1 unit. Name their widths, such as 512,256")
