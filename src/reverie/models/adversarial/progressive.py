"""Progressive growing of GANs. Karras, Aila, Laine & Lehtinen 2018, "Progressive Growing of GANs for Improved Quality,
Stability, and Variation", arXiv:1710.10196.

Both networks begin at a small size and double it, each new size faded in: how far is a function of where training
stands, so that there is nothing to save but what sampling needs to know. `paper` is table 2 at 1024×1024; `small`, the
default, grows over a share of the planned steps, whatever their number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from reverie import core
from reverie.core import At, Batch, Field, Loss, Named, Spec, Training, Update
from reverie.maths.penalties import gradient_penalty
from reverie.nets.checks import at_least, picture, positive, share
from reverie.nets.equalised import bounded
from reverie.nets.growing import GrowingCritic, GrowingGenerator, growth, seen

SPACES = {"z": 1}  # noise is all that an item is made of
GROWN = "grown"  # in losses' statistics and logs


@dataclass(frozen=True)
class Config:
    latents: int = 512  # length of the noise vector z, normal, put on its sphere
    width: int = 16  # channels beside the picture, doubled with each halving
    widest: int = 512  # channels, at most
    base: int = 4  # shorter side of the first size: from this to below twice this
    phase: float = 600_000  # items for which a size is faded in, and for as many kept before the next
    growing: float = 0.0  # share of the planned steps in which it grows to the full size; 0: `phase` counts
    penalty: float = 10.0  # lambda: weight of (|gradient| - 1)²
    drift: float = 0.001  # epsilon_drift: weight of D(x)² of real items
    learning_rate: float = 1e-3  # of Adam, of both networks
    beta1: float = 0.0  # of Adam: its momentum
    beta2: float = 0.99  # of Adam: memory of squared gradients

    @classmethod
    def paper(cls) -> Named:
        """CelebA-HQ at 1024×1024, appendix A.1: batches of 16, 12 million items, weights averaged by 0.999 a step. The
        paper's batches of 14, 6 and 3 at the last sizes are what its memory held: here a run has one batch size, for
        which gradients can be accumulated (--shards). Nor is Adam's state forgotten when a size comes in, as in the
        authors' code: the new layers' is new by itself."""
        spec = Spec("image", {"image": Field((3, 1024, 1024), levels=256)})
        return Named(cls(), Training(batch=16, steps=750_000, size=(1024, 1024), ema_items=11_085, spec=spec))

    @classmethod
    def small(cls) -> Named:
        """For minutes on two cores: an eighth of the paper's channels, and twice its learning rate, as there are few
        steps. Half of them are spent in growing, which takes less than half of the time."""
        spec = Spec("image", {"image": Field((3, 64, 64), levels=256)})
        config = cls(latents=64, width=16, widest=64, growing=0.5, learning_rate=2e-3)
        return Named(config, Training(batch=16, steps=5_000, ema_items=10_000, spec=spec))

    @classmethod
    def tiny(cls) -> Named:
        """For tests: seconds. One doubling of 28×28, under way at the second of six steps."""
        return Named(cls(latents=8, width=4, widest=8, base=14, growing=0.25), Training(batch=16, steps=20))


class Progressive(core.Model):
    spaces = SPACES
    grown: Tensor  # how far the networks have grown: what is sampled from

    def __init__(self, cfg: Config, spec: Spec):
        super().__init__()
        self.cfg, self.spec = cfg, spec
        at_least(cfg, latents=2, width=1, widest=1, base=2, penalty=0, drift=0)
        positive(cfg, "learning_rate", "phase")
        share(cfg, "growing", "beta1", "beta2")
        self.name, field = picture(spec, "progressive", 2 * cfg.base)
        channels, height, breadth = field.shape
        self.sizes = growth((height, breadth), cfg.base)
        widths = [min(cfg.width * 2**k, cfg.widest) for k in reversed(range(len(self.sizes)))]
        self.generator = GrowingGenerator(cfg.latents, channels, self.sizes, widths)
        self.critic = GrowingCritic(channels, self.sizes, widths)
        self.register_buffer("grown", torch.zeros(()))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def optimizers(self) -> dict[str, Optimizer]:
        return {name: self.adam(getattr(self, name)) for name in ("critic", "generator")}

    def adam(self, network: nn.Module) -> Optimizer:
        betas = (self.cfg.beta1, self.cfg.beta2)
        return Adam(network.parameters(), lr=self.cfg.learning_rate, betas=betas, fused=True)

    def updates(self) -> Sequence[Update]:
        return [Update("critic", self.critic_loss), Update("generator", self.generator_loss)]

    def growth(self, at: At) -> float:
        """How far the networks have grown: one phase at the first size; then for each size one in which it is faded in,
        and one in which it stays, the last without end."""
        doublings = len(self.sizes) - 1
        if self.cfg.growing:
            phases = at.progress / self.cfg.growing * 2 * doublings
        else:
            phases = at.items / self.cfg.phase
        whole, more = divmod(phases, 2)
        return min(whole + max(0.0, more - 1), float(doublings))

    def critic_loss(self, batch: Batch, at: At) -> Loss:
        """D(x̃) - D(x) + λ (‖∇D(x̂)‖ - 1)² + ε D(x)² (appendix A.1). Real and fake pass apart: the critic sees how much
        the items of each differ."""
        grown = self.growth(at)
        real = seen(batch[self.name], grown, len(self.sizes))
        with torch.no_grad():
            fake = self.generator(self.draw(real), grown)
        eps = torch.rand(len(real), dtype=real.dtype, device=real.device)
        on_real, on_fake = self.critic(real, grown), self.critic(fake, grown)
        # items mix in the critic by their deviation, which the authors' penalty does not mind either
        penalty = gradient_penalty(lambda x: self.critic(x, grown), real, fake, eps).sum()
        distance, drift = on_real.sum() - on_fake.sum(), on_real.square().sum()
        total = self.cfg.penalty * penalty + self.cfg.drift * drift - distance
        logs = {"critic": total, "distance": distance, "penalty": penalty, "drift": drift}
        how_far = real.new_tensor(grown * len(real))
        return Loss(total, len(real), {**logs, GROWN: how_far}, {GROWN: how_far})

    def generator_loss(self, batch: Batch, at: At) -> Loss:
        """-D(x̃)."""
        z, grown = self.draw(batch[self.name]), self.growth(at)
        total = -self.critic(self.generator(z, grown), grown).sum()
        return Loss(total, len(z), {"generator": total})

    @torch.no_grad()
    def absorb(self, stats: Mapping[str, Tensor], count: float) -> None:
        """Samples are made as far grown as the networks last learnt."""
        if GROWN in stats:
            self.grown.copy_(stats[GROWN] / count)

    def draw(self, like: Tensor) -> Tensor:
        """Noise for as many items, from torch's global generator: (B, latents)."""
        return torch.randn(len(like), self.cfg.latents, dtype=like.dtype, device=like.device)

    # -------------------------------------------------------------------------------------------------------- abilities

    def noise(self, generator: torch.Generator, how: Any) -> Tensor:
        return torch.randn(self.cfg.latents, generator=generator, device=generator.device)

    def placed(self, noise: Tensor, condition: Mapping[str, Tensor], how: Any, space: str) -> Tensor:
        return noise

    def generated(self, codes: Tensor, condition: Mapping[str, Tensor], space: str) -> dict[str, Tensor]:
        """At the full size, however far it has grown. The networks have no bounds: what is above white or below black
        is cut off."""
        return {self.name: bounded(self.generator.whole(codes, self.grown))}

    def sample(self, noise: Tensor, condition: Mapping[str, Tensor], how: Any) -> dict[str, Tensor]:
        return self.generated(noise, condition, "z")

    def said(self) -> str:
        """How far it has grown."""
        last, part = int(self.grown), float(self.grown % 1)
        size = "x".join(map(str, self.sizes[last]))
        if last == len(self.sizes) - 1:
            return f"made at their full size, {size}"
        more = f" and {part:.0%} of the next" if part else ""
        return f"made as far as the networks have grown: {size}{more}, shown at {'x'.join(map(str, self.sizes[-1]))}"
