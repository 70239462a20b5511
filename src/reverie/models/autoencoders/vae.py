"""Variational autoencoder. Kingma & Welling 2014, "Auto-Encoding Variational Bayes", arXiv:1312.6114.

`paper` is the paper's MNIST network; `burda` the one-layer network, training schedule and estimator of Burda, Grosse &
Salakhutdinov 2015, arXiv:1509.00519, whose k=1 row it reproduces, and with --importance 50 trains for the k=50 row.

Options: beta (Higgins et al. 2017, "beta-VAE"; Bowman et al. 2016's warm-up, arXiv:1511.06349), free bits (Kingma et
al. 2016, arXiv:1606.04934), classes as a condition (Sohn et al. 2015, "Learning Structured Output Representation"), the
importance-weighted bound, upper layers of latents (`nets/ladder.py`), three decoders, their deviations learnt (Rybkin
et al. 2021, arXiv:2006.13202).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot
from torch.optim import Adam

from reverie import core
from reverie.core import At, Batch, Bound, Field, Loss, Named, Spec, Training, Update
from reverie.maths.likelihood import charged, kl_terms, log_mean_exp, log_normal
from reverie.maths.schedules import cosine, warm_up
from reverie.nets.checks import at_least, positive, share
from reverie.nets.coder import Layers
from reverie.nets.flat import Flat, Seen
from reverie.nets.labelled import Labelled
from reverie.nets.ladder import Ladder
from reverie.nets.observed import Observed

MEAN_ITEMS = 10_000  # that the mean item is taken over
ROWS = 2_000  # decoder passes at once in importance sampling: bounds memory
ACTIVE = 0.01  # variance over items of a latent's posterior mean, above which it is in use: Burda et al. 2015


@dataclass(frozen=True)
class Config:
    latents: int = 20  # dimensions of the code z
    upper: tuple[int, ...] = ()  # latents of further layers above z, the nearest first: z is given them
    between: int = 64  # units of the dense layer between two layers of latents; 0: none, so that they are linear
    network: Literal["dense", "convolutional", "auto"] = "dense"  # auto: convolutional for pictures, dense else
    hidden: tuple[int, ...] = (500,)  # widths of the dense layers, encoder's order; the decoder mirrors them
    activation: Literal["tanh", "relu"] = "tanh"  # between dense layers
    width: int = 32  # channels of the convolutional network's first stage, doubled at each next one
    conditional: bool = False  # encoder and decoder are told the class: samples of a class can be asked for
    decoder: Literal["bernoulli", "gaussian", "logistic"] = "bernoulli"  # p(x|z) of numbers; logistic: of levels
    binarise: bool = False  # draw each pixel anew from its intensity, every time it is seen
    mean: Literal["sigmoid", "linear"] = "sigmoid"  # x_hat of bounded numbers: in (0, 1), as appendix C.2, or any
    deviation: float = 0.0  # of gaussian and logistic p(x|z), in units of [0, 1]; 0: learnt, one for each field
    output_bias: Literal["zero", "mean"] = "zero"  # of a dense decoder at the start; mean: gives the data's mean item
    beta: float = 1.0  # weight of the KL divergence; 1: the bound of the likelihood
    warm_up: float = 0.0  # share of the steps over which that weight rises from 0
    free_bits: float = 0.0  # nats of each latent's KL divergence, mean over a batch, that cost nothing (lambda)
    importance: int = 1  # draws of z a loss (k); above 1: the bound of Burda et al. 2015
    resampled: bool = False  # of these, one drawn by its weight alone gives the gradient: a third of the time
    learning_rate: float = 1e-3  # of Adam
    eps: float = 1e-8  # of Adam
    decay: Literal["none", "burda", "cosine"] = "none"  # of the learning rate over the planned steps

    @classmethod
    def paper(cls) -> Named:
        """Kingma & Welling 2014, section 5: 500 tanh units, batches of 100. Adam for their Adagrad, as now usual."""
        spec = Spec("image", {"image": Field((1, 28, 28), levels=256)})
        return Named(cls(), Training(batch=100, steps=100_000, spec=spec))

    @classmethod
    def small(cls) -> Named:
        """A convolutional network for any pictures, a dense one for all else, minutes on two cores. The upper layer
        learns the prior of the lower one: after 1,800 steps of Fashion-MNIST its samples were at a Fréchet distance of
        1932, those of 64 latents alone at 3152, of 16 at 2960; a beta of 3 brought 1805, and lost a class. Of 82 rows
        held-out ones cost 1.02 nats a column after 60 passes, 1.06 after 500 and 3.37 after 3,900."""
        config = cls(latents=32, upper=(16,), network="auto", decoder="gaussian", decay="cosine")
        return Named(config, Training(batch=64, steps=5_000, row_passes=120, ema_items=20_000))

    @classmethod
    def tiny(cls) -> Named:
        """Seconds: for tests and first looks."""
        config = cls(latents=4, network="auto", width=8, decoder="gaussian")
        return Named(config, Training(batch=16, steps=200, ema_items=500))

    @classmethod
    def burda(cls) -> Named:
        """Burda et al. 2015, section 5: 50 latents, two layers of 200, batches of 20, eight stages, 3,280 epochs."""
        config = cls(latents=50, hidden=(200, 200), binarise=True, output_bias="mean", eps=1e-4, decay="burda")
        spec = Spec("image", {"image": Field((1, 28, 28), levels=256)})
        return Named(config, Training(batch=20, steps=3_280 * 3_000, spec=spec))


@dataclass(frozen=True)
class Sampling:
    drawn: Literal["auto", "no", "yes"] = "auto"  # items drawn from p(x|z), or its mean; auto: the mean of pictures


class VAE(core.Model):
    conditions: tuple[str, ...]  # only of a conditional model

    def __init__(self, cfg: Config, spec: Spec):
        super().__init__()
        self.cfg, self.spec = cfg, spec
        self.flat = Flat(spec)
        check(cfg, self.flat, spec)
        self.observed = Observed(self.flat, cfg.decoder, cfg.mean == "linear")
        self.density = self.observed.density  # what `nll` is the likelihood of
        self.likelihood = self.observed.said + (", of one binary draw of each" if cfg.binarise else "")
        self.of_levels = self.observed.of_levels and not cfg.binarise
        self.classes = spec.condition["label"].categories if cfg.conditional else 0
        if self.classes:
            self.conditions = ("label",)
        layers = Layers(cfg.network, cfg.hidden, cfg.activation, cfg.width)
        self.encoder: nn.Module
        if self.classes:
            self.encoder = Labelled(layers, self.flat, self.classes, 2 * cfg.latents)
        else:
            self.encoder = layers.encoder(self.flat, 2 * cfg.latents)
        self.decoder: Any = layers.decoder(cfg.latents + self.classes, self.flat)
        self.ladder = Ladder([cfg.latents, *cfg.upper], cfg.between)
        if not layers.dense(self.flat) and cfg.output_bias == "mean":
            raise ValueError("--output-bias mean: for the dense network, which has a bias a pixel. Pass zero")
        if self.observed.fields and not cfg.deviation:
            self.log_var = nn.Parameter(self.observed.first())  # of p(x|z): Rybkin et al. 2021's sigma-VAE

    def begin(self, stream: Callable[[int], Batch]) -> None:
        """Burda et al. 2015 start the output bias at the mean item. Without it, after 40 epochs of MNIST
        15 dimensions of the code were in use in place of 21."""
        if self.cfg.output_bias == "zero":
            return
        first = stream(0)
        batches = [first, *(stream(k) for k in range(1, ceil(MEAN_ITEMS / len(first))))]
        mean = torch.stack([self.flat.seen(batch).x.mean(0) for batch in batches]).mean(0)
        self.decoder[-1].bias.copy_(self.observed.bias(mean))

    # ------------------------------------------------------------------------------------------- equations of the paper

    def target(self, batch: Batch) -> Seen:
        """What is modelled."""
        seen = self.flat.seen(batch)
        if not self.cfg.binarise:
            return seen
        return seen._replace(x=(torch.rand_like(seen.x) < seen.x).to(seen.x.dtype))  # three times bernoulli's speed

    def label(self, batch: Batch) -> Tensor | None:
        """The class of each item as one 1 among 0s, (B, classes), of a conditional model; where the items come without
        classes, the likeliest one."""
        if not self.classes:
            return None
        given = batch.values["label"] if "label" in batch.values else self.likeliest(self.flat.seen(batch))
        return one_hot(given, self.classes).to(next(self.parameters()).dtype)

    def posterior(self, seen: Seen, label: Tensor | None = None) -> Tensor:
        """Mean and log-variance of q(z|x), one after the other: (B, 2 · latents). Where there are upper layers, what
        the item alone says of z."""
        said: Tensor = self.encoder(self.flat.input(seen), *([] if label is None else [label]))
        return said

    def noises(self, bottom: Tensor, k: int) -> Tensor:
        """Standard normal numbers for k codes of each item, or 0s for one, the mean: (k or 1, B, latents of all
        layers)."""
        make = torch.randn if k else torch.zeros
        return make(max(1, k), len(bottom), self.ladder.size, dtype=bottom.dtype, device=bottom.device)

    def says(self, codes: Tensor) -> Tensor:
        """What the decoder says of each item: codes (B, latents of all layers + classes) -> (B, numbers)."""
        latents, label = codes[:, : self.ladder.size], codes[:, self.ladder.size :]
        said: Tensor = self.decoder(torch.cat([self.ladder.latents(latents), label], 1)).flatten(1)
        return said

    def log_likelihood(self, seen: Seen, codes: Tensor) -> Tensor:
        """log p(x|z): (B,)."""
        said = self.says(codes)
        return self.observed.log_p(seen, said, self.spread(said))

    def spread(self, like: Tensor) -> Tensor:
        """The log-variance of p(x|z) in each field that has one."""
        fixed = 2 * log(self.cfg.deviation) if self.cfg.deviation else 0.0
        learnt = self.observed.fields and not self.cfg.deviation
        return self.log_var if learnt else like.new_full((len(self.observed.fields),), fixed)

    def drawn(self, seen: Seen, label: Tensor | None, bottom: Tensor, noise: Tensor) -> "Drawn":
        """k codes of each item from its posterior, by noise (k, B, latents of all layers)."""
        k = len(noise)
        if k > 1:
            seen, bottom = seen.repeat(k), bottom.repeat(k, 1)
        code, mu, log_var = self.ladder(bottom, noise.flatten(0, 1))
        return Drawn(code, mu, log_var, -self.log_likelihood(seen, joined(code, label, k)))

    def loss(self, batch: Batch, at: At) -> Loss:
        """-ELBO (equation 10, one draw), or -log of the mean of k weights (Burda et al. 2015, equation 8)."""
        seen, label, k = self.target(batch), self.label(batch), self.cfg.importance
        bottom = self.posterior(seen, label)
        noise, beta = self.noises(bottom, k), self.cfg.beta * warm_up(at, self.cfg.warm_up)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.cfg.resampled):
            found = self.drawn(seen, label, bottom, noise)
        rate = found.rate
        if k == 1:
            total = found.distortion.sum() + beta * self.charged(rate)
        else:
            weights = found.log_weight(beta).view(k, -1)
            total = -log_mean_exp(weights).sum()
        if self.cfg.resampled:  # one draw's gradient is in expectation that of all: Burda et al. 2015, section 3
            one = torch.multinomial(weights.T.softmax(1), 1)[:, 0]
            alone = noise[one, torch.arange(len(one), device=one.device)][None]
            chosen = self.drawn(seen, label, bottom, alone).log_weight(beta).sum()
            total = total - chosen + chosen.detach()
        logs = {"loss": total, "reconstruction": found.distortion.sum() / k, "kl": rate.sum() / k}
        if self.cfg.upper:
            parts = torch.split(rate.sum(0), self.ladder.sizes)
            logs |= {f"kl_{layer}": part.sum() / k for layer, part in enumerate(parts, 1)}
        in_use = found.mu[: len(batch)].var(0, correction=0) > ACTIVE
        return Loss(total, len(batch), {**logs, "active_units": in_use.sum().to(total.dtype) * len(batch)})

    def charged(self, rate: Tensor) -> Tensor:
        """The sum of (B, latents) nats, of each latent at least its free bits."""
        return charged(rate, self.cfg.free_bits)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"adam": Adam(self.parameters(), lr=self.cfg.learning_rate, eps=self.cfg.eps, fused=True)}

    def updates(self) -> Sequence[Update]:
        return [
            Update("adam", self.loss, rate={"none": core.always, "burda": stages, "cosine": cosine}[self.cfg.decay])
        ]

    # -------------------------------------------------------------------------------------------------------- abilities

    def noise(self, generator: torch.Generator, how: Sampling | None) -> Tensor:
        wish = how.drawn if how else "auto"
        drawn = wish == "yes" or (wish == "auto" and not self.flat.picture)
        return torch.randn(self.ladder.size + drawn * self.flat.size, generator=generator)

    def sample(self, noise: Tensor, condition: Mapping[str, Tensor], how: Sampling | None) -> dict[str, Tensor]:
        """For codes from the prior, the decoder's mean (pictures without the pixel noise of p(x|z)), or a draw."""
        code, rest = noise[:, : self.ladder.size], noise[:, self.ladder.size :]
        label = one_hot(condition["label"], self.classes).to(noise.dtype) if self.classes else None
        said = self.says(joined(code, label))
        return self.observed.drawn(said, self.spread(said), rest) if rest.shape[1] else self.mean(said)

    def encode(self, batch: Batch) -> Tensor:
        """The posterior's mean, and the class of a conditional model: (B, latents of all layers + classes)."""
        label = self.label(batch)
        bottom = self.posterior(self.flat.seen(batch), label)
        return joined(self.ladder(bottom, self.noises(bottom, 0)[0])[1], label)

    def decode(self, codes: Tensor) -> dict[str, Tensor]:
        return self.mean(self.says(codes))

    def mean(self, said: Tensor) -> dict[str, Tensor]:
        return self.flat.items(self.observed.mean(said), said[:, self.flat.count :])

    def code_nll(self, codes: Tensor) -> Tensor:
        """Of N(0, I), and of classes drawn evenly."""
        code = codes[:, : self.ladder.size]
        zero = torch.zeros_like(code)
        return log(max(1, self.classes)) - log_normal(code, zero, zero)

    def bound(self, batch: Batch) -> Bound:
        """The two parts of -ELBO, by one draw."""
        seen, label = self.target(batch), self.label(batch)
        bottom = self.posterior(seen, label)
        found = self.drawn(seen, label, bottom, self.noises(bottom, 1))
        return Bound(found.mu, found.rate, found.distortion)

    def nll(self, batch: Batch, draws: int) -> tuple[Tensor, Tensor]:
        """-log p(x), of a conditional model -log p(x|class), by `draws` importance samples from q(z|x) (Burda et al.
        2015, equation 8): an upper bound in expectation, tight as draws grow. Of a binarising model: of one binary draw
        of each picture."""
        seen, label = self.target(batch), self.label(batch)
        bottom = self.posterior(seen, label)
        at_once = max(1, ROWS // len(bottom))
        chunks = [min(at_once, draws - k) for k in range(0, draws, at_once)]
        found = [self.drawn(seen, label, bottom, self.noises(bottom, k)).log_weight().view(k, -1) for k in chunks]
        known = self.flat.summed(torch.ones_like(seen.x[:, : self.flat.count]), seen)
        return -log_mean_exp(torch.cat(found)), known.long() + len(self.flat.groups)

    def likeliest(self, seen: Seen) -> Tensor:
        """The class under which each item's bound is highest at the posterior's mean: (B,)."""
        bounds = []
        for number in range(self.classes):
            label = one_hot(torch.full((len(seen.x),), number, device=seen.x.device), self.classes).to(seen.x.dtype)
            bottom = self.posterior(seen, label)
            found = self.drawn(seen, label, bottom, self.noises(bottom, 0))
            bounds.append(found.distortion + found.rate.sum(1))
        return torch.stack(bounds, 1).argmin(1)


class Drawn(NamedTuple):
    """k codes of each of B items, the k-th of all items after the one before, and what each leaves to be said."""

    code: Tensor  # (k · B, latents of all layers), as mu and log_var
    mu: Tensor  # of the posterior
    log_var: Tensor
    distortion: Tensor  # -log p(x|z): (k · B,)

    @property
    def rate(self) -> Tensor:
        """KL(q(z|x) ‖ p(z)) of each latent: (k · B, latents)."""
        return kl_terms(self.mu, self.log_var)

    def log_weight(self, beta: float = 1.0) -> Tensor:
        """log p(x|z) + beta · log p(z) / q(z|x): (k · B,)."""
        zero = torch.zeros_like(self.code)
        ratio = log_normal(self.code, zero, zero) - log_normal(self.code, self.mu, self.log_var)
        return beta * ratio - self.distortion


def check(cfg: Config, flat: Flat, spec: Spec) -> None:
    """Raises ValueError, with the cure, for what can't be."""
    at_least(cfg, latents=1, width=1, between=0, deviation=0, beta=0, free_bits=0, importance=1)
    positive(cfg, "learning_rate", "eps")
    share(cfg, "warm_up")
    if min(cfg.upper, default=1) < 1:
        raise ValueError(f"--upper {cfg.upper}: a layer needs at least 1 latent. Name their sizes, such as 16,8")
    if cfg.free_bits and cfg.importance > 1:
        raise ValueError("--free-bits with --importance: the bound of several draws has no KL to spare. Leave one out")
    if cfg.resampled and cfg.importance == 1:
        raise ValueError("--resampled: needs several draws to choose from. Leave it out, or pass --importance 5")
    if cfg.mean == "linear" and cfg.decoder == "bernoulli" and flat.within:
        raise ValueError("--mean linear: of a bernoulli decoder no probability. Pass --decoder gaussian too")
    if cfg.conditional and "label" not in spec.condition:
        raise ValueError("--conditional: the data has no classes. Leave it out, or put each class in a folder")
    if cfg.binarise and not (flat.within and flat.numbers):
        raise ValueError("--binarise: for intensities in [0, 1], such as pictures. Leave it out")


def joined(code: Tensor, label: Tensor | None, k: int = 1) -> Tensor:
    """Codes (k · B, latents), and each one's class (B, classes) where there is one."""
    return code if label is None else torch.cat([code, label.to(code.dtype).repeat(k, 1)], 1)


def stages(at: At) -> float:
    """Burda et al. 2015, section 5.1: stage i = 0 … 7 lasts 3^i epochs at 10^(-i/7) of the first rate."""
    total = sum(3**i for i in range(8))  # 3,280
    return next(10 ** (-i / 7) for i in range(8) if at.progress * total < sum(3**j for j in range(i + 1)) or i == 7)
