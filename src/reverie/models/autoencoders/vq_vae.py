"""Vector-quantised variational autoencoder. van den Oord, Vinyals & Kavukcuoglu 2017, "Neural Discrete Representation
Learning", arXiv:1711.00937.

A picture becomes a grid of codes, each the nearest of a codebook's vectors; a prior that learns beside it, on codes
through which no gradient passes, says how probable a grid is, so that the model samples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import ceil, log, prod
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from reverie import core
from reverie.core import At, Batch, Field, Loss, Named, Network, Passes, Spec, Training, Update
from reverie.maths.likelihood import log_mean_exp, log_normal
from reverie.maths.schedules import warm_up_then_cosine
from reverie.nets.checks import at_least, from_zero, picture, positive, share
from reverie.nets.code_prior import CodePrior
from reverie.nets.codebook import Codebook
from reverie.nets.grid import GridDecoder, GridEncoder, grid_sizes

FIRST = 4  # encoder outputs a code that the codebook is begun from
WARM = 0.02  # share of the steps over which a rate rises
ROWS = 2_000  # passes of the prior at once, where every class is asked: bounds memory


@dataclass(frozen=True)
class Config:
    codebook: int = 512  # K: how many codes there are
    depth: int = 64  # D: numbers of a code's vector
    halvings: int = 2  # of the sides, from the picture to the grid; 0: until the shorter side is below 12
    width: int = 256  # channels of every convolution
    within: int = 256  # channels between a residual block's two convolutions
    blocks: int = 2  # residual blocks, of encoder and decoder each
    deviation: float = 0.0  # s of p(x|z) = N(x_hat, s²), in units of [0, 1]; 0: learnt, one for all pixels
    commitment: float = 0.25  # beta: weight of the distance from encoder outputs to their codes
    learns: Literal["averages", "gradient"] = "averages"  # the codebook: by appendix A.1, or equation 3's second term
    memory: float = 0.99  # gamma of the averages, an update
    smoothing: float = 1e-5  # added to every code's count before an average is divided by it
    revive: float = 0.03  # a code used less than this share of the even share is set anew; 0: never
    learning_rate: float = 2e-4  # of Adam, of encoder, decoder and a codebook that learns by gradient
    falls: bool = False  # does that rate fall to 0, along a cosine, over the steps that they learn in?
    settle: float = 0.5  # share of the planned steps after which they rest and the prior alone learns on; 1: never
    layers: int = 6  # of the prior: blocks of attention and a dense network
    heads: int = 8  # of the prior's attention; they divide its width
    prior_width: int = 256  # of the prior's residual stream
    dropout: float = 0.1  # of the prior
    prior_rate: float = 3e-4  # of the prior's Adam, at its highest

    @classmethod
    def paper(cls) -> Named:
        """Section 4.1's networks and optimiser on CIFAR-10, batches of 128 for 250,000 steps. K = 512, and D = 64 as in
        its authors' own code. Of s the paper says nothing: it is learnt. Its prior is a PixelCNN trained afterwards;
        here it is a transformer, trained beside and, for as many steps again, after."""
        spec = Spec("image", {"image": Field((3, 32, 32), levels=256)})
        return Named(cls(), Training(batch=128, steps=500_000, spec=spec))

    @classmethod
    def small(cls) -> Named:
        """For any pictures, minutes on two cores."""
        config = cls(
            codebook=256, depth=16, halvings=0, width=64, within=32, learning_rate=2e-3, falls=True, settle=0.5,
            layers=3, heads=4, prior_width=96, dropout=0.0, prior_rate=2e-3,
        )  # fmt: skip
        return Named(config, Training(batch=64, steps=4_000))

    @classmethod
    def tiny(cls) -> Named:
        """For tests: seconds. A memory so short that codes die, and are revived, within a few steps."""
        config = cls(
            codebook=16, depth=4, halvings=0, width=8, within=8, blocks=1, memory=0.8, revive=0.3,
            learning_rate=3e-3, falls=True, settle=0.6, layers=1, heads=2, prior_width=16, prior_rate=1e-2,
        )  # fmt: skip
        return Named(config, Training(batch=16, steps=200))


@dataclass(frozen=True)
class Sampling:
    codes: Literal["prior", "uniform"] = "prior"  # drawn from the prior, or each by itself, all alike: for comparison
    temperature: float = 1.0  # divides the prior's logits: below 1 bolder, above 1 wilder; 0: always the likeliest code


class VQVAE(core.Model):
    conditions: tuple[str, ...]
    codes_told = False  # a class goes into the prior alone

    def __init__(self, cfg: Config, spec: Spec):
        super().__init__()
        self.cfg, self.spec = cfg, spec
        self.density, self.upper_bound = True, True
        check(cfg)
        self.name, self.field = picture(spec, "vq_vae", 2 ** max(1, cfg.halvings))
        channels, height, breadth = self.field.shape
        sizes = grid_sizes((height, breadth), cfg.halvings)
        self.grid, self.places = sizes[-1], prod(sizes[-1])
        self.conditions = ("label",) if "label" in spec.condition else ()
        self.classes = spec.condition["label"].categories if self.conditions else 0
        shape = (channels, sizes, cfg.width, cfg.within, cfg.blocks, cfg.depth)
        self.encoder, self.decoder = GridEncoder(*shape), GridDecoder(*shape)
        by_gradient = cfg.learns == "gradient"
        self.codebook = Codebook(cfg.codebook, cfg.depth, by_gradient, cfg.memory, cfg.smoothing, cfg.revive)
        self.prior = CodePrior(
            cfg.codebook, self.places, max(1, self.classes), cfg.prior_width, cfg.layers, cfg.heads, cfg.dropout
        )
        if not cfg.deviation:
            self.log_var = nn.Parameter(torch.full((1,), 2 * log(0.1)))  # of p(x|z): Rybkin et al. 2021's sigma-VAE

    def begin(self, stream: Passes) -> None:
        """The codebook begins among encoder outputs; its averages then follow wherever the encoder goes."""
        first = self.outputs(stream(0)[self.name])
        batches = ceil(FIRST * self.cfg.codebook / len(first))
        more = [self.outputs(stream(k)[self.name]) for k in range(1, batches)]
        self.codebook.start(torch.cat([first, *more]))

    # ------------------------------------------------------------------------------------------- equations of the paper

    def outputs(self, x: Tensor) -> Tensor:
        """z_e(x), a row a place: (B, C, H, W) -> (B places, D)."""
        maps: Tensor = self.encoder(x)
        return maps.permute(0, 2, 3, 1).flatten(0, 2)

    def logits(self, z: Tensor) -> Tensor:
        """Of x_hat: (B places, D) -> (B, pixels)."""
        grid = z.view(-1, *self.grid, self.cfg.depth).permute(0, 3, 1, 2)
        x_hat: Tensor = self.decoder(grid)
        return x_hat.flatten(1)

    def unit(self, batch: Batch) -> Tensor:
        """Items, flat, in [0, 1]: (B, pixels)."""
        return self.field.to_unit(batch[self.name]).flatten(1)

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        """log p(x|z) = log N(x; x_hat, s²), x_hat by a sigmoid: (B, pixels), (B places, D) -> (B,)."""
        x_hat = self.logits(z).sigmoid()
        log_var = self.log_var if not self.cfg.deviation else x.new_tensor(2 * log(self.cfg.deviation))
        return log_normal(x, x_hat, log_var.expand_as(x))

    def loss(self, batch: Batch, at: At) -> Loss:
        """Equation 3. The decoder sees the code; its gradient passes straight through to the encoder's output."""
        z = self.outputs(batch[self.name])
        index = self.codebook.nearest(z)
        e = self.codebook(index)
        reconstruction = -self.log_likelihood(self.unit(batch), z + (e - z).detach()).sum()
        away = (z - e.detach()).square().sum()
        total = reconstruction + self.cfg.commitment * away
        if self.cfg.learns == "gradient":
            total = total + (z.detach() - e).square().sum()
        n = len(batch)
        logs = {"loss": total, "reconstruction": reconstruction, "commitment": away}
        logs |= {"perplexity": n * self.codebook.perplexity().detach(), "codes_used": n * self.codebook.used()}
        return Loss(total, n, logs, self.codebook.stats(z, index))

    def prior_loss(self, batch: Batch, at: At) -> Loss:
        """-log p(z) of the codes, which pass no gradient back (section 3.3): nats an item."""
        with torch.no_grad():
            index = self.indices(batch)
        nats = self.prior.nats(index, self.label(batch)).sum()
        return Loss(nats, len(batch), {"prior": nats})

    def absorb(self, stats: Mapping[str, Tensor], count: float) -> None:
        if stats:  # the prior's loss has none
            self.codebook.absorb(stats)

    def optimizers(self) -> dict[str, Optimizer]:
        prior = list(self.prior.parameters())
        known = {id(p) for p in prior}
        rest = [p for p in self.parameters() if id(p) not in known]
        return {
            "autoencoder": Adam(rest, lr=self.cfg.learning_rate, fused=True),
            "prior": Adam(prior, lr=self.cfg.prior_rate, betas=(0.9, 0.99), fused=True),
        }

    def updates(self) -> Sequence[Update]:
        """The autoencoder sits out once it is settled, so that the prior ends on codes that stand still."""
        prior_rate = partial(warm_up_then_cosine, share=WARM, floor=0.0)
        return [
            Update("autoencoder", self.loss, every=self.turn, rate=self.rate),
            Update("prior", self.prior_loss, rate=prior_rate),
        ]

    def turn(self, at: At) -> int:
        """1, or after the share of steps in which the autoencoder learns a number that divides no step: never."""
        rests = self.cfg.settle < 1 and at.step >= self.own(at).steps
        return at.step + 1 if rests else 1

    def rate(self, at: At) -> float:
        return warm_up_then_cosine(self.own(at), WARM, 0.0) if self.cfg.falls else 1.0

    def own(self, at: At) -> At:
        """Where the autoencoder stands in the steps that it learns in."""
        return replace(at, steps=max(1, ceil(self.cfg.settle * at.steps)))

    # -------------------------------------------------------------------------------------------------------- abilities

    def indices(self, batch: Batch) -> Tensor:
        """The number of each place's code, in reading order: (B, places)."""
        return self.codebook.nearest(self.outputs(batch[self.name])).view(len(batch), self.places)

    def label(self, batch: Batch) -> Tensor:
        """Classes of items as the prior takes them: 0 where the data has none."""
        return (
            batch["label"] if self.conditions else torch.zeros(len(batch), dtype=torch.long).to(batch[self.name].device)
        )

    def noise(self, generator: torch.Generator, how: Any) -> Tensor:
        """A number in [0, 1) for each place: (places,). Of 53 bits: rare codes come as often as they should."""
        return torch.rand(self.places, dtype=torch.float64, generator=generator)

    def sample(self, noise: Tensor, condition: Mapping[str, Tensor], how: Any) -> dict[str, Tensor]:
        """The decoder's mean for codes from the prior."""
        how = how or Sampling()
        from_zero(how, "temperature")
        if how.codes == "uniform":
            index = (noise * self.cfg.codebook).long()
        else:
            label = condition["label"] if self.conditions else torch.zeros_like(noise[:, 0], dtype=torch.long)
            index = self.prior.draw(noise, label, how.temperature)
        return self.pictures(index)

    def pictures(self, index: Tensor) -> dict[str, Tensor]:
        """The decoder's mean for codes by number, (B, places) -> fields."""
        x_hat = self.logits(self.codebook(index).flatten(0, 1)).sigmoid()
        return {self.name: self.field.from_unit(x_hat).view(-1, *self.field.shape)}

    def encode(self, batch: Batch) -> Tensor:
        """The vectors of the codes, place after place: (B, places D)."""
        vectors: Tensor = self.codebook(self.indices(batch))
        return vectors.flatten(1)

    def snapped(self, codes: Tensor) -> Tensor:
        """The numbers of the codes that lie nearest: (B, places D) -> (B, places)."""
        return self.codebook.nearest(codes.reshape(-1, self.cfg.depth)).view(len(codes), self.places)

    def decode(self, codes: Tensor) -> dict[str, Tensor]:
        """The decoder's mean for the codes nearest to these vectors (B, places D)."""
        return self.pictures(self.snapped(codes))

    def code_nll(self, codes: Tensor) -> Tensor:
        return self.code_nats(self.snapped(codes))

    def code_nats(self, index: Tensor) -> Tensor:
        """-log p(z) of codes by number (B, places) -> (B,): where the prior knows classes, of their mixture in equal
        parts, which is what samples of no particular class are drawn from. So it needs no label of an item."""
        if not self.classes:
            return self.prior.nats(index, torch.zeros_like(index[:, 0]))
        found = []
        for part in torch.split(index, max(1, ROWS // self.classes)):
            label = torch.arange(self.classes, device=index.device).repeat_interleave(len(part))
            nats = self.prior.nats(part.repeat(self.classes, 1), label)
            found.append(-log_mean_exp(-nats.view(self.classes, len(part))))
        return torch.cat(found)

    def nll(self, batch: Batch, draws: int) -> tuple[Tensor, Tensor]:
        """-log p(x|z) - log p(z) at the picture's own codes z, with p(x|z) = N(x_hat, s²) over pixels in [0, 1]: an
        upper bound of -log p(x), as the sum over all z holds this term (section 3.1). Where items have labels, their
        class's term of the mixture alone, which is above the whole and ten times as cheap of ten classes. `draws`
        changes nothing."""
        index, x = self.indices(batch), self.unit(batch)
        z = self.codebook(index).flatten(0, 1)
        if self.classes and "label" in batch.values:
            codes = self.prior.nats(index, batch["label"]) + log(self.classes)
        else:
            codes = self.code_nats(index)
        return codes - self.log_likelihood(x, z), torch.full((len(x),), x.shape[1], device=x.device)

    def network(self) -> Network:
        """codes by number (B, places) -> pictures (B, C, H, W): the codebook and the decoder."""

        def draw(generator: torch.Generator) -> dict[str, Tensor]:
            return {"codes": torch.randint(self.cfg.codebook, (self.places,), generator=generator)}

        return Network(Pictured(self), draw, (self.name,))


class Pictured(nn.Module):
    """A model's codes by number -> its pictures."""

    def __init__(self, model: VQVAE):
        super().__init__()
        self.model = model

    def forward(self, codes: Tensor) -> Tensor:
        return self.model.pictures(codes)[self.model.name]


def check(cfg: Config) -> None:
    """Raises ValueError, with a cure."""
    at_least(cfg, codebook=2, depth=1, halvings=0, width=1, within=1, blocks=0, deviation=0, commitment=0)
    at_least(cfg, layers=1, heads=1, prior_width=1)
    positive(cfg, "smoothing", "learning_rate", "settle", "prior_rate")
    share(cfg, "memory", "revive", "dropout")
    if cfg.settle > 1:
        raise ValueError(f"settle {cfg.settle}: above 1. Pass a share of the steps, or 1 for all of them")
