"""Text VAE. Bowman, Vilnis, Vinyals, Dai, Jozefowicz & Bengio 2016, "Generating Sentences from a Continuous Space",
arXiv:1511.06349.

An LSTM reads a sentence into a Gaussian code, another writes it from one. A decoder that sees the words before it soon
does without the code: the KL falls to 0, the posterior collapses. Against that stand a weight of the KL that rises from
0, and word dropout: words that the decoder is given read as blanks. `free_bits`: Kingma et al. 2016, arXiv:1606.04934.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Adam, Optimizer

from reverie import core
from reverie.core import At, Batch, Bound, Field, Loss, Named, Spec, Training, Update
from reverie.errors import Problem
from reverie.maths.likelihood import charged, kl_terms, log_mean_exp, log_normal
from reverie.maths.sampling import inverse_cdf, probabilities
from reverie.maths.schedules import falling, warm_up
from reverie.maths.vocabulary import token_nats
from reverie.nets.checks import at_least, from_zero, nucleus, positive, share
from reverie.nets.pooling import last
from reverie.nets.recurrent import Recurrent, initialise_

ROWS = 2_000  # sentences decoded at once in importance sampling: bounds memory
ACTIVE = 0.01  # variance of a unit's mean over items that makes it active: Burda et al. 2015, arXiv:1509.00519
STEEP = 5.0  # the logistic schedule runs from sigmoid(-5) to sigmoid(5)


@dataclass(frozen=True)
class Config:
    latents: int = 32  # dimensions of the code z
    embedding: int = 256  # width of a token's vector, which encoder, decoder and output layer share
    width: int = 512  # of the LSTM's state, in the encoder and in the decoder
    both_ways: bool = False  # the encoder reads each sentence from its end, too
    conditional: bool = False  # encoder and decoder are told the class of a sentence
    word_dropout: float = 0.25  # share of the words given to the decoder that read as blanks; 1: it sees none
    dropout: float = 0.0  # of tokens' vectors, and of what the output layer sees
    warm_up: float = 0.5  # share of the steps over which the weight of the KL divergence rises from 0 to 1
    annealing: Literal["logistic", "linear"] = "logistic"  # how it rises
    free_bits: float = 0.0  # nats of each latent's KL divergence, mean over a batch, that cost nothing (lambda)
    learning_rate: float = 1e-3  # of Adam, at its peak
    climb: float = 0.01  # share of the steps in which the rate climbs from 0 to its peak
    decay: Literal["none", "linear", "cosine"] = "none"  # how the rate falls to 0 after that

    @classmethod
    def paper(cls) -> Named:
        """Single-layer LSTMs, logistic annealing and word dropout, on Penn Treebank's vocabulary of 10,000. The sizes,
        rates and number of steps are ours, Adam too, and the decoder sees the code at every word, not at the first
        alone."""
        spec = Spec("sentences", {"text": Field((80,), categories=10_000, length=True, start=1)})
        return Named(cls(), Training(batch=32, steps=50_000, clip=5.0, spec=spec))

    @classmethod
    def small(cls) -> Named:
        """For some ten thousand sentences of a dozen words, in ten minutes on one core."""
        config = cls(
            embedding=192, width=256, both_ways=True, word_dropout=0.4, dropout=0.2, warm_up=0.4,
            learning_rate=3e-3, decay="cosine",
        )  # fmt: skip
        return Named(config, Training(batch=64, steps=2_000, clip=5.0, ema_items=10_000))

    @classmethod
    def tiny(cls) -> Named:
        """For tests: seconds."""
        config = cls(latents=4, embedding=16, width=24, warm_up=0.3, learning_rate=1e-2)
        return Named(config, Training(batch=16, steps=100, clip=5.0))


@dataclass(frozen=True)
class Sampling:
    temperature: float = 1.0  # divides the logits: below 1 bolder, above 1 wilder; 0: always the likeliest token
    top_k: int = 0  # draw from that many likeliest tokens; 0: from all
    top_p: float = 1.0  # draw from the likeliest tokens that together hold this probability


class TextVAE(core.Model):
    conditions: tuple[str, ...]  # only of a conditional model

    def __init__(self, cfg: Config, spec: Spec):
        super().__init__()
        self.cfg, self.spec = cfg, spec
        at_least(cfg, latents=1, embedding=1, width=1, free_bits=0)
        positive(cfg, "learning_rate")
        share(cfg, "dropout", "climb")
        if not 0 <= cfg.warm_up <= 1:
            raise ValueError(f"warm_up {cfg.warm_up}: not in [0, 1]. Pass a share of the steps")
        if not 0 <= cfg.word_dropout <= 1:
            raise ValueError(f"word_dropout {cfg.word_dropout}: not in [0, 1]. Pass a share of the words")
        self.name, field = written(spec)
        self.start, self.longest, self.vocabulary = field.start or 0, field.shape[0], field.categories
        self.classes = spec.classes if cfg.conditional else 0
        if cfg.conditional and not self.classes:
            raise ValueError("conditional: the sentences have no classes. Pass False")
        if cfg.conditional:
            self.conditions = ("label",)
        code = cfg.latents + self.classes
        self.tokens = nn.Embedding(self.vocabulary + 1, cfg.embedding)  # the last is the blank
        self.encoder = Recurrent("lstm", cfg.embedding, cfg.width, 1, cfg.both_ways, 0.0)
        self.gaussian = nn.Linear(self.encoder.width + self.classes, 2 * cfg.latents)
        self.state = nn.Linear(code, 2 * cfg.width)
        self.decoder = nn.LSTM(cfg.embedding + code, cfg.width, batch_first=True)
        self.say = nn.Linear(cfg.width, cfg.embedding)
        nn.init.uniform_(self.tokens.weight, -0.1, 0.1)
        initialise_(self.decoder)

    def optimizers(self) -> dict[str, Optimizer]:
        return {"adam": Adam(self.parameters(), lr=self.cfg.learning_rate, fused=True)}

    def updates(self) -> Sequence[Update]:
        return [Update("adam", self.loss, rate=self.rate)]

    def rate(self, at: At) -> float:
        return falling(at, self.cfg.climb, self.cfg.decay)

    # ------------------------------------------------------------------------------------------- equations of the paper

    def loss(self, batch: Batch, at: At) -> Loss:
        """-ELBO, its KL weighted as `at` says: nats, counted a token. Of what is logged, `kl` is nats a sentence and
        `nats` the whole bound, a token, at the weight 1; both with word dropout."""
        x, lengths, label = batch[self.name], batch.lengths[self.name], self.label(batch)
        mu, log_var = self.posterior(x, lengths, label)
        z = mu + (0.5 * log_var).exp() * torch.randn_like(mu)
        reconstruction, _ = self.cost(x, lengths, torch.cat([z, label], 1), self.cfg.word_dropout)
        kl, weight = kl_terms(mu, log_var), annealed(at, self.cfg.annealing, self.cfg.warm_up)
        total = reconstruction + weight * charged(kl, self.cfg.free_bits)
        count = lengths.sum()
        tokens, each = count.to(kl.dtype), count.to(kl.dtype) / len(x)  # of what is said of a batch, and of a sentence
        in_use = (mu.var(0, correction=0) > ACTIVE).sum()
        logs = {
            "loss": total, "nats": reconstruction + kl.sum(), "kl": kl.sum() * each, "kl_weight": weight * tokens,
            "active_units": in_use * tokens,
        }  # fmt: skip
        return Loss(total, count, logs)

    def posterior(self, x: Tensor, lengths: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z|x): (B, T) -> (B, latents) each."""
        states = self.encoder(self.drop(self.tokens(x)), lengths)
        read = last(states, lengths, self.cfg.width)
        mu, log_var = self.gaussian(torch.cat([read, label.to(read.dtype)], 1)).chunk(2, dim=1)
        return mu, log_var

    def cost(self, x: Tensor, lengths: Tensor, code: Tensor, blanks: float = 0.0) -> tuple[Tensor, Tensor]:
        """-log p(x|z) of sentences (B, T) and their codes (B, code): the sum, which has a gradient, and of each
        sentence (B,), which has none. `blanks`: share of the words before that the decoder sees as blanks."""
        given = F.pad(x[:, :-1], (1, 0), value=self.start)
        if blanks:
            given = self.blanked(given, blanks)
        seen = self.drop(self.tokens(given))
        said, _ = self.decoder(torch.cat([seen, code[:, None].expand(-1, x.shape[1], -1)], 2), self.begun(code))
        there = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
        total, nats = token_nats(self.drop(self.say(said[there])), self.tokens.weight[: self.vocabulary], x[there])
        item = there.nonzero()[:, 0]
        return total, nats.new_zeros(len(x)).index_add(0, item, nats)

    def blanked(self, given: Tensor, blanks: float) -> Tensor:
        """Section 3.2: each word but what writing starts from reads as a blank, with that probability."""
        gone = torch.rand(given.shape, device=given.device) < blanks
        gone[:, 0] = False
        return given.masked_fill(gone, self.vocabulary)

    def begun(self, code: Tensor) -> tuple[Tensor, Tensor]:
        """The decoder's first state: (1, B, width), twice."""
        h, c = self.state(code).chunk(2, dim=1)
        return torch.tanh(h)[None].contiguous(), c[None].contiguous()

    def drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.cfg.dropout, self.training) if self.cfg.dropout else x

    def label(self, batch: Batch) -> Tensor:
        """The classes as one 1 among 0s (B, classes); without numbers where the model is not told them."""
        if not self.classes:
            return self.tokens.weight.new_zeros(len(batch[self.name]), 0)
        if "label" not in batch.values:
            raise Problem("sentences without classes: this model was trained with --conditional. Give a folder a class")
        return F.one_hot(batch["label"], self.classes).to(self.tokens.weight.dtype)

    # -------------------------------------------------------------------------------------------------------- abilities

    def encode(self, batch: Batch) -> Tensor:
        """The posterior's mean, and the class where the model is told it: (B, latents + classes)."""
        label = self.label(batch)
        return torch.cat([self.posterior(batch[self.name], batch.lengths[self.name], label)[0], label], 1)

    def decode(self, codes: Tensor) -> dict[str, Tensor]:
        """Always the likeliest token: (B, longest), 0 from a sentence's end on."""
        return {self.name: self.write(codes, None, Sampling(temperature=0.0))}

    @torch.no_grad()
    def bound(self, batch: Batch) -> Bound:
        """The two parts of -ELBO, by one draw."""
        x, lengths, label = batch[self.name], batch.lengths[self.name], self.label(batch)
        mu, log_var = self.posterior(x, lengths, label)
        z = mu + (0.5 * log_var).exp() * torch.randn_like(mu)
        return Bound(mu, kl_terms(mu, log_var), self.cost(x, lengths, torch.cat([z, label], 1))[1])

    def code_nll(self, codes: Tensor) -> Tensor:
        z = codes[:, : self.cfg.latents]
        return log(max(1, self.classes)) - log_normal(z, torch.zeros_like(z), torch.zeros_like(z))

    def noise(self, generator: torch.Generator, how: Any) -> Tensor:
        """z, then a number in [0, 1) for each token: (latents + longest,). Of 53 bits: rare tokens come as often as
        they should."""
        self.checked(how)
        z = torch.randn(self.cfg.latents, dtype=torch.float64, generator=generator)
        return torch.cat([z, torch.rand(self.longest, dtype=torch.float64, generator=generator)])

    def sample(self, noise: Tensor, condition: Mapping[str, Tensor], how: Any) -> dict[str, Tensor]:
        """Sentences from the prior, each token drawn given those before it."""
        z, uniform = torch.split(noise, [self.cfg.latents, self.longest], 1)
        code = z.to(self.tokens.weight.dtype)
        if self.classes:
            code = torch.cat([code, F.one_hot(condition["label"], self.classes).to(code.dtype)], 1)
        return {self.name: self.write(code, uniform, self.checked(how))}

    def write(self, code: Tensor, uniform: Tensor | None, how: Sampling) -> Tensor:
        """Tokens (B, longest) of codes, 0 from the end on; one for each number of `uniform`, or the likeliest."""
        made = torch.zeros(len(code), self.longest, dtype=torch.long, device=code.device)
        token, state = torch.full_like(made[:, 0], self.start), self.begun(code)
        open = torch.ones_like(token, dtype=torch.bool)
        for t in range(self.longest - 1):  # the last place is an end's
            said, state = self.decoder(torch.cat([self.tokens(token), code], 1)[:, None], state)
            logits = F.linear(self.say(said[:, 0]), self.tokens.weight[: self.vocabulary])
            if uniform is None:
                token = logits.argmax(1)
            else:
                p = probabilities(logits, how.temperature, how.top_k, how.top_p)
                token = inverse_cdf(p, uniform[:, t])
            token = token * open
            open = open & (token != 0)
            made[:, t] = token
            if not open.any():
                break
        return made

    def checked(self, how: Any) -> Sampling:
        chosen: Sampling = how or Sampling()
        from_zero(chosen, "temperature", "top_k")
        nucleus(chosen)
        return chosen

    def nll(self, batch: Batch, draws: int) -> tuple[Tensor, Tensor]:
        """-log p(x) by `draws` importance samples from q(z|x) (Burda et al. 2015, equation 8): an upper bound in
        expectation, tight as draws grow; and the tokens of each sentence, its end among them."""
        x, lengths, label = batch[self.name], batch.lengths[self.name], self.label(batch)
        mu, log_var = self.posterior(x, lengths, label)
        at_once = max(1, ROWS // len(x))
        weights = []
        for done in range(0, draws, at_once):
            k = min(at_once, draws - done)
            m, v, y = (t.repeat(k, 1) for t in (mu, log_var, label))
            z = m + (0.5 * v).exp() * torch.randn_like(m)
            _, nats = self.cost(x.repeat(k, 1), lengths.repeat(k), torch.cat([z, y], 1))
            zero = torch.zeros_like(z)
            weights.append((log_normal(z, zero, zero) - log_normal(z, m, v) - nats).view(k, -1))
        return -log_mean_exp(torch.cat(weights)), lengths


def written(spec: Spec) -> tuple[str, Field]:
    """Name and field of the sentence that an item is. Raises ValueError where it is none that can be written."""
    name, field = spec.only
    if not field.categories or not field.length or field.start is None or len(field.shape) != 1:
        raise ValueError(
            f"{name} {field.shape}: no sentences that end: text_vae writes those. Pass --kind sentences, and no "
            "--predict"
        )
    if field.shape[0] < 2:
        raise ValueError(f"{name} {field.shape}: no room for a word and the end. Pass --size 2 or more")
    return name, field


def annealed(at: At, form: Literal["logistic", "linear"], over: float) -> float:
    """The KL's weight: from about 0 up to 1 after the share `over` of the planned steps (0: 1 from the start), along a
    line or the logistic curve of the paper's figure 2, stretched so that it begins at 0 and ends at 1."""
    line = warm_up(at, over)
    if form == "linear" or line == 1.0:
        return line
    low, high, now = (1 / (1 + exp(-STEEP * (2 * x - 1))) for x in (0.0, 1.0, line))
    return (now - low) / (high - low)
