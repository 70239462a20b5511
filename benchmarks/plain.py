"""The plainest correct PyTorch loop for each model: what one would write after the paper and PyTorch's own examples.

Standard layers and optimisers at their defaults, a DataLoader over a tensor in memory, no averaged weights, no log, no
checkpoint. Each takes the weights of ours and draws the same chance in the same order, so that the losses can be
compared step by step before any time is.
"""

from collections.abc import Iterator
from math import sqrt
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from reverie.core import At
from reverie.training.lanes import rows
from reverie.training.seeds import reseed


def copy(theirs: nn.Module, ours: nn.Module) -> None:
    """Weights in order of layers: the networks are the same."""
    copy_all(list(theirs.parameters()), list(ours.parameters()))


def copy_all(targets: list[Tensor], sources: list[Tensor]) -> None:
    assert [p.numel() for p in sources] == [p.numel() for p in targets]
    with torch.no_grad():
        for target, source in zip(targets, sources):
            target.copy_(source.reshape(target.shape))


def batches(data: tuple[Tensor, ...], orders: list[list[int]]) -> Iterator[Any]:
    """A tensor, or a tuple of pictures and labels."""
    for parts in DataLoader(TensorDataset(*data), batch_sampler=orders):
        yield parts[0] if len(parts) == 1 else tuple(parts)


class Vae:
    """Kingma & Welling's network as in PyTorch's own example: sigmoid output, binary cross-entropy."""

    def __init__(self, model):
        widths, latents = model.cfg.hidden, model.cfg.latents
        size = model.spec.only[1].size
        self.encoder = nn.Sequential(nn.Linear(size, widths[0]), nn.Tanh(), nn.Linear(widths[0], 2 * latents))
        self.decoder = nn.Sequential(nn.Linear(latents, widths[0]), nn.Tanh(), nn.Linear(widths[0], size), nn.Sigmoid())
        copy(self.encoder, model.encoder)
        copy(self.decoder, model.decoder)
        self.optimizer = torch.optim.Adam(
            [*self.encoder.parameters(), *self.decoder.parameters()], lr=model.cfg.learning_rate
        )
        self.turns = 0

    turns_a_step = 1

    def step(self, batch: Iterator[Tensor]) -> float:
        x = (next(batch).flatten(1) + 1) / 2
        reseed(0, 0, self.turns, 0)
        self.optimizer.zero_grad()
        mu, log_var = self.encoder(x).chunk(2, dim=1)
        z = mu + torch.exp(0.5 * log_var) * torch.randn_like(mu)
        x_hat = self.decoder(z)
        kl = -0.5 * torch.sum(1 + log_var - mu.pow(2) - log_var.exp())
        loss = (F.binary_cross_entropy(x_hat, x, reduction="sum") + kl) / len(x)
        loss.backward()
        self.optimizer.step()
        self.turns += 1
        return loss.item()


