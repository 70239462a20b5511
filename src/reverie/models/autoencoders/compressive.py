"""Learned compression of pictures. Ballé, Laparra & Simoncelli 2017, "End-to-end Optimized Image Compression",
arXiv:1611.01704.

A convolutional code, rounded to whole numbers, and a learnt density for each of them: training weighs what the code
costs (the rate) against what is lost (the distortion), with noise one step wide in place of rounding. With `residual`
the levels of every pixel get probabilities too, given the code (Salimans et al. 2017, arXiv:1701.05517), so that the
rest can be written as well and nothing is lost. ReLUs stand for the paper's divisive normalisation, mixtures of
logistics for its piecewise-linear densities: both have an exact form in whole numbers, as Ballé, Johnston & Minnen 2019
ask for.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import log, prod, sqrt
from typing import Any, Literal

import torch
from torch import Tensor
from torch.optim import Adam, Optimizer

from reverie import core
from reverie.core import At, Batch, Field, Loss, Named, Passes, Spec, Tables, Training, Update
from reverie.maths.fixed import NUMBER
from reverie.maths.schedules import falling
from reverie.nets.checks import at_least, picture, positive
from reverie.nets.density import Density
from reverie.nets.exact import exact
from reverie.nets.levels import Levels
from reverie.nets.transform import Analysis, Synthesis, grid

BEGIN = 16  # batches whose codes say how wide the densities begin


@dataclass(frozen=True)
class Config:
    width: int = 128  # channels of the layers between picture and code
    code: int = 128  # channels of the code
    halvings: int = 4  # of the picture's sides: the code has one number a channel for each 2^halvings pixels square
    blocks: int = 0  # residual blocks beside the code, on either side
    quality: float = 500.0  # lambda: nats that a squared error of 1 weighs, of pixels in [0, 1]; twice is 3 dB or less
    rounding: Literal["noise", "mixed"] = "noise"  # what the synthesis learns from; mixed: codes that are rounded
    residual: Literal["none", "logistic"] = "none"  # logistic: pixels get probabilities, and nothing need be lost
    mixtures: int = 3  # logistics of a pixel's density
    passes: Literal[1, 3] = 3  # in which pixels are told, each knowing those before it; 1: from the code alone
    fine: int = 32  # channels of the layers that look at the pixels before
    prior: Literal["channel", "place"] = "channel"  # what has a density of its own; place: each number of the code
    logistics: int = 3  # of each such density
    groups: int = 1  # steps in which the channels are told, each knowing those before it; 1: all by themselves
    learning_rate: float = 1e-3  # of Adam
    prior_rate: float = 1e-2  # the same for the means, scales and shares of the code's densities
    decay: Literal["none", "cosine"] = "cosine"  # of the learning rates over the planned steps

    @classmethod
    def paper(cls) -> Named:
        """Ballé et al. 2017, section 4.1: 128 filters, strides of 4, 2 and 2, a density a channel. Steps and rate as in
        their later work; Adam at 1e-4."""
        spec = Spec("image", {"image": Field((3, 256, 256), levels=256)})
        config = cls(learning_rate=1e-4, prior_rate=1e-3, decay="none")
        return Named(config, Training(batch=8, steps=1_000_000, spec=spec))

    @classmethod
    def small(cls) -> Named:
        """For small pictures of one kind, minutes on two cores: a density for each place."""
        config = cls(width=64, code=16, halvings=2, blocks=2, prior="place", groups=4, rounding="mixed")
        return Named(config, Training(batch=32, steps=4_000, ema_items=5_000))

    @classmethod
    def tiny(cls) -> Named:
        """For tests: seconds."""
        config = cls(width=8, code=4, halvings=2, blocks=1, prior="place", logistics=2, groups=2)
        config = replace(config, residual="logistic", mixtures=2, fine=8)
        return Named(config, Training(batch=16, steps=200))


class Compressive(core.Model):
    def __init__(self, cfg: Config, spec: Spec):
        super().__init__()
        self.cfg, self.spec = cfg, spec
        at_least(cfg, width=1, code=1, halvings=1, blocks=0, mixtures=1, fine=1, logistics=1, groups=1)
        positive(cfg, "quality", "learning_rate", "prior_rate")
        self.name, self.field = picture(spec, "compressive")
        channels = self.field.shape[0]
        self.levels = self.probabilities() if cfg.residual == "logistic" else None
        out = self.levels.outputs if self.levels else channels
        self.shape = (cfg.code, *grid(self.field.shape[1:], cfg.halvings))  # of a code
        layers = (cfg.halvings, cfg.blocks, sqrt(cfg.quality / 6))
        pictures = self.levels.means if self.levels else [[c] for c in range(channels)]
        self.analysis = Analysis(channels, cfg.width, cfg.code, *layers)
        self.synthesis = Synthesis(cfg.code, cfg.width, out, *layers, pictures)
        self.prior = Density(self.shape, cfg.prior == "place", cfg.logistics, cfg.groups, cfg.width)
        if self.levels:
            assert self.synthesis.linear.bias is not None
            self.levels.begin(self.synthesis.linear.bias)

    def probabilities(self) -> Levels:
        bits = {256: 8, 65_536: 16}.get(self.field.levels)
        if not bits:
            raise ValueError(f"--residual logistic: for pictures of 8 or 16 bits, not {self.field.levels} levels")
        return Levels(self.field.shape, bits, self.cfg.mixtures, self.cfg.passes, self.cfg.fine)

    def begin(self, stream: Passes) -> None:
        """The code's densities begin as wide as the codes of the first batches are."""
        self.prior.begin(torch.cat([self.analysis(self.unit(stream(k))) for k in range(BEGIN)]))

    # ------------------------------------------------------------------------------------------------- rate, distortion

    def unit(self, batch: Batch) -> Tensor:
        """Pictures in [0, 1]: (B, C, H, W)."""
        return self.field.to_unit(batch[self.name])

    def outputs(self, y: Tensor) -> Tensor:
        """What the synthesis says of each pixel, the edge that was filled up cut off: (B, out, H, W)."""
        height, width = self.field.shape[1:]
        made: Tensor = self.synthesis(y)[:, :, :height, :width]
        return made

    def lost(self, y: Tensor, x: Tensor) -> Tensor:
        """What a code leaves unsaid of its picture, in nats (B,): lambda times the squared error, or the pixels' own
        cost."""
        said = self.outputs(y)
        if self.levels:
            return self.levels.nats(said, x)
        return self.cfg.quality * (said + 0.5 - x).square().flatten(1).sum(1)

    def loss(self, batch: Batch, at: At) -> Loss:
        """Rate plus what is lost (equation 6), at codes with noise in place of rounding (equation 9); of `mixed` the
        synthesis sees rounded ones, whose gradient is passed straight on (Minnen & Singh 2020, section 3.2): a code
        that is mostly zeros loses less by rounding than by noise."""
        x = self.unit(batch)
        y = self.analysis(x)
        noisy = y + torch.rand_like(y) - 0.5
        seen = noisy if self.cfg.rounding == "noise" else y + (y.round() - y).detach()
        rate, lost = self.prior.each(noisy).sum(), self.lost(seen, x).sum()
        bits = rate / (log(2) * prod(self.field.shape[1:]))
        logs = {"loss": rate + lost, "rate": rate, "pixels" if self.levels else "distortion": lost}
        return Loss(rate + lost, len(x), logs | {"code_bits_per_pixel": bits})

    def optimizers(self) -> dict[str, Optimizer]:
        densities = list(self.prior.logistics.parameters())
        networks = [p for name, p in self.named_parameters() if not name.startswith("prior.logistics.")]
        groups: list[dict[str, Any]] = [{"params": networks}, {"params": densities, "lr": self.cfg.prior_rate}]
        return {"adam": Adam(groups, lr=self.cfg.learning_rate, fused=True)}

    def updates(self) -> Sequence[Update]:
        return [Update("adam", self.loss, rate=lambda at: falling(at, 0.0, self.cfg.decay))]

    # -------------------------------------------------------------------------------------------------------- abilities

    def encode(self, batch: Batch) -> Tensor:
        """Whole numbers: (B, code · h · w)."""
        y: Tensor = self.analysis(self.unit(batch))
        return y.round().flatten(1)

    def decode(self, codes: Tensor) -> dict[str, Tensor]:
        said = self.outputs(codes.reshape(-1, *self.shape))
        x = self.levels.mean(said) if self.levels else said + 0.5
        return {self.name: self.field.from_unit(x.clamp(0, 1))}

    def code_nll(self, codes: Tensor) -> Tensor:
        """Of rounded codes: nats of their probability."""
        return self.prior.each(codes.reshape(-1, *self.shape)).flatten(1).sum(1)

    def noise(self, generator: torch.Generator, how: Any) -> Tensor:
        """Two numbers in [0, 1) for each of the code: which logistic, and where in it."""
        return torch.rand(2, prod(self.shape), generator=generator)

    def sample(self, noise: Tensor, condition: Mapping[str, Tensor], how: Any) -> dict[str, Tensor]:
        """Pictures of codes that are drawn number by number: what the density takes for likely."""
        return self.decode(self.prior.drawn(noise).flatten(1))

    def symbols(self, batch: Batch, lossless: bool) -> list[Tensor]:
        codes = self.analysis(self.unit(batch)).round().long()
        groups = [part.flatten(1) for part in torch.split(codes, self.prior.sizes, 1)]
        return [*groups, *self.exactly(lossless).digits(self.unit(batch))] if lossless else groups

    def coding(self, lossless: bool) -> Generator[Tables, Tensor, dict[str, Tensor]]:
        """The code; with `lossless` then every digit of every pixel."""
        codes = yield from self.prior.coding()
        height, width = self.field.shape[1:]
        said = exact((self.synthesis.linear, self.synthesis.network), codes)[:, :, :height, :width]
        if lossless:
            levels = yield from self.exactly(lossless).coding(said)
            unit = levels.double() / (self.field.levels - 1)
        else:
            mean = self.levels.exact_mean(said) if self.levels else said + (1 << NUMBER - 1)
            unit = (mean.double() / 2**NUMBER).clamp(0, 1)
        return {self.name: self.field.from_unit(unit).float()}

    def exactly(self, lossless: bool) -> Levels:
        if not self.levels:
            raise ValueError("has no probabilities of pixels. Train a run with --residual logistic")
        return self.levels
