"""The plainest correct loops of the adversarial family, as plain.py has them of other models: layers as the papers'
formulas name them, real and made pictures passed apart, Adam at its defaults.

A turn of each network has a batch of its own, and spectral norm takes its power iteration after an update, as ours: so
the losses can be compared step by step.
"""

from collections.abc import Iterator
from itertools import pairwise
from math import ceil, sqrt
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from plain import STEPS, copy, copy_all, discriminator, generator
from reverie.core import At
from reverie.training.seeds import reseed


class Adversaries:
    """Two networks, an optimiser each. A turn is `turn`: a loss, of either, on the next batch."""

    turns = 0

    def learn(self, network: nn.Module, optimizer: torch.optim.Optimizer, loss: Any, *batch: Any) -> float:
        reseed(0, 0, self.turns, 0)
        network.zero_grad()
        value = loss(*batch)
        value.backward()
        optimizer.step()
        self.turns += 1
        return value.item()


# ---------------------------------------------------------------------------------------------------- dense and DCGAN's


class Gan(Adversaries):
    """Goodfellow et al. 2014, algorithm 1, in dense layers."""

    def __init__(self, model):
        self.latents, widths, size = model.cfg.latents, model.cfg.hidden, model.vectors.size
        layers = [nn.Linear(self.latents, widths[0]), nn.ReLU()]
        for inputs, units in pairwise(widths):
            layers += [nn.Linear(inputs, units), nn.BatchNorm1d(units), nn.ReLU()]
        self.g = nn.Sequential(*layers, nn.Linear(widths[-1], size), nn.Tanh())
        judge: list[nn.Module] = []
        for inputs, units in zip((size, *model.cfg.judge), model.cfg.judge):
            judge += [nn.Linear(inputs, units), nn.LeakyReLU(0.2)]
        self.d = nn.Sequential(*judge, nn.Linear(model.cfg.judge[-1], 1))
        copy(self.g, model.generator)
        copy(self.d, model.discriminator)
        rate, betas = model.cfg.learning_rate, (model.cfg.momentum, model.cfg.beta2)
        self.og, self.od = (torch.optim.Adam(n.parameters(), lr=rate, betas=betas) for n in (self.g, self.d))
        self.loss = nn.BCEWithLogitsLoss()

    def step(self, batch: Iterator[Tensor]) -> float:
        loss = self.learn(self.d, self.od, self.on_both, next(batch).flatten(1))
        return loss + self.learn(self.g, self.og, self.on_made, next(batch))

    def on_both(self, x: Tensor) -> Tensor:
        fake = self.g(torch.randn(len(x), self.latents)).detach()
        on_real, on_fake = self.d(x), self.d(fake)
        return self.loss(on_real, torch.ones_like(on_real)) + self.loss(on_fake, torch.zeros_like(on_fake))

    def on_made(self, x: Tensor) -> Tensor:
        said = self.d(self.g(torch.randn(len(x), self.latents)))
        return self.loss(said, torch.ones_like(said))


class Cgan(Adversaries):
    """Mirza & Osindero 2014 in the DCGAN's form: the class beside the noise, and as a learnt plane by the picture."""

    def __init__(self, model):
        channels, size, _ = model.spec.only[1].shape
        self.latents, self.classes, self.size = model.cfg.latents, model.spec.classes, size
        self.g = generator(self.latents + self.classes, channels, model.cfg.width, size)
        plane = nn.Linear(self.classes, size * size, bias=False)
        self.d = nn.ModuleList([plane, discriminator(channels + 1, model.cfg.width, size, norm=True)])
        copy(self.g, model.generator)
        copy(self.d, model.discriminator)
        rate, betas = model.cfg.learning_rate, (model.cfg.momentum, model.cfg.beta2)
        self.og, self.od = (torch.optim.Adam(n.parameters(), lr=rate, betas=betas) for n in (self.g, self.d))
        self.loss = nn.BCEWithLogitsLoss()

    def step(self, batch: Iterator[Any]) -> float:
        loss = self.learn(self.d, self.od, self.on_both, *next(batch))
        return loss + self.learn(self.g, self.og, self.on_made, *next(batch))

    def told(self, label: Tensor) -> Tensor:
        return F.one_hot(label, self.classes).to(torch.get_default_dtype())

    def made(self, y: Tensor) -> Tensor:
        return self.g(torch.cat([torch.randn(len(y), self.latents), y], 1)[:, :, None, None])

    def judged(self, x: Tensor, y: Tensor) -> Tensor:
        plane, network = self.d
        return network(torch.cat([x, plane(y).view(-1, 1, self.size, self.size)], 1)).view(-1)

    def on_both(self, x: Tensor, label: Tensor) -> Tensor:
        y = self.told(label)
        on_real, on_fake = self.judged(x, y), self.judged(self.made(y).detach(), y)
        return self.loss(on_real, torch.ones_like(on_real)) + self.loss(on_fake, torch.zeros_like(on_fake))

    def on_made(self, x: Tensor, label: Tensor) -> Tensor:
        y = self.told(label)
        said = self.judged(self.made(y), y)
        return self.loss(said, torch.ones_like(said))


