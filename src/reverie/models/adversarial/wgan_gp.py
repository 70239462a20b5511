"""Wasserstein GAN with gradient penalty. Gulrajani, Ahmed, Arjovsky, Dumoulin & Courville 2017, "Improved Training of
Wasserstein GANs", arXiv:1704.00028.

`paper` is its residual network for CIFAR-10; `small`, the default, convolutions of the DCGAN form. No batch norm in the
critic: the penalty is on each item's own gradient (section 4).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from reverie import core
from reverie.core import At, Batch, Field, Loss, Named, Spec, Training, Update
from reverie.maths.penalties import gradient_penalty
from reverie.nets.checks import at_least, picture, positive, share
from reverie.nets.conv import Discriminator, Generator
from reverie.nets.init import he_
from reverie.nets.noise import narrowed
from reverie.nets.norm import population_statistics
from reverie.nets.resnet import ResNetCritic, ResNetGenerator

LEAST = {"resnet": 14, "convolutional": 8}  # shortest side: 7 and one halving; a base of 4 and one doubling
SPACES = {"z": 1}  # noise is all that an item is made of
PASSES = 16  # batches that batch norm's population statistics are averaged over


@dataclass(frozen=True)
class Config:
    network: Literal["resnet", "convolutional"] = "resnet"  # residual blocks, or the DCGAN's strided convolutions
    latents: int = 128  # length of the noise vector z, normal
    width: int = 128  # channels: of every block, or of the convolution next to the picture
    penalty: float = 10.0  # lambda: weight of (|gradient| - 1)²
    critic_turns: int = 5  # n_critic: updates of the critic for each of the generator
    learning_rate: float = 2e-4  # of Adam, of both networks
    decay: Literal["linear", "none"] = "linear"  # of the learning rate: to 0 at the planned end
    beta1: float = 0.0  # of Adam: its momentum
    beta2: float = 0.9  # of Adam: memory of squared gradients

    @classmethod
    def paper(cls) -> Named:
        """The CIFAR-10 network of the appendix: batches of 64, 100,000 generator updates; no averaged weights."""
        spec = Spec("image", {"image": Field((3, 32, 32), levels=256)})
        return Named(cls(), Training(batch=64, steps=100_000, size=(32, 32), spec=spec))

    @classmethod
    def small(cls) -> Named:
        """For minutes on two cores: 2,500 generator updates of 28×28 pictures take about ten. So few want a higher rate
        than the paper's 1e-4, and averaged weights, which the paper has not."""
        spec = Spec("image", {"image": Field((3, 32, 32), levels=256)})
        config = cls(network="convolutional", width=32, learning_rate=5e-4)
        return Named(config, Training(batch=64, steps=2_500, ema_items=10_000, spec=spec))

    @classmethod
    def quick(cls) -> Named:
        """Half of small's width and batch, twice its rate and three critic turns, for a processor without a GPU. After
        111 s of one core beside other work on Fashion-MNIST the distance of cheap features was 646, at small's rate and
        turns 1173."""
        config = cls(network="convolutional", width=16, learning_rate=1e-3, critic_turns=3)
        return Named(config, Training(batch=32, steps=10_000, ema_items=10_000))

    @classmethod
    def tiny(cls) -> Named:
        """For tests: seconds."""
        return Named(cls(latents=8, width=4, critic_turns=2), Training(batch=16, steps=20))


@dataclass(frozen=True)
class Sampling:
    truncation: float = 0.0  # numbers of z beyond it are drawn again, such as 1: better items that vary less; 0: none


class WGANGP(core.Model):
    spaces = SPACES

    def __init__(self, cfg: Config, spec: Spec):
        super().__init__()
        self.cfg, self.spec = cfg, spec
        at_least(cfg, latents=1, width=1, penalty=0, critic_turns=1)
        positive(cfg, "learning_rate")
        share(cfg, "beta1", "beta2")
        self.name, field = picture(spec, "wgan_gp", LEAST[cfg.network])
        self.generator: nn.Module
        self.critic: nn.Module
        if cfg.network == "resnet":
            self.generator = ResNetGenerator(cfg.latents, field.shape, cfg.width)
            self.critic = ResNetCritic(field.shape, cfg.width)
        else:
            self.generator = Generator(cfg.latents, field.shape, cfg.width)
            self.critic = Discriminator(field.shape, cfg.width, norm=False)
            he_(self.critic)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def optimizers(self) -> dict[str, Optimizer]:
        return {name: self.adam(getattr(self, name)) for name in ("critic", "generator")}

    def adam(self, network: nn.Module) -> Optimizer:
        betas = (self.cfg.beta1, self.cfg.beta2)
        return Adam(network.parameters(), lr=self.cfg.learning_rate, betas=betas, fused=True)

    def updates(self) -> Sequence[Update]:
        rate = linear if self.cfg.decay == "linear" else core.always
        return [
            Update("critic", self.critic_loss, repeat=self.cfg.critic_turns, rate=rate),
            Update("generator", self.generator_loss, rate=rate),
        ]

    def critic_loss(self, batch: Batch, at: At) -> Loss:
        """D(x̃) - D(x) + λ (‖∇D(x̂)‖ - 1)² (algorithm 1, lines 4-7). It falls short of minus the distance by the
        penalty."""
        real = batch[self.name]
        with torch.no_grad():
            fake = self.generator(self.draw(real))
        eps = torch.rand(len(real), dtype=real.dtype, device=real.device)
        return critic_loss(self.critic, real, fake, eps, self.cfg.penalty)

    def generator_loss(self, batch: Batch, at: At) -> Loss:
        """-D(x̃) (algorithm 1, line 12)."""
        z = self.draw(batch[self.name])
        total = -self.critic(self.generator(z)).sum()
        return Loss(total, len(z), {"generator": total})

    def draw(self, like: Tensor) -> Tensor:
        """Noise for as many items, from torch's global generator: (B, latents)."""
        return torch.randn(len(like), self.cfg.latents, dtype=like.dtype, device=like.device)

    # -------------------------------------------------------------------------------------------------------- abilities

    def finish(self, stream: Callable[[int], Batch]) -> None:
        """The generator's population statistics, from noise; the critic has none."""
        like = stream(0)[self.name]
        population_statistics(self.generator, [lambda: self.generator(self.draw(like))] * PASSES)

    def noise(self, generator: torch.Generator, how: Sampling | None) -> Tensor:
        z = torch.randn(self.cfg.latents, generator=generator, device=generator.device)
        return narrowed(z, how.truncation if how else 0.0)

    def placed(self, noise: Tensor, condition: Mapping[str, Tensor], how: Sampling | None, space: str) -> Tensor:
        return noise

    def generated(self, codes: Tensor, condition: Mapping[str, Tensor], space: str) -> dict[str, Tensor]:
        return {self.name: self.generator(codes)}

    def sample(self, noise: Tensor, condition: Mapping[str, Tensor], how: Sampling | None) -> dict[str, Tensor]:
        return {self.name: self.generator(noise)}


def critic_loss(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, eps: Tensor, weight: float) -> Loss:
    """Of any critic. Real and fake go through it as one batch: items do not mix in it."""
    on_real, on_fake = critic(torch.cat([real, fake])).chunk(2)
    distance = on_real.sum() - on_fake.sum()  # the critic's gap E[D(x)] - E[D(x̃)]: its estimate of the distance
    penalty = gradient_penalty(critic, real, fake, eps).sum()
    total = weight * penalty - distance
    return Loss(total, len(real), {"critic": total, "distance": distance, "penalty": penalty})


def linear(at: At) -> float:
    """From 1 to 0 at the planned end."""
    return 1 - at.progress
