"""Conditional generative adversarial nets. Mirza & Osindero 2014, "Conditional Generative Adversarial Nets",
arXiv:1411.1784.

Both networks are told the condition: an item's class, as one 1 among 0s, or a vector of attributes, a number each.
`paper` is its MNIST network (section 4.1), whose momentum rises from 0.5 to 0.7 over a time that it does not give: here
it stays at 0.5. `small`, the default, is ours: the DCGAN form for pictures, dense layers for all else.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot
from torch.optim import SGD, Adam, Optimizer

from reverie import core
from reverie.core import At, Batch, Field, Loss, Named, Spec, Training, Update
from reverie.maths.games import discriminator_loss, generator_loss
from reverie.nets.adversaries import (
    Dense,
    DenseJudge,
    DenseMaker,
    Hidden,
    PictureJudge,
    PictureMaker,
    convolutional,
    judged,
    settle,
)
from reverie.nets.checks import at_least, positive, share
from reverie.nets.init import dcgan_
from reverie.nets.noise import narrowed
from reverie.nets.vectors import Vectors

SPACES = {"z": 1}  # noise is what an item of a condition is made of
FLOOR = 1e-6  # that a decaying learning rate does not fall below


@dataclass(frozen=True)
class Config:
    loss: Literal["non_saturating", "minimax"] = "non_saturating"  # the generator's: -log D(x̃|y), or log(1 - D(x̃|y))
    told: Literal["auto", "label", "attributes"] = "auto"  # both are told (y); auto: attributes where there are some
    network: Literal["dense", "convolutional", "auto"] = "dense"  # auto: convolutional for pictures, dense else
    latents: int = 100  # length of the noise vector z
    prior: Literal["uniform", "normal"] = "uniform"  # of z: each number from U(0, 1) or N(0, 1)
    noise_units: int = 200  # the dense generator's own layer of the noise, rectifiers
    told_units: int = 1000  # and of the condition
    joint: tuple[int, ...] = (1200,)  # widths of its layers that see both
    norm: bool = False  # batch norm in these
    judge_units: int = 240  # the dense discriminator's own layer of the item
    judge_told_units: int = 50  # and of the condition
    judge_joint: tuple[int, ...] = (240,)  # widths of its layers that see both
    activation: Literal["maxout", "leaky"] = "maxout"  # of the dense discriminator; leaky: ReLUs of slope 0.2
    pieces: tuple[int, int] = (5, 4)  # linear units of a maxout unit: in its own layers, in the joint ones
    dropout: float = 0.5  # share of the hidden units of both dense networks left out in training
    width: int = 64  # channels of the convolution next to the picture, doubled with each halving
    optimizer: Literal["sgd", "adam"] = "sgd"  # gradient descent with momentum, or Adam
    learning_rate: float = 0.1  # of both networks
    momentum: float = 0.5  # of gradient descent, or Adam's beta1
    beta2: float = 0.999  # of Adam: memory of squared gradients
    decay: float = 4e-5  # by which the learning rate falls a step, down to 1e-6; 0: it stays

    @classmethod
    def paper(cls) -> Named:
        """Section 4.1: dense, batches of 100; no averaged weights. It names no number of steps: 100,000 are ours."""
        label = Field((), categories=10, names=tuple(map(str, range(10))))
        spec = Spec("image", {"image": Field((1, 28, 28), levels=256)}, {"label": label})
        return Named(cls(), Training(batch=100, steps=100_000, spec=spec))

    @classmethod
    def small(cls) -> Named:
        """For minutes on two cores: half of the DCGAN's width, Adam, averaged weights."""
        config = cls(
            network="auto", prior="normal", noise_units=128, told_units=128, joint=(256, 512), norm=True,
            judge_units=256, judge_told_units=64, judge_joint=(256,), activation="leaky", dropout=0.0, width=32,
            optimizer="adam", learning_rate=4e-4, decay=0.0,
        )  # fmt: skip
        label = Field((), categories=10, names=tuple(map(str, range(10))))
        spec = Spec("image", {"image": Field((1, 28, 28), levels=256)}, {"label": label})
        return Named(config, Training(batch=32, steps=20_000, ema_items=10_000, spec=spec))

    @classmethod
    def tiny(cls) -> Named:
        """For tests: seconds."""
        config = cls(
            latents=8, noise_units=8, told_units=8, joint=(16,), judge_units=8, judge_told_units=4, judge_joint=(8,),
            optimizer="adam", learning_rate=1e-3,
        )  # fmt: skip
        return Named(config, Training(batch=16, steps=20))


