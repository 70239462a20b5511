"""Wasserstein GAN. Arjovsky, Chintala & Bottou 2017, "Wasserstein GAN", arXiv:1701.07875.

The critic's weights are clipped to [-c, c], so that its slope is bounded and its gap between real and made items is, up
to that slope, their distance. `paper` is its DCGAN at 64×64, batch norm in the critic as in the authors' program, whose
longer turns of the critic (100 in each of the first 25 steps and every 500th) it takes too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer, RMSprop

from reverie import core
from reverie.core import At, Batch, Field, Loss, Named, Spec, Training, Update
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
from reverie.nets.checks import at_least, positive
from reverie.nets.init import dcgan_
from reverie.nets.noise import narrowed
from reverie.nets.vectors import Vectors

SPACES = {"z": 1}  # noise is all that an item is made of
LONG, FIRST, EVERY = 100, 25, 500  # turns of the critic in the first steps, how many these are, and every which one


@dataclass(frozen=True)
class Config:
    network: Literal["convolutional", "dense", "auto"] = "convolutional"  # DCGAN's, or ReLUs for all; auto: by item
    latents: int = 100  # length of the noise vector z, normal
    width: int = 64  # channels of the convolution next to the picture, doubled with each halving
    kernel: int = 4  # side of every convolution's kernel between base and picture
    hidden: tuple[int, ...] = (512, 512, 512)  # widths of the layers of dense networks, both
    norm: bool = True  # batch norm in the convolutional critic
    clip_value: float = 0.01  # c: every weight of the critic stays in [-c, c]
    critic_turns: int = 5  # n_critic: updates of the critic for each of the generator
    long_turns: bool = True  # 100 turns in each of the first 25 steps and in every 500th
    learning_rate: float = 5e-5  # of RMSProp, of both networks

    @classmethod
    def paper(cls) -> Named:
        """Section 4.2 and algorithm 1: batches of 64, no averaged weights. Its figures end near 200,000 steps of the
        generator; in the authors' program a run is 25 passes."""
        spec = Spec("image", {"image": Field((3, 64, 64), levels=256)})
        return Named(cls(), Training(batch=64, steps=200_000, size=(64, 64), spec=spec))

    @classmethod
    def small(cls) -> Named:
        """For minutes on two cores: a higher rate, no long turns, and averaged weights, which the paper has not; dense
        where items are no pictures."""
        spec = Spec("image", {"image": Field((3, 32, 32), levels=256)})
        config = cls(network="auto", width=32, long_turns=False, learning_rate=5e-4)
        return Named(config, Training(batch=64, steps=2_500, ema_items=10_000, spec=spec))

    @classmethod
    def tiny(cls) -> Named:
        """For tests: seconds."""
        config = cls(latents=8, width=4, critic_turns=2, long_turns=False, learning_rate=5e-4)
        return Named(config, Training(batch=16, steps=20))


@dataclass(frozen=True)
class Sampling:
    truncation: float = 0.0  # numbers of z beyond it are drawn again, such as 1: better items that vary less; 0: none


class WGAN(core.Model):
    spaces = SPACES

    def __init__(self, cfg: Config, spec: Spec):
        super().__init__()
        self.cfg, self.spec = cfg, spec
        check(cfg)
        self.generator: nn.Module
        self.critic: nn.Module
        self.vectors = Vectors(spec)
        shape = self.vectors.flat.picture
        if convolutional(cfg.network, shape):
            self.generator = PictureMaker(cfg.latents, shape, cfg.width, cfg.kernel)
            self.critic = PictureJudge(shape, 0, cfg.width, cfg.kernel, cfg.norm)
            dcgan_(self)
            self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        else:
            self.generator = DenseMaker(dense(cfg, cfg.latents, self.vectors.size), self.vectors)
            self.critic = DenseJudge(dense(cfg, self.vectors.size, 1))
        self.clip()

    @torch.no_grad()
    def clip(self) -> None:
        """w <- clip(w, -c, c) (algorithm 1, line 7)."""
        for weight in self.critic.parameters():
            weight.clamp_(-self.cfg.clip_value, self.cfg.clip_value)

    def absorb(self, stats: Mapping[str, Tensor], count: float) -> None:
        """After every update: whatever the critic has learnt, the next loss finds it clipped."""
        self.clip()

    def optimizers(self) -> dict[str, Optimizer]:
        return {k: RMSprop(getattr(self, k).parameters(), self.cfg.learning_rate) for k in ("critic", "generator")}

    def updates(self) -> Sequence[Update]:
        return [Update("critic", self.critic_loss, repeat=self.turns), Update("generator", self.generator_loss)]

    def turns(self, at: At) -> int:
        """Of the critic, in this step."""
        long = self.cfg.long_turns and (at.step < FIRST or at.step % EVERY == 0)
        return LONG if long else self.cfg.critic_turns

    def critic_loss(self, batch: Batch, at: At) -> Loss:
        """-D(x) + D(x̃) (algorithm 1, line 5). Its gap E[D(x)] - E[D(x̃)] is logged: K times the distance of the two, if
        no function of slope at most K tells them further apart."""
        real = self.vectors.real(batch)
        with torch.no_grad():
            fake = self.generator(self.draw(real))
        on_real, on_fake = judged(self.critic, real, fake)
        distance = on_real.sum() - on_fake.sum()
        return Loss(-distance, len(real), {"critic": -distance, "distance": distance})

    def generator_loss(self, batch: Batch, at: At) -> Loss:
        """-D(x̃) (algorithm 1, line 10)."""
        z = self.draw(self.vectors.real(batch))
        total = -self.critic(self.generator(z)).sum()
        return Loss(total, len(z), {"generator": total})

    def draw(self, like: Tensor) -> Tensor:
        """Noise for as many items, from torch's global generator: (B, latents)."""
        return torch.randn(len(like), self.cfg.latents, dtype=like.dtype, device=like.device)

    # -------------------------------------------------------------------------------------------------------- abilities

    def finish(self, stream: Callable[[int], Batch]) -> None:
        first = self.vectors.real(stream(0))
        settle(self.generator, self.critic, lambda k: (self.draw(first),), lambda k: (self.vectors.real(stream(k)),))

    def noise(self, generator: torch.Generator, how: Sampling | None) -> Tensor:
        z = torch.randn(self.cfg.latents, generator=generator, device=generator.device)
        return narrowed(z, how.truncation if how else 0.0)

    def placed(self, noise: Tensor, condition: Mapping[str, Tensor], how: Sampling | None, space: str) -> Tensor:
        return noise

    def generated(self, codes: Tensor, condition: Mapping[str, Tensor], space: str) -> dict[str, Tensor]:
        return self.vectors.fields(self.generator(codes))

    def sample(self, noise: Tensor, condition: Mapping[str, Tensor], how: Sampling | None) -> dict[str, Tensor]:
        return self.generated(noise, condition, "z")


def dense(cfg: Config, inputs: int, out: int) -> Dense:
    """ReLUs and nothing else: the network by which the paper shows that it needs no batch norm (section 4.3)."""
    return Dense([nn.Identity()], Hidden().layers(inputs, *cfg.hidden), nn.Linear([inputs, *cfg.hidden][-1], out))


def check(cfg: Config) -> None:
    """Raises ValueError, with the cure, for what can't be."""
    at_least(cfg, latents=1, width=1, kernel=3, critic_turns=1)
    positive(cfg, "clip_value", "learning_rate")
    if min(cfg.hidden, default=1) < 1:
        raise ValueError(f"--hidden {cfg.hidden}: a layer needs at least 1 unit. Name their widths, such as 512,256")
