"""Denoising autoencoder: an item is spoilt on purpose, and the clean one is asked for. Vincent, Larochelle, Bengio &
Manzagol 2008, "Extracting and Composing Robust Features with Denoising Autoencoders", ICML; Gaussian noise also in
their paper of 2010, Journal of Machine Learning Research 11:3371.

Its code may hold more numbers than the item: what keeps it from copying is the noise. The convolutional network is
ours: its code are maps, as a picture that is to come back sharp needs to say what is where.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from reverie import core
from reverie.core import At, Batch, Field, Loss, Named, Passes, Spec, Training, Update
from reverie.maths import corruption
from reverie.maths.schedules import falling
from reverie.nets import maps
from reverie.nets.checks import at_least, positive, share
from reverie.nets.coder import ACTIVATIONS, Layers
from reverie.nets.flat import Flat, Seen
from reverie.nets.mixture import Mixture, codes
from reverie.nets.reconstruction import reconstruction, squared_error


@dataclass(frozen=True)
class Config:
    corruption: Literal["masking", "gaussian", "salt_and_pepper"] = "masking"  # what spoils an item in training
    amount: float = 0.25  # share that is hidden or made 0 or 1; of gaussian: deviation, in units of [0, 1] or of data's
    spread: float = 0.0  # of gaussian: each item's deviation is drawn between amount - spread and amount + spread
    cut: bool = True  # gaussian noise leaves numbers within their bounds, as in a file; off: as it falls
    network: Literal["auto", "dense", "convolutional"] = "dense"  # auto: convolutional for pictures, else dense
    latents: int = 2000  # dimensions of the dense network's code
    hidden: tuple[int, ...] = ()  # widths of the dense layers before the code; the decoder mirrors them
    activation: Literal["sigmoid", "tanh", "relu"] = "sigmoid"  # of dense layers, the code among them
    width: int = 32  # channels of the convolutional network at half the picture's sides, doubled at a quarter
    depth: int = 1  # blocks of the convolutional network at each of the two sizes
    maps: int = 8  # of its code at half the sides; four times as many at a quarter
    error: Literal["cross_entropy", "squared"] = "cross_entropy"  # of numbers with bounds; of others always squared
    components: int = 10  # Gaussians of the mixture on codes that samples are drawn from
    learning_rate: float = 1e-3  # of Adam
    decay: Literal["none", "cosine"] = "none"  # of the learning rate over the planned steps

    @classmethod
    def paper(cls) -> Named:
        """One layer of section 4's stacks: 2,000 logistic units, a quarter of the pixels hidden, cross-entropy. Weights
        are not tied; Adam in place of gradient descent; length and batch are ours."""
        spec = Spec("image", {"image": Field((1, 28, 28), levels=256)})
        return Named(cls(decay="cosine"), Training(batch=100, steps=50_000, spec=spec))

    @classmethod
    def small(cls) -> Named:
        """Cleans Gaussian noise of deviations from 0.25 to 0.55 of pictures of any size, after minutes on one core; of
        rows and series of 0.4 of each column's deviation, 0.15 more or less."""
        config = cls(
            corruption="gaussian", amount=0.4, spread=0.15, network="auto", latents=256, hidden=(256,),
            activation="relu", learning_rate=2e-3, decay="cosine",
        )  # fmt: skip
        return Named(config, Training(batch=64, steps=2_000, ema_items=10_000))

    @classmethod
    def tiny(cls) -> Named:
        """For tests: seconds."""
        config = cls(network="auto", latents=32, activation="relu", width=8, maps=2, components=2)
        return Named(config, Training(batch=16, steps=200, ema_items=500))