@dataclass(frozen=True)
class Sampling:
    truncation: float = 0.0  # numbers of z beyond it are drawn again, such as 1: better items that vary less; 0: none


class CGAN(core.Model):
    spaces = SPACES
    conditions: tuple[str, ...]  # label, or attributes

    def __init__(self, cfg: Config, spec: Spec):
        super().__init__()
        self.cfg, self.spec = cfg, spec
        check(cfg)
        self.vectors = Vectors(spec)
        self.conditions = told(cfg, spec)
        size = spec.condition[self.conditions[0]].categories or spec.condition[self.conditions[0]].size
        shape = self.vectors.flat.picture
        self.generator: nn.Module
        self.discriminator: nn.Module
        if convolutional(cfg.network, shape):
            self.generator = PictureMaker(cfg.latents + size, shape, cfg.width)
            self.discriminator = PictureJudge(shape, size, cfg.width)
            dcgan_(self)
            self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        else:
            self.generator = DenseMaker(dense_generator(cfg, size, self.vectors.size), self.vectors)
            self.discriminator = DenseJudge(dense_discriminator(cfg, size, self.vectors.size))

    def condition(self, values: Mapping[str, Tensor]) -> Tensor:
        """What both networks are told of each item (y): (B, size)."""
        (name,) = self.conditions
        field, value = self.spec.condition[name], values[name]
        told = one_hot(value, field.categories) if field.categories else value.flatten(1)
        return told.to(next(self.parameters()).dtype)

    def optimizers(self) -> dict[str, Optimizer]:
        return {name: self.optimizer(getattr(self, name)) for name in ("discriminator", "generator")}

    def optimizer(self, network: nn.Module) -> Optimizer:
        cfg, learnt = self.cfg, network.parameters()
        if cfg.optimizer == "sgd":
            return SGD(learnt, lr=cfg.learning_rate, momentum=cfg.momentum, fused=True)
        return Adam(learnt, lr=cfg.learning_rate, betas=(cfg.momentum, cfg.beta2), fused=True)

    def updates(self) -> Sequence[Update]:
        return [
            Update("discriminator", self.discriminator_loss, rate=self.rate),
            Update("generator", self.generator_loss, rate=self.rate),
        ]

    def rate(self, at: At) -> float:
        """(1 + decay)^-step of the learning rate, and not below its floor."""
        floor = min(1.0, FLOOR / self.cfg.learning_rate)
        return float(max(floor, (1 + self.cfg.decay) ** -at.step))

    def discriminator_loss(self, batch: Batch, at: At) -> Loss:
        """-log D(x|y) - log(1 - D(x̃|y)) (equation 2): the made items are made for the conditions of the real ones."""
        real, y = self.vectors.real(batch), self.condition(batch.values)
        with torch.no_grad():
            fake = self.generator(self.draw(y), y)
        on_real, on_fake = judged(self.discriminator, real, fake, y)
        total = discriminator_loss(on_real, on_fake)
        # beside the loss, how probable it holds real items and made ones to be real: 1 and 0 where it has won
        logs = {"discriminator": total, "real": on_real.sigmoid().sum(), "fake": on_fake.sigmoid().sum()}
        return Loss(total, len(real), logs)

    def generator_loss(self, batch: Batch, at: At) -> Loss:
        y = self.condition(batch.values)
        total = generator_loss(self.discriminator(self.generator(self.draw(y), y), y), self.cfg.loss)
        return Loss(total, len(y), {"generator": total})

    def draw(self, like: Tensor) -> Tensor:
        """Noise for as many items, from torch's global generator: (B, latents)."""
        return self.filled(torch.empty(len(like), self.cfg.latents, dtype=like.dtype, device=like.device), None)

    def filled(self, z: Tensor, generator: torch.Generator | None) -> Tensor:
        """Noise of the prior, in place."""
        if self.cfg.prior == "normal":
            return z.normal_(generator=generator)
        return z.uniform_(0, 1, generator=generator)

    # -------------------------------------------------------------------------------------------------------- abilities

    def finish(self, stream: Callable[[int], Batch]) -> None:
        def real(k: int) -> tuple[Tensor, Tensor]:
            batch = stream(k)
            return self.vectors.real(batch), self.condition(batch.values)

        def noise(k: int) -> tuple[Tensor, Tensor]:
            y = self.condition(stream(k).values)
            return self.draw(y), y

        settle(self.generator, self.discriminator, noise, real)

    def noise(self, generator: torch.Generator, how: Sampling | None) -> Tensor:
        z = self.filled(torch.empty(self.cfg.latents, device=generator.device), generator)
        return narrowed(z, how.truncation if how else 0.0, self.cfg.prior)

    def placed(self, noise: Tensor, condition: Mapping[str, Tensor], how: Sampling | None, space: str) -> Tensor:
        return noise

    def generated(self, codes: Tensor, condition: Mapping[str, Tensor], space: str) -> dict[str, Tensor]:
        return self.vectors.fields(self.generator(codes, self.condition(condition)))

    def sample(self, noise: Tensor, condition: Mapping[str, Tensor], how: Sampling | None) -> dict[str, Tensor]:
        return self.generated(noise, condition, "z")


