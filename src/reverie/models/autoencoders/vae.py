"""Variational autoencoder. Kingma & Welling 2014, "Auto-Encoding Variational Bayes", arXiv:1312.6114.

`paper` is the paper's MNIST network; `burda` the one-layer network, training schedule and estimator of Burda, Grosse &
Salakhutdinov 2015, arXiv:1509.00519, whose k=1 row it reproduces.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, cos, log, pi
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Adam

from reverie import core
from reverie.core import At, Batch, Field, Loss, Named, Spec, Training, Update
from reverie.maths.likelihood import kl_to_standard_normal, log_bernoulli, log_mean_exp, log_normal
from reverie.nets.checks import at_least, positive
from reverie.nets.mlp import mlp
from reverie.nets.pyramid import Decoder, Encoder

MEAN_ITEMS = 10_000  # that the mean item is taken over
LEAST_MEAN = 1e-3  # of a pixel, in [0, 1]: one that is always off keeps a finite logit
ROWS = 2_000  # decoder passes at once in importance sampling: bounds memory


@dataclass(frozen=True)
class Config:
    latents: int = 20  # dimensions of the code z
    network: Literal["dense", "convolutional"] = "dense"  # of encoder and decoder
    hidden: tuple[int, ...] = (500,)  # widths of the dense layers, encoder's order; the decoder mirrors them
    activation: Literal["tanh", "relu"] = "tanh"  # between dense layers
    width: int = 32  # channels of the convolutional network's first stage, doubled at each next one
    decoder: Literal["bernoulli", "gaussian"] = "bernoulli"  # p(x|z): of intensities as probabilities, or N(x_hat, s²)
    binarise: bool = False  # draw each pixel anew from its intensity, every time it is seen
    mean: Literal["sigmoid", "linear"] = "sigmoid"  # x_hat of the gaussian decoder: in (0, 1), as appendix C.2, or any
    deviation: float = 0.0  # s of the gaussian decoder, in units of [0, 1]; 0: learnt, one for all pixels
    output_bias: Literal["zero", "mean"] = "zero"  # of a dense decoder at the start; mean: gives the data's mean item
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
        """A convolutional network for any pictures, minutes on two cores."""
        config = cls(latents=64, network="convolutional", decoder="gaussian", decay="cosine")
        return Named(config, Training(batch=64, steps=5_000, ema_items=20_000))

    @classmethod
    def tiny(cls) -> Named:
        """Seconds: for tests and first looks."""
        config = cls(latents=4, network="convolutional", width=8, decoder="gaussian")
        return Named(config, Training(batch=16, steps=200, ema_items=500))

    @classmethod
    def burda(cls) -> Named:
        """Burda et al. 2015, section 5: 50 latents, two layers of 200, batches of 20, eight stages, 3,280 epochs."""
        config = cls(latents=50, hidden=(200, 200), binarise=True, output_bias="mean", eps=1e-4, decay="burda")
        spec = Spec("image", {"image": Field((1, 28, 28), levels=256)})
        return Named(config, Training(batch=20, steps=3_280 * 3_000, spec=spec))


class VAE(core.Model):
    def __init__(self, cfg: Config, spec: Spec):
        super().__init__()
        self.cfg, self.spec = cfg, spec
        at_least(cfg, latents=1, width=1, deviation=0)
        positive(cfg, "learning_rate", "eps")
        self.density = cfg.decoder == "gaussian"  # what `nll` is the likelihood of
        self.name, self.field = spec.only
        if self.field.categories:
            raise ValueError(f"the {self.name}s are categories: the vae takes numbers, such as pictures")
        if cfg.network == "convolutional" and len(self.field.shape) != 3:
            raise ValueError(f"--network convolutional: for pictures, and an item is {self.field.shape}. Pass dense")
        self.encoder: nn.Module
        self.decoder: nn.Module
        if cfg.network == "dense":
            self.encoder, self.decoder = dense(cfg, self.field)
        else:
            self.encoder = Encoder(self.field.shape, cfg.width, 2 * cfg.latents)
            self.decoder = Decoder(cfg.latents, cfg.width, self.field.shape)
        if cfg.output_bias == "mean" and cfg.network != "dense":
            raise ValueError("--output-bias mean: for the dense network, which has a bias a pixel. Pass zero")
        if cfg.decoder == "gaussian" and not cfg.deviation:
            self.log_var = nn.Parameter(torch.full((1,), 2 * log(0.1)))  # of p(x|z): Rybkin et al. 2021's sigma-VAE

    def begin(self, stream: Callable[[int], Batch]) -> None:
        """Burda et al. 2015 start the output bias at the mean item. Without it, after 40 epochs of MNIST
        15 dimensions of the code were in use in place of 21."""
        if self.cfg.output_bias == "zero":
            return
        first = stream(0)
        batches = [first, *(stream(k) for k in range(1, ceil(MEAN_ITEMS / len(first))))]
        mean = torch.stack([self.unit(batch).mean(0) for batch in batches]).mean(0)
        linear = self.cfg.decoder == "gaussian" and self.cfg.mean == "linear"
        self.decoder[-1].bias.copy_(mean if linear else mean.clamp(LEAST_MEAN, 1 - LEAST_MEAN).logit())  # type: ignore

    # ------------------------------------------------------------------------------------------- equations of the paper

    def unit(self, batch: Batch) -> Tensor:
        """Items, flat, in [0, 1]: (B, pixels)."""
        return self.field.to_unit(batch[self.name]).flatten(1)

    def target(self, batch: Batch) -> Tensor:
        """What is modelled: (B, pixels)."""
        x = self.unit(batch)
        return (torch.rand_like(x) < x).to(x.dtype) if self.cfg.binarise else x  # three times bernoulli's speed

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z|x): (B, pixels) -> (B, latents) each."""
        shaped = x if self.cfg.network == "dense" else x.view(-1, *self.field.shape)
        mu, log_var = self.encoder(shaped).chunk(2, dim=1)
        return mu, log_var

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        """log p(x|z): (B, pixels), (B, latents) -> (B,)."""
        logits = self.decoder(z).flatten(1)
        if self.cfg.decoder == "bernoulli":
            return log_bernoulli(x, logits)
        log_var = self.log_var if not self.cfg.deviation else x.new_tensor(2 * log(self.cfg.deviation))
        return log_normal(x, self.x_hat(logits), log_var.expand_as(x))

    def x_hat(self, logits: Tensor) -> Tensor:
        """The mean of p(x|z)."""
        linear = self.cfg.decoder == "gaussian" and self.cfg.mean == "linear"
        return logits if linear else logits.sigmoid()

    def loss(self, batch: Batch, at: At) -> Loss:
        """-ELBO (equation 10, one draw)."""
        x = self.target(batch)
        mu, log_var = self.posterior(x)
        z = mu + (0.5 * log_var).exp() * torch.randn_like(mu)
        kl = kl_to_standard_normal(mu, log_var).sum()
        reconstruction = -self.log_likelihood(x, z).sum()
        total = reconstruction + kl
        return Loss(total, len(x), {"loss": total, "reconstruction": reconstruction, "kl": kl})

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"adam": Adam(self.parameters(), lr=self.cfg.learning_rate, eps=self.cfg.eps, fused=True)}

    def updates(self) -> Sequence[Update]:
        return [
            Update("adam", self.loss, rate={"none": core.always, "burda": stages, "cosine": cosine}[self.cfg.decay])
        ]

    # -------------------------------------------------------------------------------------------------------- abilities

    def noise(self, generator: torch.Generator, how: Any) -> Tensor:
        return torch.randn(self.cfg.latents, generator=generator)

    def sample(self, noise: Tensor, condition: Mapping[str, Tensor], how: Any) -> dict[str, Tensor]:
        """The decoder's mean for codes from the prior: pictures without the pixel noise of p(x|z)."""
        return self.decode(noise)

    def encode(self, batch: Batch) -> Tensor:
        """The posterior's mean: (B, latents)."""
        return self.posterior(self.unit(batch))[0]

    def decode(self, codes: Tensor) -> dict[str, Tensor]:
        x_hat = self.x_hat(self.decoder(codes)).view(-1, *self.field.shape)
        return {self.name: self.field.from_unit(x_hat)}

    def nll(self, batch: Batch, draws: int) -> tuple[Tensor, Tensor]:
        """-log p(x) by `draws` importance samples from q(z|x) (Burda et al. 2015, equation 8): an upper bound in
        expectation, tight as draws grow. Of a binarising model: of one binary draw of each picture."""
        x = self.target(batch)
        mu, log_var = self.posterior(x)
        at_once = max(1, ROWS // len(x))
        chunks = [min(at_once, draws - k) for k in range(0, draws, at_once)]
        weights = torch.cat([self.log_weights(x, mu, log_var, k) for k in chunks])  # (draws, B)
        return -log_mean_exp(weights), torch.full((len(x),), x.shape[1], device=x.device)

    def log_weights(self, x: Tensor, mu: Tensor, log_var: Tensor, k: int) -> Tensor:
        """log p(x, z) / q(z|x) at k draws of z from q(z|x): (k, B)."""
        x, mu, log_var = x.repeat(k, 1), mu.repeat(k, 1), log_var.repeat(k, 1)
        z = mu + (0.5 * log_var).exp() * torch.randn_like(mu)
        zero = torch.zeros_like(z)
        weights = self.log_likelihood(x, z) + log_normal(z, zero, zero) - log_normal(z, mu, log_var)
        return weights.view(k, -1)


def dense(cfg: Config, field: Field) -> tuple[nn.Sequential, nn.Sequential]:
    """Encoder and its mirror image."""
    activation = {"tanh": nn.Tanh, "relu": nn.ReLU}[cfg.activation]
    encoder = mlp(field.size, *cfg.hidden, 2 * cfg.latents, activation=activation)
    decoder = mlp(cfg.latents, *reversed(cfg.hidden), field.size, activation=activation)
    for layer in [*encoder, *decoder]:
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)  # Glorot & Bengio 2010, as Burda et al. do
            nn.init.zeros_(layer.bias)
    return encoder, decoder


def stages(at: At) -> float:
    """Burda et al. 2015, section 5.1: stage i = 0 … 7 lasts 3^i epochs at 10^(-i/7) of the first rate."""
    total = sum(3**i for i in range(8))  # 3,280
    return next(10 ** (-i / 7) for i in range(8) if at.progress * total < sum(3**j for j in range(i + 1)) or i == 7)


def cosine(at: At) -> float:
    """Half a cosine, from 1 to 0 at the planned end."""
    return 0.5 * (1 + cos(pi * at.progress))
