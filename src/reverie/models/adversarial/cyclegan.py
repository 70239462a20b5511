"""Two generators between two unpaired sets of pictures. Zhu, Park, Isola & Efros 2017, "Unpaired Image-to-Image
Translation using Cycle-Consistent Adversarial Networks", arXiv:1703.10593.

`paper` is its network for 256 pixels, one picture at a time; `small`, the default, half as wide and with the six blocks
that the paper takes below 256 pixels. Discriminators see patches of 70 pixels, less of pictures below 24.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from reverie import core
from reverie.core import At, Batch, Field, Loss, Named, Passes, Spec, Training, Update
from reverie.nets.checks import at_least, picture, positive, share
from reverie.nets.init import dcgan_
from reverie.nets.patch import PatchDiscriminator
from reverie.nets.pool import Pool
from reverie.nets.restyle import LEAST, STRIDE, Restyle

LARGE, BLOCKS = 256, (6, 9)  # residual blocks below so many pixels, and from there on (section 4)


@dataclass(frozen=True)
class Config:
    width: int = 64  # channels of the first layer of generators and discriminators
    blocks: int = 0  # residual blocks of a generator; 0: 9 from 256 pixels on, 6 below
    cycle: float = 10.0  # lambda: weight of the mean absolute error of a picture that went there and back
    identity: float = 0.5  # times lambda: weight of what a generator changes of a picture of the domain it makes
    pool: int = 50  # pictures made before that a discriminator may see again; 0: only new ones
    decay_from: float = 0.5  # share of the steps after which the learning rates fall, evenly, to 0
    slope: float = 0.2  # of the discriminators' leaky ReLUs, below 0
    deviation: float = 0.02  # of the weights at the start
    learning_rate: float = 2e-4  # of Adam, of all networks
    beta1: float = 0.5  # of Adam: its momentum
    beta2: float = 0.999  # of Adam: memory of squared gradients

    @classmethod
    def paper(cls) -> Named:
        """Section 4 and appendix 7.1: 200 passes, of zebras 1,177 pictures each; one at a time, no averaged weights."""
        spec = Spec("image", {"image": Field((3, 256, 256), levels=256)}, domains=("horse", "zebra"))
        return Named(cls(), Training(batch=1, steps=235_400, size=(256, 256), spec=spec))

    @classmethod
    def small(cls) -> Named:
        """Half the paper's width, for pictures of 64 pixels."""
        spec = Spec("image", {"image": Field((3, 64, 64), levels=256)}, domains=("horse", "zebra"))
        return Named(cls(width=32), Training(batch=4, steps=5_000, spec=spec))

    @classmethod
    def tiny(cls) -> Named:
        """For tests: seconds."""
        return Named(cls(width=2, blocks=1, pool=3), Training(batch=4, steps=20))