def generator(latents: int, channels: int, width: int, size: int) -> nn.Sequential:
    """PyTorch's DCGAN example, with as many doublings as the size asks for."""
    doublings = {28: 2, 32: 3, 64: 4}[size]
    base, wide = size >> doublings, width << (doublings - 1)
    layers: list[nn.Module] = [
        nn.ConvTranspose2d(latents, wide, base, 1, 0, bias=False),
        nn.BatchNorm2d(wide),
        nn.ReLU(True),
    ]
    while wide > width:
        layers += [nn.ConvTranspose2d(wide, wide // 2, 4, 2, 1, bias=False), nn.BatchNorm2d(wide // 2), nn.ReLU(True)]
        wide //= 2
    return nn.Sequential(*layers, nn.ConvTranspose2d(width, channels, 4, 2, 1, bias=False), nn.Tanh())


def discriminator(channels: int, width: int, size: int, norm: bool) -> nn.Sequential:
    doublings = {28: 2, 32: 3, 64: 4}[size]
    layers: list[nn.Module] = []
    before, wide = channels, width
    for i in range(doublings):
        layers.append(nn.Conv2d(before, wide, 4, 2, 1, bias=not norm))
        if norm and i:
            layers.append(nn.BatchNorm2d(wide))
        layers.append(nn.LeakyReLU(0.2, inplace=True))
        before, wide = wide, wide * 2
    return nn.Sequential(*layers, nn.Conv2d(before, 1, size >> doublings, 1, 0, bias=False))


class Dcgan:
    """PyTorch's DCGAN example, with noise drawn anew for each turn as in Goodfellow et al. 2014, algorithm 1."""

    turns_a_step = 2

    def __init__(self, model):
        channels, size, _ = model.spec.only[1].shape
        self.latents = model.cfg.latents
        self.g = generator(self.latents, channels, model.cfg.width, size)
        self.d = discriminator(channels, model.cfg.width, size, norm=True)
        copy(self.g, model.generator)
        copy(self.d, model.discriminator)
        self.og = torch.optim.Adam(self.g.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.od = torch.optim.Adam(self.d.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.loss, self.turns = nn.BCEWithLogitsLoss(), 0

    def noise(self, count: int) -> Tensor:
        return torch.randn(count, self.latents)[:, :, None, None]

    def step(self, batch: Iterator[Tensor]) -> float:
        x = next(batch)
        ones, zeros = torch.ones(len(x)), torch.zeros(len(x))
        reseed(0, 0, self.turns, 0)
        self.d.zero_grad()
        fake = self.g(self.noise(len(x)))
        loss_d = self.loss(self.d(x).view(-1), ones)
        loss_d.backward()
        on_fake = self.loss(self.d(fake.detach()).view(-1), zeros)
        on_fake.backward()
        self.od.step()
        next(batch)  # ours gives the generator's turn a batch of its own, unused but for its size
        reseed(0, 0, self.turns + 1, 0)
        self.g.zero_grad()
        loss_g = self.loss(self.d(self.g(self.noise(len(x)))).view(-1), ones)
        loss_g.backward()
        self.og.step()
        self.turns += 2
        return (loss_d + on_fake).item() + loss_g.item()


class WganGp:
    """Gulrajani et al. 2017, algorithm 1, line by line, on the same convolutions."""

    turns_a_step = 6

    def __init__(self, model):
        channels, size, _ = model.spec.only[1].shape
        self.latents, self.cfg = model.cfg.latents, model.cfg
        self.g = generator(self.latents, channels, model.cfg.width, size)
        self.d = discriminator(channels, model.cfg.width, size, norm=False)
        copy(self.g, model.generator)
        copy(self.d, model.critic)
        adam = {"lr": model.cfg.learning_rate, "betas": (model.cfg.beta1, model.cfg.beta2)}
        self.og = torch.optim.Adam(self.g.parameters(), **adam)
        self.od = torch.optim.Adam(self.d.parameters(), **adam)
        self.turns, self.rate = 0, model.updates()[0].rate

    def noise(self, count: int) -> Tensor:
        return torch.randn(count, self.latents)[:, :, None, None]

    def step(self, batch: Iterator[Tensor]) -> float:
        rate = self.rate(At(self.turns // 6, 0, STEPS))  # falls to 0 at the planned end, as in the paper
        for optimizer in (self.og, self.od):
            for group in optimizer.param_groups:
                group["lr"] = self.cfg.learning_rate * rate
        for _ in range(5):
            x = next(batch)
            reseed(0, 0, self.turns, 0)
            self.d.zero_grad()
            fake = self.g(self.noise(len(x))).detach()
            eps = torch.rand(len(x))[:, None, None, None]
            mixed = (eps * x + (1 - eps) * fake).requires_grad_()
            slope = torch.autograd.grad(self.d(mixed).sum(), mixed, create_graph=True)[0]
            penalty = ((slope.flatten(1).norm(2, dim=1) - 1) ** 2).mean()
            critic = self.d(fake).mean() - self.d(x).mean() + self.cfg.penalty * penalty
            critic.backward()
            self.od.step()
            self.turns += 1
        x = next(batch)
        reseed(0, 0, self.turns, 0)
        self.g.zero_grad()
        loss = -self.d(self.g(self.noise(len(x)))).mean()
        loss.backward()
        self.og.step()
        self.turns += 1
        return critic.item() + loss.item()


class Block(nn.Module):
    """GPT-2's block with attention written out."""

    def __init__(self, width: int, heads: int, context: int, bias: bool):
        super().__init__()
        self.ln1, self.qkv = nn.LayerNorm(width, bias=bias), nn.Linear(width, 3 * width, bias=bias)
        self.out, self.ln2 = nn.Linear(width, width, bias=bias), nn.LayerNorm(width, bias=bias)
        self.up, self.down = nn.Linear(width, 4 * width, bias=bias), nn.Linear(4 * width, width, bias=bias)
        self.heads = heads
        self.register_buffer("mask", torch.tril(torch.ones(context, context)).bool())

    def forward(self, x: Tensor) -> Tensor:
        b, t, c = x.shape
        q, k, v = (p.view(b, t, self.heads, -1).transpose(1, 2) for p in self.qkv(self.ln1(x)).split(c, dim=2))
        attention = (q @ k.transpose(-2, -1)) / sqrt(q.shape[-1])
        attention = attention.masked_fill(~self.mask[:t, :t], float("-inf")).softmax(-1)
        x = x + self.out((attention @ v).transpose(1, 2).reshape(b, t, c))
        return x + self.down(F.gelu(self.up(self.ln2(x)), approximate="tanh"))


class Gpt:
    """A GPT as a tutorial writes it: attention by a masked softmax, AdamW, a learning rate set by hand at each step."""

    turns_a_step = 1

    def __init__(self, model):
        cfg, field = model.cfg, model.spec.only[1]
        context = field.shape[0] - 1
        self.tokens, self.places = nn.Embedding(field.categories, cfg.width), nn.Embedding(context, cfg.width)
        self.blocks = nn.Sequential(*[Block(cfg.width, cfg.heads, context, cfg.bias) for _ in range(cfg.layers)])
        self.norm = nn.LayerNorm(cfg.width, bias=cfg.bias)
        self.network = nn.ModuleList([self.tokens, self.places, self.blocks, self.norm])
        copy(self.network, model.transformer)
        self.prepare(model)

    def prepare(self, model) -> None:
        cfg = model.cfg
        matrices = [p for p in self.network.parameters() if p.ndim >= 2]
        vectors = [p for p in self.network.parameters() if p.ndim < 2]
        groups = [{"params": matrices, "weight_decay": cfg.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=cfg.learning_rate, betas=(cfg.beta1, cfg.beta2))
        self.rate, self.peak, self.turns = model.updates()[0].rate, cfg.learning_rate, 0

    def logits(self, x: Tensor) -> Tensor:
        h = self.tokens(x) + self.places(torch.arange(x.shape[1]))
        return self.norm(self.blocks(h)) @ self.tokens.weight.T

    def step(self, batch: Iterator[Tensor]) -> float:
        windows = next(batch)
        reseed(0, 0, self.turns, 0)
        logits = self.logits(windows[:, :-1])
        loss = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), windows[:, 1:].reshape(-1))
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = self.peak * self.rate(At(self.turns, 0, STEPS))
        self.optimizer.step()
        self.turns += 1
        return loss.item()


class RecurrentLm:
    """A language model as a tutorial writes it: an embedding, nn.LSTM, a linear layer tied to the embedding, the state
    detached and kept from batch to batch, AdamW, clipping."""

    turns_a_step = 1

    def __init__(self, model):
        cfg, vocabulary = model.cfg, model.rows.vocabulary
        self.lstm = nn.LSTM(cfg.width, cfg.width, cfg.layers, batch_first=True)
        self.tokens, self.bias = nn.Embedding(vocabulary, cfg.width), nn.Parameter(torch.zeros(vocabulary))
        self.parameters = [*self.lstm.parameters(), self.tokens.weight, self.bias]
        copy_all(self.parameters, list(model.reads.parameters()))
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=cfg.learning_rate, betas=(cfg.beta1, cfg.beta2), weight_decay=cfg.weight_decay
        )
        self.rate, self.peak, self.turns = model.updates()[0].rate, cfg.learning_rate, 0
        self.state: tuple[Tensor, ...] | None = None

    def step(self, batch: Iterator[Tensor]) -> float:
        windows = next(batch)
        follows = rows(TEXTS, len(windows), 0, self.turns)[1][:, None]
        state = None if self.state is None else tuple(s.detach() * follows for s in self.state)
        x, self.state = self.lstm(self.tokens(windows[:, :-1]) * sqrt(self.tokens.embedding_dim), state)
        logits = F.linear(x, self.tokens.weight, self.bias)
        loss = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), windows[:, 1:].reshape(-1))
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = self.peak * self.rate(At(self.turns, 0, STEPS))
        self.optimizer.step()
        self.turns += 1
        return loss.item()


class Classifier:
    """Cross-entropy, AdamW without decay on vectors, a one-cycle rate set by hand at each step."""

    turns_a_step = 1

    def __init__(self, network: nn.Module, model, sources: list[Tensor]):
        self.network, self.smoothing = network, model.cfg.smoothing
        copy_all(list(network.parameters()), sources)
        matrices = [p for p in network.parameters() if p.ndim > 1]
        vectors = [p for p in network.parameters() if p.ndim < 2]
        decay = model.cfg.weight_decay
        groups = [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=model.cfg.learning_rate)
        self.rate, self.peak, self.turns = model.updates()[0].rate, model.cfg.learning_rate, 0

    def step(self, batch: Iterator[tuple[Tensor, Tensor]]) -> float:
        x, y = next(batch)
        reseed(0, 0, self.turns, 0)
        for group in self.optimizer.param_groups:
            group["lr"] = self.peak * self.rate(At(self.turns, 0, STEPS))
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.network(x), y, label_smoothing=self.smoothing)
        loss.backward()
        self.optimizer.step()
        self.turns += 1
        return loss.item()


def convolutional(model) -> Classifier:
    """The plain form: a block at full size, then two a halving; the mean over the picture; a linear layer."""
    channels, layers = model.spec.only[1].shape[0], []
    for conv in [m for m in model.body.modules() if isinstance(m, nn.Conv2d)]:
        layers += [
            nn.Conv2d(channels, conv.out_channels, 3, conv.stride, 1, bias=False),
            nn.BatchNorm2d(conv.out_channels),
            nn.ReLU(),
        ]
        channels = conv.out_channels
    head = nn.Linear(channels, model.answer.categories)
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)
    return Classifier(network, model, list(model.parameters()))


def feedforward(model) -> Classifier:
    """Dense layers, each with batch norm, GELU and dropout, as the set `dense` has them."""
    wide, layers = model.spec.only[1].size, [nn.Flatten()]
    for out in model.cfg.hidden:
        layers += [nn.Linear(wide, out), nn.BatchNorm1d(out), nn.GELU(), nn.Dropout(model.cfg.dropout)]
        wide = out
    sources = []
    for dense in model.body:
        own, norm = dense.layer, dense.norm.norm
        sources += [own.linear.weight, own.bias, norm.weight, norm.bias]
    sources += [model.head.weight[0].t(), model.head.bias]
    return Classifier(nn.Sequential(*layers, nn.Linear(wide, model.answer.categories)), model, sources)


STEPS = 2_000  # that schedules are planned for
TEXTS = 10_000  # windows of the texts
PLAIN = {
    "dcgan": Dcgan, "vae": Vae, "gpt": Gpt, "recurrent_lm": RecurrentLm, "wgan_gp": WganGp,
    "convolutional": convolutional, "feedforward": feedforward,
}  # fmt: skip
