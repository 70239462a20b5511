"""Autoencoder: an encoder to a code of few numbers, and its mirror image back. Hinton & Salakhutdinov 2006,
"Reducing the Dimensionality of Data with Neural Networks", Science 313:504.

The paper trains each layer first as a restricted Boltzmann machine. That is left out: from weights of a fit size
(Glorot & Bengio 2010) the whole network learns at once, as Martens 2010, "Deep learning via Hessian-free optimization",
found first, and as Adam does too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.optim import Adam, Optimizer

from reverie import core
from reverie.core import At, Batch, Field, Loss, Named, Passes, Spec, Training, Update
from reverie.maths.schedules import falling
from reverie.nets.checks import at_least, positive
from reverie.nets.coder import Layers
from reverie.nets.flat import Flat
from reverie.nets.mixture import Mixture, codes
from reverie.nets.reconstruction import reconstruction, squared_error


@dataclass(frozen=True)
class Config:
    latents: int = 30  # dimensions of the code, which is linear
    network: Literal["auto", "dense", "convolutional"] = "dense"  # auto: convolutional for pictures, else dense
    hidden: tuple[int, ...] = (1000, 500, 250)  # widths of the dense layers, encoder's order; the decoder mirrors them
    activation: Literal["sigmoid", "tanh", "relu"] = "sigmoid"  # between dense layers
    width: int = 32  # channels of the convolutional network's first stage, doubled at each next one
    error: Literal["cross_entropy", "squared"] = "cross_entropy"  # of numbers with bounds; of others always squared
    components: int = 10  # Gaussians of the mixture on codes that samples are drawn from
    learning_rate: float = 1e-3  # of Adam
    decay: Literal["none", "cosine"] = "none"  # of the learning rate over the planned steps

    @classmethod
    def paper(cls) -> Named:
        """Figure 1: 784-1000-500-250-30 and back, logistic units, a linear code. Adam in place of the layers' training
        and of conjugate gradients; length and batch are ours, 170 passes through MNIST."""
        spec = Spec("image", {"image": Field((1, 28, 28), levels=256)})
        return Named(cls(decay="cosine"), Training(batch=100, steps=100_000, spec=spec))

    @classmethod
    def small(cls) -> Named:
        """For any items, minutes on two cores: convolutional for pictures, for rows and series two dense layers."""
        config = cls(latents=32, network="auto", hidden=(256, 128), activation="relu", decay="cosine")
        return Named(config, Training(batch=64, steps=5_000, ema_items=20_000))

    @classmethod
    def tiny(cls) -> Named:
        """For tests: seconds."""
        config = cls(latents=4, network="auto", hidden=(16,), activation="relu", width=8, components=2)
        return Named(config, Training(batch=16, steps=200, ema_items=500))


class Autoencoder(core.Model):
    def __init__(self, cfg: Config, spec: Spec):
        super().__init__()
        self.cfg, self.spec = cfg, spec
        at_least(cfg, latents=1, width=1, components=1)
        positive(cfg, "learning_rate")
        self.flat = Flat(spec)
        layers = Layers(cfg.network, cfg.hidden, cfg.activation, cfg.width)
        self.encoder = layers.encoder(self.flat, cfg.latents)
        self.decoder = layers.decoder(cfg.latents, self.flat)
        self.mixture = Mixture(cfg.latents, cfg.components)

    def loss(self, batch: Batch, at: At) -> Loss:
        """What an item's reconstruction costs: no more than that."""
        seen = self.flat.seen(batch)
        outputs = self.decoder(self.encoder(self.flat.input(seen))).flatten(1)
        total = reconstruction(self.flat, seen, outputs, self.cfg.error).sum()
        logs = {"loss": total, "squared_error": squared_error(self.flat, seen, outputs.detach()).sum()}
        return Loss(total, len(seen.x), logs)

    def optimizers(self) -> dict[str, Optimizer]:
        return {"adam": Adam(self.parameters(), lr=self.cfg.learning_rate, fused=True)}

    def updates(self) -> Sequence[Update]:
        return [Update("adam", self.loss, rate=self.rate)]

    def rate(self, at: At) -> float:
        return falling(at, 0.0, self.cfg.decay)

    # -------------------------------------------------------------------------------------------------------- abilities

    def encode(self, batch: Batch) -> Tensor:
        """(B, latents)."""
        code: Tensor = self.encoder(self.flat.input(self.flat.seen(batch)))
        return code

    def decode(self, codes: Tensor) -> dict[str, Tensor]:
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