class CycleGAN(core.Model):
    divides, least = STRIDE, LEAST  # sides of pictures that a generator takes: it is convolutions throughout

    def __init__(self, cfg: Config, spec: Spec):
        super().__init__()
        self.cfg, self.spec = cfg, spec
        at_least(cfg, width=1, blocks=0, cycle=0, identity=0, pool=0)
        positive(cfg, "deviation", "learning_rate")
        share(cfg, "slope", "beta1", "beta2", "decay_from")
        if len(spec.domains) != 2:
            have = f"{len(spec.domains)} domains" if spec.domains else "one set of pictures"
            raise ValueError(f"{have}: cyclegan translates between two. Name two places: reverie fit A B")
        self.name, field = picture(spec, "cyclegan", LEAST)
        sized(field.shape[1:])
        blocks = cfg.blocks or BLOCKS[min(field.shape[1:]) >= LARGE]
        self.to_first, self.to_second = (Restyle(field.shape[0], cfg.width, blocks) for _ in range(2))  # F, G
        self.of_first, self.of_second = (PatchDiscriminator(field.shape, cfg.width, cfg.slope) for _ in range(2))
        dcgan_(self, cfg.deviation)
        self.made_first, self.made_second = (Pool(cfg.pool, field.shape) for _ in range(2))

    def begin(self, stream: Passes) -> None:
        """A pool for each shard of a batch."""
        for pool in (self.made_first, self.made_second):
            pool.cut(stream.shards)

    def optimizers(self) -> dict[str, Optimizer]:
        return {
            "generators": self.adam(self.to_first, self.to_second),
            "discriminators": self.adam(self.of_first, self.of_second),
        }

    def adam(self, *networks: nn.Module) -> Optimizer:
        parameters = chain.from_iterable(network.parameters() for network in networks)
        return Adam(parameters, lr=self.cfg.learning_rate, betas=(self.cfg.beta1, self.cfg.beta2), fused=True)

    def updates(self) -> Sequence[Update]:
        return [
            Update("generators", self.generators_loss, rate=self.rate),
            Update("discriminators", self.discriminators_loss, rate=self.rate),
        ]

    def rate(self, at: At) -> float:
        """1, and from `decay_from` of the steps on evenly down to 0 at the planned end."""
        return min(1.0, (1 - at.progress) / (1 - self.cfg.decay_from))

    # ----------------------------------------------------------------------------------------------------------- losses

    def generators_loss(self, batch: Batch, at: At) -> Loss:
        """(D_Y(G(x)) - 1)² + (D_X(F(y)) - 1)² + λ (|F(G(x)) - x| + |G(F(y)) - y|), equations 1 to 3, and λ·identity
        (|F(x) - x| + |G(y) - y|), section 5.2: of each picture means over patches and over pixels."""
        first, second = self.pictures(batch)
        identity = bool(self.cfg.identity and self.cfg.cycle)
        made_first, same_first = once(self.to_first, second, first, identity)
        made_second, same_second = once(self.to_second, first, second, identity)
        fooled = squared(self.of_first(made_first) - 1) + squared(self.of_second(made_second) - 1)
        cycle = absolute(self.to_first(made_second) - first) + absolute(self.to_second(made_first) - second)
        total = fooled + self.cfg.cycle * cycle
        logs = {"cycle": cycle}
        if identity:
            changed = absolute(same_first - first) + absolute(same_second - second)
            total = total + self.cfg.cycle * self.cfg.identity * changed
            logs["identity"] = changed
        return Loss(total, len(first), {"generators": total, **logs})

    def discriminators_loss(self, batch: Batch, at: At) -> Loss:
        """½ (D(y) - 1)² + ½ D(ỹ)², ỹ a picture that was made now or, from the pool, before; of both domains the sum.
        The half slows the discriminators (section 4)."""
        first, second = self.pictures(batch)
        with torch.no_grad():
            made_first, made_second = self.to_first(second), self.to_second(first)
        old_first, change_first = self.made_first.ask(made_first, at.shard)
        old_second, change_second = self.made_second.ask(made_second, at.shard)
        one, two = judged(self.of_first, first, old_first), judged(self.of_second, second, old_second)
        total = (one.loss + two.loss) / 2
        logs = {"discriminators": total, "real": (one.real + two.real) / 2, "fake": (one.fake + two.fake) / 2}
        changes = {"first": change_first, "second": change_second}
        stats = {f"{which}_{k}": v for which, change in changes.items() for k, v in change.items()}
        return Loss(total, len(first), logs, stats)

    def pictures(self, batch: Batch) -> tuple[Tensor, Tensor]:
        first, second = (batch.domains[domain][self.name] for domain in self.spec.domains)
        return first, second

    @torch.no_grad()
    def absorb(self, stats: Mapping[str, Tensor], count: float) -> None:
        for name, pool in (("first", self.made_first), ("second", self.made_second)):
            if f"{name}_hits" in stats:
                pool.absorb({key: stats[f"{name}_{key}"] for key in ("images", "hits", "more")})

    # -------------------------------------------------------------------------------------------------------- abilities

    def translate(self, values: Mapping[str, Tensor], source: str, to: str) -> dict[str, Tensor]:
        generators = dict(zip(self.spec.domains, (self.to_first, self.to_second)))
        return {self.name: generators[to](values[self.name])}


def once(generator: nn.Module, other: Tensor, own: Tensor, both: bool) -> tuple[Tensor, Tensor]:
    """What a generator makes of the other domain's pictures and, if `both`, of its own: in one pass, which is faster
    and the same, for instance norm mixes no pictures."""
    made, same = generator(torch.cat([other, own])).chunk(2) if both else (generator(other), own)
    return made, same


class Judged(NamedTuple):
    """Sums over pictures of what a discriminator says of real ones and of made ones."""

    loss: Tensor
    real: Tensor
    fake: Tensor


def judged(discriminator: nn.Module, real: Tensor, fake: Tensor) -> Judged:
    """As one batch: instance norm mixes no pictures."""
    on_real, on_fake = discriminator(torch.cat([real, fake])).chunk(2)
    return Judged(squared(on_real - 1) + squared(on_fake), mean(on_real), mean(on_fake))


def mean(x: Tensor) -> Tensor:
    """Over all numbers of each picture; the sum over pictures."""
    return x.flatten(1).mean(1).sum()


def squared(error: Tensor) -> Tensor:
    return mean(error.square())


def absolute(error: Tensor) -> Tensor:
    return mean(error.abs())


def sized(size: Sequence[int]) -> None:
    """Raises ValueError for sides that do not divide by 4."""
    if any(side % STRIDE for side in size):
        given, nearest = ("x".join(map(str, s)) for s in (size, [STRIDE * round(side / STRIDE) for side in size]))
        raise ValueError(f"{given}: cyclegan makes sides that divide by {STRIDE}. Pass the nearest: --size {nearest}")