# ------------------------------------------------------------------------------------------------------------- networks


def dense_generator(cfg: Config, told: int, out: int) -> Dense:
    """Noise and condition each through a layer of rectifiers, then through common ones."""
    alone, both = Hidden(dropout=cfg.dropout), Hidden(norm=cfg.norm, dropout=cfg.dropout)
    own = [alone.layers(cfg.latents, cfg.noise_units), alone.layers(told, cfg.told_units)]
    common = both.layers(cfg.noise_units + cfg.told_units, *cfg.joint)
    return Dense(own, common, nn.Linear([cfg.noise_units + cfg.told_units, *cfg.joint][-1], out))


def dense_discriminator(cfg: Config, told: int, size: int) -> Dense:
    """Item and condition each through a layer of maxout units, then through common ones."""
    alone, both = (Hidden(cfg.activation, pieces, dropout=cfg.dropout) for pieces in cfg.pieces)
    own = [alone.layers(size, cfg.judge_units), alone.layers(told, cfg.judge_told_units)]
    units = cfg.judge_units + cfg.judge_told_units
    return Dense(own, both.layers(units, *cfg.judge_joint), nn.Linear([units, *cfg.judge_joint][-1], 1))


# --------------------------------------------------------------------------------------------------------------- checks


def told(cfg: Config, spec: Spec) -> tuple[str, ...]:
    """The condition that the model takes. Raises ValueError where the data has none, or not the one asked for."""
    there = tuple(name for name in ("label", "attributes") if name in spec.condition)
    if cfg.told == "auto" and there:
        return there[-1:]  # attributes that a person has named come before the classes that folders are
    if cfg.told in there:
        return (cfg.told,)
    if cfg.told == "attributes":
        raise ValueError("--told attributes: the data has none. Name columns by --attributes, or leave --told out")
    asked = "" if cfg.told == "auto" else f"--told {cfg.told}: "
    raise ValueError(
        f"{asked}the data has no classes, and cgan makes items of a class. Put each class in a folder, or pass "
        "--model gan"
    )


def check(cfg: Config) -> None:
    """Raises ValueError, with the cure, for what can't be."""
    at_least(cfg, latents=1, noise_units=1, told_units=1, judge_units=1, judge_told_units=1, width=1, decay=0)
    positive(cfg, "learning_rate")
    share(cfg, "dropout", "momentum", "beta2")
    for name in ("joint", "judge_joint", "pieces"):
        values = getattr(cfg, name)
        if min(values, default=1) < 1:
            raise ValueError(f"--{name.replace('_', '-')} {values}: each must be at least 1. Pass such as 512,256")