class Wgan(Adversaries):
    """Arjovsky et al. 2017, algorithm 1, on the DCGAN."""

    def __init__(self, model):
        channels, size, _ = model.spec.only[1].shape
        self.latents, self.c, self.critic_turns = model.cfg.latents, model.cfg.clip_value, model.cfg.critic_turns
        self.g = generator(self.latents, channels, model.cfg.width, size)
        self.d = discriminator(channels, model.cfg.width, size, norm=model.cfg.norm)
        copy(self.g, model.generator)
        copy(self.d, model.critic)
        self.og, self.od = (torch.optim.RMSprop(n.parameters(), lr=model.cfg.learning_rate) for n in (self.g, self.d))

    def step(self, batch: Iterator[Tensor]) -> float:
        for _ in range(self.critic_turns):
            loss = self.learn(self.d, self.od, self.on_both, next(batch))
            for p in self.d.parameters():
                p.data.clamp_(-self.c, self.c)
        return loss + self.learn(self.g, self.og, self.on_made, next(batch))

    def made(self, count: int) -> Tensor:
        return self.g(torch.randn(count, self.latents)[:, :, None, None])

    def on_both(self, x: Tensor) -> Tensor:
        return self.d(self.made(len(x)).detach()).mean() - self.d(x).mean()

    def on_made(self, x: Tensor) -> Tensor:
        return -self.d(self.made(len(x))).mean()


# ----------------------------------------------------------------------------------------------------- SAGAN and BigGAN


class Sn(nn.Module):
    """Weight over its largest singular value, uᵀ W v (Miyato et al. 2018)."""

    def scaled(self) -> Tensor:
        return self.weight / (self.u @ self.weight.flatten(1) @ self.v)

    def take(self, ours: nn.Module) -> None:
        v = ours.v
        if self.weight.ndim == 4:  # ours lies channels-last
            _, i, h, w = self.weight.shape
            v = v.view(h, w, i).permute(2, 0, 1).flatten()
        self.register_buffer("u", ours.u.clone())
        self.register_buffer("v", v.clone())

    @torch.no_grad()
    def iterate(self) -> None:
        w = self.weight.flatten(1)
        self.v = F.normalize(w.t() @ self.u, dim=0)
        self.u = F.normalize(w @ self.v, dim=0)


