"""Sparse autoencoder: a code of many units, few of which are active for any one item. Makhzani & Frey 2014, "k-Sparse
Autoencoders", arXiv:1312.5663; Ng 2011, "Sparse Autoencoder", lecture notes of Stanford's CS294A.

Three ways to it: `top_k` lets the k most active units of an item pass (Makhzani & Frey); `kl` holds each unit's mean
activation to a target by a Kullback-Leibler penalty (Ng); `l1` makes every activation cost as much as it is high.

Units of `top_k` that no item activates any more are brought back by the auxiliary loss of Gao et al. 2024, "Scaling and
evaluating sparse autoencoders", arXiv:2406.04093, appendix A.2: they learn what the others leave unexplained.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.optim import Adam, Optimizer

from reverie import core
from reverie.core import At, Batch, Field, Loss, Named, Passes, Spec, Training, Update
from reverie.maths.schedules import falling
from reverie.maths.sparsity import kl_to_target, top
from reverie.nets.checks import at_least, positive
from reverie.nets.coder import Layers
from reverie.nets.flat import Flat, Seen
from reverie.nets.mixture import Mixture, codes
from reverie.nets.reconstruction import reconstruction, squared_error

ON = 0.5  # a logistic unit above it counts as active


@dataclass(frozen=True)
class Config:
    sparsity: Literal["top_k", "kl", "l1"] = "top_k"  # what makes few units active
    units: int = 1000  # dimensions of the code
    target: float = 0.025  # top_k: share of units active for an item; kl: each unit's mean activation; l1 has none
    first: float = 0.1  # of top_k: the share in the beginning, from which it falls to the target
    fall: float = 0.5  # share of the planned steps over which it falls
    penalty: float = 3.0  # weight, in nats, of each unit's KL (beta), or of each unit of activation of l1
    dead_after: int = 10_000  # items in a row that a unit is not active for, before it counts as dead
    revive: float = 0.0  # of top_k: weight of what dead units leave of the remaining error (alpha of Gao et al.)
    revived: int = 512  # dead units, at most, that try it for an item (k_aux of Gao et al.)
    network: Literal["auto", "dense", "convolutional"] = "dense"  # auto: convolutional for pictures, else dense
    hidden: tuple[int, ...] = ()  # widths of the dense layers before the code; the decoder mirrors them
    activation: Literal["sigmoid", "tanh", "relu"] = "relu"  # between dense layers
    width: int = 32  # channels of the convolutional network's first stage, doubled at each next one
    error: Literal["cross_entropy", "squared"] = "squared"  # of numbers with bounds; of others always squared
    components: int = 10  # Gaussians of the mixture on codes that samples are drawn from
    learning_rate: float = 1e-3  # of Adam
    decay: Literal["none", "cosine"] = "none"  # of the learning rate over the planned steps

    @classmethod
    def paper(cls) -> Named:
        """Makhzani & Frey's MNIST network: 1,000 linear units of which 25 pass, k falling in the first half of
        training. Weights are not tied, and pixels pass a logistic unit, so that samples are pixels; Adam, length and
        batch are ours."""
        spec = Spec("image", {"image": Field((1, 28, 28), levels=256)})
        return Named(cls(decay="cosine"), Training(batch=100, steps=50_000, spec=spec))

    @classmethod
    def ng(cls) -> Named:
        """Ng's notes: 196 logistic units held to 0.1 by a weight of 3, for pictures in [0, 1] of 28×28. No decay of
        weights; Adam in place of L-BFGS; length and batch ours."""
        spec = Spec("image", {"image": Field((1, 28, 28), levels=256)})
        config = cls(sparsity="kl", units=196, target=0.1, decay="cosine")
        return Named(config, Training(batch=100, steps=50_000, spec=spec))

    @classmethod
    def small(cls) -> Named:
        """For any items, minutes on two cores: 500 units, of which a tenth pass; in the beginning all, so that few die:
        after 4,000 steps of MNIST 8 % of them at 65.1 nats, from three tenths on 46 % at 65.0; where all pass
        for longer the error is higher (66.6 at half of the steps)."""
        config = cls(units=500, target=0.1, first=1.0, fall=0.3, hidden=(256,), error="cross_entropy", decay="cosine")
        return Named(config, Training(batch=64, steps=5_000, ema_items=20_000))

    @classmethod
    def tiny(cls) -> Named:
        """For tests: seconds."""
        config = cls(
            units=32, target=0.25, first=0.5, dead_after=64, revive=0.03, network="auto", width=8, components=2
        )
        return Named(config, Training(batch=16, steps=200, ema_items=500))


class Sparse(core.Model):
    idle: Tensor

    def __init__(self, cfg: Config, spec: Spec):
        super().__init__()
        self.cfg, self.spec = cfg, spec
        at_least(cfg, units=1, width=1, components=1, dead_after=1, penalty=0, revive=0, revived=1)
        positive(cfg, "learning_rate")
        for name in ("target", "first"):
            if not 0 < getattr(cfg, name) <= 1:
                raise ValueError(f"{name} {getattr(cfg, name)}: not in (0, 1]. Pass a share of the units")
        if not 0 <= cfg.fall <= 1:
            raise ValueError(f"fall {cfg.fall}: not in [0, 1]. Pass a share of the steps")
        if cfg.sparsity == "kl" and cfg.target == 1:
            raise ValueError("target 1: no logistic unit can always be active. Pass a smaller share")
        self.flat = Flat(spec)
        layers = Layers(cfg.network, cfg.hidden, cfg.activation, cfg.width)
        self.encoder = layers.encoder(self.flat, cfg.units)
        self.decoder = layers.decoder(cfg.units, self.flat)
        self.mixture = Mixture(cfg.units, cfg.components)
        self.register_buffer("idle", torch.zeros(cfg.units))  # items since each unit was last active

    # ------------------------------------------------------------------------------------------ equations of the papers

    def passing(self, at: At | None = None) -> int:
        """k of top_k: falls in a line from `first` to `target` (Makhzani & Frey, section 4.2.1), so that every unit has
        a chance to learn; after training, and where `first` is not above it, the target's."""
        cfg = self.cfg
        share, end = cfg.target, cfg.fall * at.steps if at else 0.0
        if at and at.step < end:
            share += max(0.0, cfg.first - cfg.target) * (1 - at.step / end)
        return max(1, round(share * cfg.units))

    def activations(self, seen: Seen, at: At | None = None) -> Tensor:
        """(B, units): linear ones of which k pass, logistic, or from 0 up."""
        raw: Tensor = self.encoder(self.flat.input(seen))
        if self.cfg.sparsity == "top_k":
            return top(raw, self.passing(at))
        return raw.sigmoid() if self.cfg.sparsity == "kl" else raw.relu()

    def active(self, units: Tensor) -> Tensor:
        """Which units are, for each item: (B, units)."""
        return units > ON if self.cfg.sparsity == "kl" else units != 0

    def penalty(self, units: Tensor) -> Tensor:
        """Over all units, a sum over the items, as the trainer divides by their count.

        The mean activation that the KL is of is taken over one shard of the batch: as the KL is convex, the sum over
        shards is never below what the whole batch's mean costs, and equal to it where the shards' means agree. So
        several small shards hold a unit a little more strictly than one large one."""
        if self.cfg.sparsity == "kl":
            return self.cfg.penalty * len(units) * kl_to_target(units.mean(0), self.cfg.target).sum()
        return self.cfg.penalty * units.sum() if self.cfg.sparsity == "l1" else units.new_zeros(())

    def revival(self, seen: Seen, units: Tensor, outputs: Tensor) -> Tensor:
        """What items cost where dead units speak, too: of each item those `revived` of them that say most. Gao et al.,
        appendix A.2: |e - e_hat|² with e what the living units leave, e_hat what the dead ones add to what is decoded,
        for a decoder of any depth and any error. Only the dead units' own weights, into them and out of them, learn
        from it: no layer before or after the code that the living ones need."""
        dead = self.idle >= self.cfg.dead_after
        if not dead.any():
            return outputs.new_zeros(())
        encoder, decoder = learning(self.encoder, slice(-2, None)), learning(self.decoder, slice(1))
        raw = encoder(self.flat.input(seen))
        most = top(raw.masked_fill(~dead, -torch.inf), min(self.cfg.revived, self.cfg.units))
        woken, living = torch.where(dead, most, 0.0), units.detach()
        added = decoder(living + woken) - decoder(living)  # so that living units' own weights cancel
        both = outputs.detach() + added.flatten(1)
        return reconstruction(self.flat, seen, both, self.cfg.error).sum()

    def loss(self, batch: Batch, at: At) -> Loss:
        seen = self.flat.seen(batch)
        units = self.activations(seen, at)
        outputs = self.decoder(units).flatten(1)
        error, penalty = reconstruction(self.flat, seen, outputs, self.cfg.error).sum(), self.penalty(units)
        total, count, on = error + penalty, len(units), self.active(units.detach())
        logs = {
            "loss": total,
            "reconstruction": error,
            "squared_error": squared_error(self.flat, seen, outputs.detach()).sum(),
            "active": on.to(error.dtype).mean(1).sum(),  # share of units
            "activation": units.detach().mean(1).sum(),  # mean over units: of kl, what the target is of
            "dead": count * (self.idle >= self.cfg.dead_after).to(error.dtype).mean(),  # share of units, up to here
        }
        if self.cfg.sparsity != "top_k":
            logs["penalty"] = penalty
        if self.cfg.revive and self.cfg.sparsity == "top_k":
            logs["revival"] = self.revival(seen, units, outputs)
            logs["loss"] = total = total + self.cfg.revive * logs["revival"]
        return Loss(total, count, logs, {"on": on.to(error.dtype).sum(0)})

    def absorb(self, stats: Mapping[str, Tensor], count: float) -> None:
        """How long each unit has been idle."""
        self.idle.copy_(torch.where(stats["on"] > 0, 0.0, self.idle + count))

    def optimizers(self) -> dict[str, Optimizer]:
        return {"adam": Adam(self.parameters(), lr=self.cfg.learning_rate, fused=True)}

    def updates(self) -> Sequence[Update]:
        return [Update("adam", self.loss, rate=self.rate)]

    def rate(self, at: At) -> float:
        return falling(at, 0.0, self.cfg.decay)

    # -------------------------------------------------------------------------------------------------------- abilities

    def encode(self, batch: Batch) -> Tensor:
        """(B, units), most of them 0 (of kl: near it)."""
        return self.activations(self.flat.seen(batch))

    def decode(self, codes: Tensor) -> dict[str, Tensor]:
        """Of a code that no item has, such as a drawn one, what an encoder could say: the k most active units, units
        between 0 and 1, units from 0 up."""
        if self.cfg.sparsity == "top_k":
            k = self.passing()
            codes = torch.where((codes != 0).sum(1, keepdim=True) > k, top(codes, k), codes)  # units may be below 0
        else:
            codes = codes.clamp(0, 1) if self.cfg.sparsity == "kl" else codes.relu()
        return self.flat.decoded(self.decoder(codes).flatten(1))

    def finish(self, stream: Passes) -> None:
        """The density that samples are drawn from."""
        self.mixture.fit(codes(self.encode, stream))

    def code_nll(self, codes: Tensor) -> Tensor:
        return self.mixture.nll(codes)

    def noise(self, generator: torch.Generator, how: Any) -> Tensor:
        return self.mixture.noise(generator)

    def sample(self, noise: Tensor, condition: Mapping[str, Tensor], how: Any) -> dict[str, Tensor]:
        """Items of codes from the mixture."""
        return self.decode(self.mixture.draw(noise))

    def said(self) -> str:
        return self.mixture.said()


def learning(network: nn.Module, which: slice) -> Callable[[Tensor], Tensor]:
    """What a network says, where of its parameters, in their order, only those learn from it: the last two are the
    weight and the bias of its last layer, the first one the weight of its first."""
    names = [name for name, _ in network.named_parameters()]
    fixed = {name: p if name in names[which] else p.detach() for name, p in network.named_parameters()}
    return lambda x: functional_call(network, fixed, (x,))