class Denoising(core.Model):
    part: Tensor
    removes: str  # in words, what it learns to take away

    def __init__(self, cfg: Config, spec: Spec):
        super().__init__()
        self.cfg, self.spec = cfg, spec
        at_least(cfg, latents=1, width=1, depth=0, maps=1, components=1, amount=0, spread=0)
        positive(cfg, "learning_rate")
        self.flat = Flat(spec)
        fits(cfg, self.flat)
        self.removes = removed(cfg)
        self.register_buffer("part", parts(self.flat), persistent=False)  # of the vector's columns
        self.encoder, self.decoder, size = networks(cfg, self.flat)
        self.mixture = Mixture(size, cfg.components)

    # ------------------------------------------------------------------------------------------- equations of the paper

    def corrupted(self, seen: Seen) -> Seen:
        """x̃ from q(x̃|x), by torch's global generator. A hidden number is 0, and as a gap where the data have gaps; a
        hidden category has no 1. Noise leaves categories, and gaps, as they are."""
        cfg, count = self.cfg, self.flat.count
        x, rest = seen.x[:, :count], seen.x[:, count:]
        if cfg.corruption == "masking":
            hide = corruption.hidden(len(x), int(self.part.max()) + 1, cfg.amount, x)[:, self.part]
            there = None if seen.there is None else seen.there & ~hide[:, :count]
            return Seen(torch.where(hide, 0.0, seen.x), there)
        if cfg.corruption == "gaussian":
            noisy = corruption.gaussian(x, cfg.amount - cfg.spread, cfg.amount + cfg.spread)
            if cfg.cut:
                bounded = self.flat.bounded.to(x.device)
                noisy = torch.where(bounded, noisy.clamp(0, 1), noisy)
        else:
            noisy = corruption.salt_and_pepper(x, cfg.amount)
        noisy = noisy if seen.there is None else torch.where(seen.there, noisy, 0.0)
        return Seen(torch.cat([noisy, rest], 1) if rest.shape[1] else noisy, seen.there)

    def loss(self, batch: Batch, at: At) -> Loss:
        """What the clean item costs under what is made of the spoilt one (their equation 5)."""
        seen = self.flat.seen(batch)
        outputs = self.decoder(self.encoder(self.flat.input(self.corrupted(seen)))).flatten(1)
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
        """Of items as they are, spoilt or clean: (B, latents). Of 28×28 pixels, maps of 14×14 and 7×7."""
        code: Tensor = self.encoder(self.flat.input(self.flat.seen(batch)))
        return code

    def decode(self, codes: Tensor) -> dict[str, Tensor]:
        """Clean items."""
        return self.flat.decoded(self.decoder(codes).flatten(1))

    def finish(self, stream: Passes) -> None:
        """The density, on codes of clean items, that samples are drawn from."""
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


def fits(cfg: Config, flat: Flat) -> None:
    """Raises ValueError where items can't be spoilt so."""
    if cfg.corruption != "gaussian":
        share(cfg, "amount")
        if cfg.spread:
            raise ValueError(f"spread {cfg.spread}: of gaussian noise, and the corruption is {cfg.corruption}. Pass 0")
    elif cfg.spread > cfg.amount:
        raise ValueError(f"spread {cfg.spread}: above the amount {cfg.amount}. Pass a smaller one")
    elif not flat.count:
        raise ValueError("corruption gaussian: items have no numbers. Pass masking")
    if cfg.corruption == "salt_and_pepper" and not (flat.count and flat.within):
        raise ValueError("corruption salt_and_pepper: for numbers with bounds, such as pixels. Pass masking")


def networks(cfg: Config, flat: Flat) -> tuple[nn.Module, nn.Module, int]:
    """Encoder, decoder, and how many numbers their code has. Raises ValueError where a convolution finds no picture."""
    layers = Layers(cfg.network, cfg.hidden, cfg.activation, 0)
    if layers.dense(flat):
        encoder = nn.Sequential(layers.encoder(flat, cfg.latents), ACTIVATIONS[cfg.activation]())
        return encoder, layers.decoder(cfg.latents, flat), cfg.latents
    if not flat.picture:
        raise ValueError("--network convolutional: for pictures, and an item is none. Pass --network dense")
    shape = (flat.picture, cfg.width, cfg.depth, cfg.maps)
    return maps.Encoder(*shape), maps.Decoder(*shape), maps.size(flat.picture, cfg.maps)


def removed(cfg: Config) -> str:
    """In words, with the range that training covers."""
    if cfg.corruption == "gaussian":
        least, most = cfg.amount - cfg.spread, cfg.amount + cfg.spread
        how = f"deviations from {least:g} to {most:g}" if cfg.spread else f"deviation {cfg.amount:g}"
        return f"Gaussian noise of {how}"
    what = "are hidden" if cfg.corruption == "masking" else "became black or white"
    return f"damage of which {cfg.amount:.0%} of the values {what}"


def parts(flat: Flat) -> Tensor:
    """Which part each column of the vector belongs to: what is hidden, is hidden whole. The parts of a row are its
    fields; of an item of one field, its numbers or categories."""
    if len(flat.numbers) + len(flat.categories) == 1:
        columns = [*range(flat.count), *(k for k, group in enumerate(flat.groups) for _ in range(group))]
        return torch.tensor(columns)
    sizes = [f.size for f in flat.numbers.values()] + [prod(f.shape) * f.categories for f in flat.categories.values()]
    return torch.tensor([k for k, size in enumerate(sizes) for _ in range(size)])