class SnConv(Sn, nn.Conv2d):
    def __init__(self, inputs: int, outputs: int, kernel: int = 3, bias: bool = True):
        super().__init__(inputs, outputs, kernel, padding=kernel // 2, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.scaled(), self.bias, padding=self.padding)


class SnLinear(Sn, nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.scaled(), self.bias)


class SnEmbedding(Sn, nn.Embedding):
    def forward(self, y: Tensor) -> Tensor:
        return F.embedding(y, self.scaled())


class ClassNorm(nn.Module):
    """Batch norm whose gain and bias are a class's, or a vector's."""

    def __init__(self, channels: int, size: int, classes: int):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        if classes:
            self.gain, self.bias = nn.Embedding(classes, channels), nn.Embedding(classes, channels)
        else:
            self.gain, self.bias = SnLinear(size, channels, bias=False), SnLinear(size, channels, bias=False)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        return self.norm(x) * (1 + self.gain(c))[:, :, None, None] + self.bias(c)[:, :, None, None]


class ClassUp(nn.Module):
    def __init__(self, inputs: int, outputs: int, size: int, classes: int):
        super().__init__()
        self.norm1, self.norm2 = ClassNorm(inputs, size, classes), ClassNorm(outputs, size, classes)
        self.conv1, self.conv2 = SnConv(inputs, outputs), SnConv(outputs, outputs)
        self.shortcut = SnConv(inputs, outputs, 1)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        y = self.conv1(F.interpolate(F.relu(self.norm1(x, c)), scale_factor=2))
        y = self.conv2(F.relu(self.norm2(y, c)))
        return y + self.shortcut(F.interpolate(x, scale_factor=2))


class ClassDown(nn.Module):
    def __init__(self, inputs: int, outputs: int, first: bool, pools: bool):
        super().__init__()
        self.first, self.pools = first, pools
        self.conv1, self.conv2 = SnConv(inputs, outputs), SnConv(outputs, outputs)
        if pools:
            self.shortcut = SnConv(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(F.relu(self.conv1(x if self.first else F.relu(x))))
        return F.avg_pool2d(y, 2) + F.avg_pool2d(self.shortcut(x), 2) if self.pools else y + x


class Attention(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(()))
        self.query, self.key = SnConv(channels, channels // 8, 1, False), SnConv(channels, channels // 8, 1, False)
        self.value, self.out = SnConv(channels, channels // 2, 1, False), SnConv(channels // 2, channels, 1, False)

    def forward(self, x: Tensor) -> Tensor:
        query, key = self.query(x).flatten(2), F.max_pool2d(self.key(x), 2).flatten(2)
        value = F.max_pool2d(self.value(x), 2).flatten(2)
        weight = torch.bmm(query.transpose(1, 2), key).softmax(2)
        seen = torch.bmm(value, weight.transpose(1, 2)).view(len(x), -1, *x.shape[2:])
        return x + self.gamma * self.out(seen)


class ClassGenerator(nn.Module):
    """For 32×32: three doublings of 4×4, self-attention before the last."""

    def __init__(self, width: int, channels: int, parts: list[int], classes: int, shared: int):
        super().__init__()
        if shared:
            self.shared = nn.Embedding(classes, shared)
        wide = [4 * width, 4 * width, 2 * width, width]
        self.parts, self.wide, known = parts, wide[0], bool(shared)
        self.linear = SnLinear(parts[0], 16 * wide[0])
        self.blocks = nn.ModuleList(
            ClassUp(i, o, shared + parts[1] if known else 0, 0 if known else classes) for i, o in pairwise(wide)
        )
        self.attention, self.norm = Attention(wide[2]), nn.BatchNorm2d(width)
        self.picture = SnConv(width, channels)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        first, *rest = z.split(self.parts, 1)
        x = self.linear(first).view(-1, 4, 4, self.wide).permute(0, 3, 1, 2).contiguous()
        for k, block in enumerate(self.blocks):
            x = block(x, torch.cat([self.shared(label), rest[k]], 1) if rest else label)
            if k == 1:
                x = self.attention(x)
        return self.picture(F.relu(self.norm(x))).tanh()


class ClassDiscriminator(nn.Module):
    def __init__(self, width: int, channels: int, classes: int):
        super().__init__()
        wide = [channels, width, 2 * width, 4 * width]
        blocks: list[nn.Module] = [ClassDown(i, o, not k, True) for k, (i, o) in enumerate(pairwise(wide))]
        blocks.insert(1, Attention(width))
        self.blocks = nn.Sequential(*blocks, ClassDown(wide[-1], wide[-1], False, False))
        self.linear, self.embedding = SnLinear(wide[-1], 1), SnEmbedding(classes, wide[-1])

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        h = F.relu(self.blocks(x)).sum((2, 3))
        return self.linear(h).squeeze(1) + (self.embedding(label) * h).sum(1)


class ClassGan(Adversaries):
    """SAGAN and BigGAN with classes at 32×32: the hinge loss."""

    def __init__(self, model):
        cfg, channels, classes = model.cfg, model.spec.only[1].shape[0], model.classes
        self.latents, self.cfg = cfg.latents, cfg
        self.g = ClassGenerator(cfg.width, channels, model.generator.parts, classes, getattr(cfg, "shared", 0))
        self.d = ClassDiscriminator(cfg.width, channels, classes)
        for theirs, ours in ((self.g, model.generator), (self.d, model.discriminator)):
            copy(theirs, ours)
            layers = [m for m in ours.modules() if hasattr(m, "iterate")]
            for layer, own in zip([m for m in theirs.modules() if isinstance(m, Sn)], layers, strict=True):
                layer.take(own)
        betas = (cfg.beta1, cfg.beta2)
        self.og = torch.optim.Adam(self.g.parameters(), lr=cfg.generator_rate, betas=betas)
        self.od = torch.optim.Adam(self.d.parameters(), lr=cfg.discriminator_rate, betas=betas)

    def step(self, batch: Iterator[Any]) -> float:
        for _ in range(self.cfg.discriminator_turns):
            loss = self.learn(self.d, self.od, self.on_both, *next(batch))
            self.iterate(self.d)
        self.fooled = 0.0
        self.learn(self.g, self.og, self.on_made, *next(batch))
        self.iterate(self.g)
        return loss + self.fooled

    def iterate(self, network: nn.Module) -> None:
        for layer in network.modules():
            if isinstance(layer, Sn):
                layer.iterate()

    def on_both(self, x: Tensor, label: Tensor) -> Tensor:
        fake = self.g(torch.randn(len(x), self.latents), label).detach()
        return F.relu(1 - self.d(x, label)).mean() + F.relu(1 + self.d(fake, label)).mean()

    def on_made(self, x: Tensor, label: Tensor) -> Tensor:
        loss = -self.d(self.g(torch.randn(len(x), self.latents), label), label).mean()
        self.fooled = loss.item()  # the penalty is logged apart
        beta = getattr(self.cfg, "orthogonality", 0.0)
        if beta:
            for layer in self.g.modules():
                if isinstance(layer, Sn):
                    w = layer.weight.flatten(1)
                    loss = loss + beta * (w @ w.t() * (1 - torch.eye(len(w)))).square().sum()
        return loss


# ----------------------------------------------------------------------------------------------- Karras et al.'s layers


def leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2)


class EqConv(nn.Module):
    """A convolution whose weight is scaled at run time."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, gain: float = 1.0, bias: bool = True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.scale, self.padding = gain / sqrt(inputs * kernel**2), kernel // 2

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.scale, self.bias, padding=self.padding)


class EqLinear(nn.Module):
    def __init__(self, inputs: int, outputs: int, gain: float = 1.0, rate: float = 1.0, bias: bool = True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.scale, self.rate = gain * rate / sqrt(inputs), rate

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.scale, None if self.bias is None else self.bias * self.rate)


def pixel_norm(x: Tensor) -> Tensor:
    return x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()


def deviation(x: Tensor, group: int) -> Tensor:
    """One more channel: how much the items of a group differ."""
    y = x.view(group, -1, *x.shape[1:])
    y = (y.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3)).repeat(group)
    return torch.cat([x, y.view(-1, 1, 1, 1).expand(-1, 1, *x.shape[2:])], 1)


# ---------------------------------------------------------------------------------------------------------- progressive


class GrowUp(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv1, self.conv2 = EqConv(inputs, outputs, 3, sqrt(2)), EqConv(outputs, outputs, 3, sqrt(2))

    def forward(self, x: Tensor) -> Tensor:
        x = pixel_norm(leaky(self.conv1(F.interpolate(x, scale_factor=2))))
        return pixel_norm(leaky(self.conv2(x)))


class GrowDown(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv1, self.conv2 = EqConv(inputs, inputs, 3, sqrt(2)), EqConv(inputs, outputs, 3, sqrt(2))

    def forward(self, x: Tensor) -> Tensor:
        return leaky(F.avg_pool2d(self.conv2(leaky(self.conv1(x))), 2))


class GrowStart(nn.Module):
    def __init__(self, latents: int, width: int, base: int):
        super().__init__()
        self.bias, self.width, self.base = nn.Parameter(torch.zeros(width, 1, 1)), width, base
        self.dense = EqLinear(latents, width * base**2, sqrt(2) / base, bias=False)
        self.conv = EqConv(width, width, 3, sqrt(2))

    def forward(self, z: Tensor) -> Tensor:
        x = self.dense(pixel_norm(z)).view(-1, self.width, self.base, self.base)
        return pixel_norm(leaky(self.conv(pixel_norm(leaky(x + self.bias)))))


class GrowGenerator(nn.Module):
    def __init__(self, latents: int, channels: int, widths: list[int], base: int):
        super().__init__()
        self.start = GrowStart(latents, widths[0], base)
        self.ups = nn.ModuleList(GrowUp(i, o) for i, o in pairwise(widths))
        self.pictures = nn.ModuleList(EqConv(width, channels, 1) for width in widths)

    def forward(self, z: Tensor, grown: float) -> Tensor:
        last, x = ceil(grown), self.start(z)
        for up in self.ups[:last]:
            before, x = x, up(x)
        y = self.pictures[last](x)
        if last == grown:
            return y
        alpha = grown - last + 1
        return alpha * y + (1 - alpha) * F.interpolate(self.pictures[last - 1](before), scale_factor=2)


class GrowCritic(nn.Module):
    def __init__(self, channels: int, widths: list[int], base: int):
        super().__init__()
        self.pictures = nn.ModuleList(EqConv(channels, width, 1, sqrt(2)) for width in widths)
        self.downs = nn.ModuleList(GrowDown(o, i) for i, o in pairwise(widths))
        self.conv = EqConv(widths[0] + 1, widths[0], 3, sqrt(2))
        self.dense, self.out = EqLinear(widths[0] * base**2, widths[0], sqrt(2)), EqLinear(widths[0], 1)

    def forward(self, x: Tensor, grown: float) -> Tensor:
        last = ceil(grown)
        y = leaky(self.pictures[last](x))
        for k in range(last, 0, -1):
            y = self.downs[k - 1](y)
            if k == last != grown:
                alpha = grown - last + 1
                y = alpha * y + (1 - alpha) * leaky(self.pictures[k - 1](F.avg_pool2d(x, 2)))
        y = leaky(self.conv(deviation(y, 4)))
        return self.out(leaky(self.dense(y.flatten(1)))).squeeze(1)


class Progressive(Adversaries):
    """Karras et al. 2018: WGAN-GP with drift, of networks that grow."""

    def __init__(self, model):
        cfg, channels = model.cfg, model.spec.only[1].shape[0]
        base, count = model.sizes[0][0], len(model.sizes)
        widths = [min(cfg.width * 2**k, cfg.widest) for k in range(count)][::-1]
        self.cfg, self.count, self.grows = cfg, count, model.growth
        self.g, self.d = GrowGenerator(cfg.latents, channels, widths, base), GrowCritic(channels, widths, base)
        copy(self.g, model.generator)
        copy(self.d, model.critic)
        adam = {"lr": cfg.learning_rate, "betas": (cfg.beta1, cfg.beta2)}
        self.og = torch.optim.Adam(self.g.parameters(), **adam)
        self.od = torch.optim.Adam(self.d.parameters(), **adam)

    def step(self, batch: Iterator[Tensor]) -> float:
        grown = self.grows(At(self.turns // 2, 0, STEPS))
        loss = self.learn(self.d, self.od, self.on_both, next(batch), grown)
        return loss + self.learn(self.g, self.og, self.on_made, next(batch), grown)

    def on_both(self, x: Tensor, grown: float) -> Tensor:
        last = ceil(grown)
        x = F.avg_pool2d(x, 2 ** (self.count - 1 - last))
        if last != grown:
            alpha = grown - last + 1
            x = alpha * x + (1 - alpha) * F.interpolate(F.avg_pool2d(x, 2), scale_factor=2)
        fake = self.g(torch.randn(len(x), self.cfg.latents), grown).detach()
        eps = torch.rand(len(x))[:, None, None, None]
        mixed = (eps * x + (1 - eps) * fake).requires_grad_()
        slope = torch.autograd.grad(self.d(mixed, grown).sum(), mixed, create_graph=True)[0]
        penalty = ((slope.flatten(1).norm(2, dim=1) - 1) ** 2).mean()
        on_real = self.d(x, grown)
        gap = self.d(fake, grown).mean() - on_real.mean()
        return gap + self.cfg.penalty * penalty + self.cfg.drift * on_real.square().mean()

    def on_made(self, x: Tensor, grown: float) -> Tensor:
        return -self.d(self.g(torch.randn(len(x), self.cfg.latents), grown), grown).mean()


# ------------------------------------------------------------------------------------------------------------ StyleGAN2


TAPS = torch.outer(torch.tensor([1.0, 3.0, 3.0, 1.0]), torch.tensor([1.0, 3.0, 3.0, 1.0])) / 64


def blur(x: Tensor, gain: float, pad: int, stride: int = 1) -> Tensor:
    b, c, h, w = x.shape
    y = F.conv2d(F.pad(x.reshape(b * c, 1, h, w), [pad] * 4), gain * TAPS.to(x.dtype)[None, None], stride=stride)
    return y.view(b, c, *y.shape[2:])


class Modulated(nn.Module):
    """Weights of each item's own, scaled by its style and brought back to length 1, as one grouped convolution
    (Karras et al. 2020, equations 1 and 3)."""

    def __init__(self, inputs: int, outputs: int, style: int, up: bool):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.strength, self.shift = nn.Parameter(torch.zeros(())), nn.Parameter(torch.zeros(outputs))
        self.style, self.up, self.scale = EqLinear(style, inputs), up, 1 / sqrt(inputs * 9)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        b, i, h, _ = x.shape
        weight = self.weight * self.scale * self.style(w)[:, None, :, None, None]  # (B, O, I, 3, 3)
        weight = weight / (weight.square().sum((2, 3, 4), keepdim=True) + 1e-8).sqrt()
        x = x.reshape(1, b * i, h, h)
        if self.up:
            weight = weight.transpose(1, 2).reshape(b * i, -1, 3, 3)
            y = F.conv_transpose2d(x, weight, stride=2, groups=b)
            y = blur(y.view(b, -1, 2 * h + 1, 2 * h + 1), 4.0, 1)
        else:
            y = F.conv2d(x, weight.reshape(-1, i, 3, 3), padding=1, groups=b).view(b, -1, h, h)
        y = y + self.strength * torch.randn(b, 1, *y.shape[2:])
        return leaky(y + self.shift[:, None, None]) * sqrt(2)


class ToPicture(nn.Module):
    def __init__(self, inputs: int, channels: int, style: int):
        super().__init__()
        self.weight, self.shift = nn.Parameter(torch.randn(channels, inputs, 1, 1)), nn.Parameter(torch.zeros(channels))
        self.style, self.scale = EqLinear(style, inputs), 1 / sqrt(inputs)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        b, i, h, _ = x.shape
        weight = (self.weight * self.scale * self.style(w)[:, None, :, None, None]).reshape(-1, i, 1, 1)
        return F.conv2d(x.reshape(1, b * i, h, h), weight, groups=b).view(b, -1, h, h) + self.shift[:, None, None]


class Synthesis(nn.Module):
    def __init__(self, channels: int, style: int, widths: list[int], base: int):
        super().__init__()
        self.constant = nn.Parameter(torch.randn(1, widths[0], base, base))
        layers = [Modulated(widths[0], widths[0], style, False)]
        for i, o in pairwise(widths):
            layers += [Modulated(i, o, style, True), Modulated(o, o, style, False)]
        self.styled, self.pictures = nn.ModuleList(layers), nn.ModuleList(ToPicture(o, channels, style) for o in widths)

    def forward(self, w: Tensor) -> Tensor:
        x = self.styled[0](self.constant.repeat(len(w), 1, 1, 1), w)
        picture = self.pictures[0](x, w)
        for k in range(1, len(self.pictures)):
            x = self.styled[2 * k](self.styled[2 * k - 1](x, w), w)
            b, c, h, _ = picture.shape
            taps = 4 * TAPS.to(x.dtype)[None, None]
            up = F.conv_transpose2d(picture.reshape(b * c, 1, h, h), taps, stride=2, padding=1).view(b, c, 2 * h, 2 * h)
            picture = up + self.pictures[k](x, w)
        return picture


class StyleDown(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.first, self.second = EqConv(inputs, inputs), EqConv(inputs, outputs)
        self.shortcut = EqConv(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = leaky(self.first(x)) * sqrt(2)
        second = self.second
        y = F.conv2d(blur(y, 1.0, 2), second.weight * second.scale, second.bias, stride=2)
        return (leaky(y) * sqrt(2) + self.shortcut(blur(x, 1.0, 1, stride=2))) / sqrt(2)


class StyleDiscriminator(nn.Module):
    def __init__(self, channels: int, widths: list[int], base: int, group: int):
        super().__init__()
        wide, self.group = widths[-1], group
        self.picture = EqConv(channels, widths[0], 1)
        self.blocks = nn.Sequential(*(StyleDown(i, o) for i, o in pairwise(widths)))
        self.last, self.dense = EqConv(wide + 1, wide), EqLinear(wide * base**2, wide)
        self.out = EqLinear(wide, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(leaky(self.picture(x)) * sqrt(2))
        x = leaky(self.last(deviation(x, self.group))) * sqrt(2)
        return self.out(leaky(self.dense(x.flatten(1))) * sqrt(2)).squeeze(1)


class StyleGan2(Adversaries):
    """Karras et al. 2020 without classes, mixing and path lengths: the non-saturating loss and lazy R1."""

    def __init__(self, model):
        cfg, channels = model.cfg, model.spec.only[1].shape[0]
        (base, _), count = model.synthesis.sizes[0], len(model.synthesis.sizes)
        widths = [min(cfg.width * 2**k, cfg.widest) for k in range(count)]
        inputs = [cfg.latents, *[cfg.style] * (cfg.mapping - 1)]
        self.cfg = cfg
        self.mapping = nn.ModuleList(EqLinear(i, cfg.style, rate=0.01) for i in inputs)
        self.synthesis = Synthesis(channels, cfg.style, widths[::-1], base)
        self.g = nn.ModuleList([self.mapping, self.synthesis])
        self.d = StyleDiscriminator(channels, widths, base, cfg.beside)
        copy_all(list(self.g.parameters()), [*model.mapping.parameters(), *model.synthesis.parameters()])
        copy(self.d, model.discriminator)
        c = cfg.gamma_every / (cfg.gamma_every + 1)
        lazy = {"lr": cfg.learning_rate * c, "betas": (cfg.beta1**c, cfg.beta2**c)}
        self.od = torch.optim.Adam(self.d.parameters(), **lazy)
        self.og = torch.optim.Adam(self.g.parameters(), lr=cfg.learning_rate, betas=(cfg.beta1, cfg.beta2))
        self.done = 0

    def step(self, batch: Iterator[Tensor]) -> float:
        loss = self.learn(self.d, self.od, self.on_both, next(batch))
        if self.done % self.cfg.gamma_every == 0:
            self.learn(self.d, self.od, self.penalty, next(batch))
        self.done += 1
        return loss + self.learn(self.g, self.og, self.on_made, next(batch))

    def made(self, count: int) -> Tensor:
        w = pixel_norm(torch.randn(2, count, self.cfg.latents)[0])  # the second is what mixing would take
        for layer in self.mapping:
            w = leaky(layer(w)) * sqrt(2)
        return self.synthesis(w)

    def on_both(self, x: Tensor) -> Tensor:
        fake = self.made(len(x)).detach()
        return F.softplus(-self.d(x)).mean() + F.softplus(self.d(fake)).mean()

    def penalty(self, x: Tensor) -> Tensor:
        x = x.requires_grad_()
        slope = torch.autograd.grad(self.d(x).sum(), x, create_graph=True)[0]
        return self.cfg.gamma / 2 * self.cfg.gamma_every * slope.square().sum((1, 2, 3)).mean()

    def on_made(self, x: Tensor) -> Tensor:
        return F.softplus(-self.d(self.made(len(x)))).mean()


# ------------------------------------------------------------------------------------------------------------- CycleGAN


def restyle(channels: int, width: int, blocks: int) -> nn.Sequential:
    def normed(wide: int) -> list[nn.Module]:
        return [nn.InstanceNorm2d(wide), nn.ReLU(True)]

    layers = [nn.ReflectionPad2d(3), nn.Conv2d(channels, width, 7), *normed(width)]
    for w in (width, 2 * width):
        layers += [nn.Conv2d(w, 2 * w, 3, 2, 1), *normed(2 * w)]
    layers += [Restyled(4 * width) for _ in range(blocks)]
    for w in (4 * width, 2 * width):
        layers += [nn.ConvTranspose2d(w, w // 2, 3, 2, 1, output_padding=1), *normed(w // 2)]
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(width, channels, 7), nn.Tanh())


class Restyled(nn.Module):
    def __init__(self, wide: int):
        super().__init__()
        first = [nn.ReflectionPad2d(1), nn.Conv2d(wide, wide, 3), nn.InstanceNorm2d(wide), nn.ReLU(True)]
        self.layers = nn.Sequential(*first, nn.ReflectionPad2d(1), nn.Conv2d(wide, wide, 3), nn.InstanceNorm2d(wide))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def patches(channels: int, width: int, halvings: int) -> nn.Sequential:
    layers, wide = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2, True)], width
    for i in range(1, halvings + 1):
        out = width * min(2**i, 8)
        layers += [
            nn.Conv2d(wide, out, 4, 2 if i < halvings else 1, 1),
            nn.InstanceNorm2d(out),
            nn.LeakyReLU(0.2, True),
        ]
        wide = out
    return nn.Sequential(*layers, nn.Conv2d(wide, 1, 4, 1, 1))


class CycleGan(Adversaries):
    """Zhu et al. 2017: least squares, cycles, identities, a history of made pictures."""

    def __init__(self, model):
        cfg, channels = model.cfg, model.spec.only[1].shape[0]
        blocks = cfg.blocks or 6
        halvings = sum(m.stride == (2, 2) for m in model.of_first.modules() if isinstance(m, nn.Conv2d))
        self.g = nn.ModuleList(restyle(channels, cfg.width, blocks) for _ in range(2))
        self.d = nn.ModuleList(patches(channels, cfg.width, halvings) for _ in range(2))
        for theirs, ours in zip(self.g, (model.to_first, model.to_second)):
            copy(theirs, ours)
        for theirs, ours in zip(self.d, (model.of_first, model.of_second)):
            copy(theirs, ours)
        self.cfg, self.pools, self.rate, self.done = cfg, ([], []), model.rate, 0
        adam = {"lr": cfg.learning_rate, "betas": (cfg.beta1, cfg.beta2)}
        self.og = torch.optim.Adam(self.g.parameters(), **adam)
        self.od = torch.optim.Adam(self.d.parameters(), **adam)

    def step(self, batch: Iterator[Any]) -> float:
        for optimizer in (self.og, self.od):
            for group in optimizer.param_groups:
                group["lr"] = self.cfg.learning_rate * self.rate(At(self.done, 0, STEPS))
        self.done += 1
        self.d.requires_grad_(False)
        loss = self.learn(self.g, self.og, self.on_cycle, *next(batch))
        self.d.requires_grad_(True)
        return loss + self.learn(self.d, self.od, self.on_both, *next(batch))

    def on_cycle(self, a: Tensor, b: Tensor) -> Tensor:
        (to_a, to_b), (of_a, of_b) = self.g, self.d
        made_a, made_b = to_a(b), to_b(a)
        fooled = (of_a(made_a) - 1).square().mean() + (of_b(made_b) - 1).square().mean()
        cycle = F.l1_loss(to_a(made_b), a) + F.l1_loss(to_b(made_a), b)
        identity = F.l1_loss(to_a(a), a) + F.l1_loss(to_b(b), b)
        return fooled + self.cfg.cycle * (cycle + self.cfg.identity * identity)

    def on_both(self, a: Tensor, b: Tensor) -> Tensor:
        (to_a, to_b), (of_a, of_b) = self.g, self.d
        made_a, made_b = to_a(b).detach(), to_b(a).detach()
        old_a, old_b = self.asked(made_a, self.pools[0]), self.asked(made_b, self.pools[1])
        of = [(of_a, a, old_a), (of_b, b, old_b)]
        return sum(((d(x) - 1).square().mean() + d(old).square().mean()) / 2 for d, x, old in of)

    def asked(self, made: Tensor, pool: list[Tensor]) -> Tensor:
        slots, coins, seen = torch.randint(self.cfg.pool, (len(made),)), torch.rand(len(made)), []
        for picture, slot, coin in zip(made, slots.tolist(), coins.tolist()):
            if len(pool) < self.cfg.pool:
                pool.append(picture)
            elif coin < 0.5:
                pool[slot], picture = picture, pool[slot]
            seen.append(picture)
        return torch.stack(seen)


PLAIN = {
    "gan": Gan, "cgan": Cgan, "wgan": Wgan, "sagan": ClassGan, "biggan": ClassGan, "progressive": Progressive,
    "stylegan2": StyleGan2, "cyclegan": CycleGan,
}  # fmt: skip
