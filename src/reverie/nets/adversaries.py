"""The two networks of the first GANs, on items as vectors (`nets/vectors.py`): dense ones for any items, and those of
the DCGAN form for pictures. Each may be given a second input, a condition, beside noise or item."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .conv import Discriminator, Generator
from .norm import BatchNorm, BatchNorm1d, population_statistics
from .vectors import Vectors

LEAST = 8  # shortest side of a picture that convolutions take
PASSES = 16  # batches that batch norm's population statistics are averaged over
SLOPE = 0.2  # of leaky ReLUs, below 0: Radford et al. 2016, arXiv:1511.06434


class Maxout(nn.Linear):
    """The greatest of `pieces` linear units: (B, in) -> (B, units). Goodfellow et al. 2013, arXiv:1302.4389."""

    def __init__(self, inputs: int, units: int, pieces: int):
        super().__init__(inputs, units * pieces)
        self.pieces = pieces

    def forward(self, x: Float[Tensor, "b i"]) -> Float[Tensor, "b u"]:
        every = super().forward(x).view(len(x), -1, self.pieces)
        return every.max(2).values


@dataclass(frozen=True)
class Hidden:
    """What a hidden layer is made of."""

    activation: Literal["relu", "leaky", "maxout"] = "relu"
    pieces: int = 5  # of maxout
    norm: bool = False  # batch norm before the activation
    dropout: float = 0.0  # after it: the share of units left out

    def layer(self, inputs: int, units: int) -> list[nn.Module]:
        if self.activation == "maxout":
            made: list[nn.Module] = [Maxout(inputs, units, self.pieces)]
        else:
            norm = [BatchNorm1d(units)] if self.norm else []
            made = [nn.Linear(inputs, units), *norm, nn.ReLU() if self.activation == "relu" else nn.LeakyReLU(SLOPE)]
        return [*made, nn.Dropout(self.dropout)] if self.dropout else made

    def layers(self, *widths: int) -> nn.Sequential:
        """Hidden layers of these widths, the first of which is the input's."""
        return nn.Sequential(*(part for a, b in pairwise(widths) for part in self.layer(a, b)))


class Dense(nn.Module):
    """Inputs (B, n), each through layers of its own, then side by side through common ones: -> (B, out)."""

    def __init__(self, own: Sequence[nn.Module], common: nn.Module, last: nn.Linear):
        super().__init__()
        self.own, self.common, self.last = nn.ModuleList(own), common, last

    def forward(self, *inputs: Float[Tensor, "b _"]) -> Float[Tensor, "b o"]:
        y: Tensor = self.last(self.common(torch.cat([part(x) for part, x in zip(self.own, inputs)], 1)))
        return y

    def start(self, spread: float) -> None:
        """Weights from U(-spread, spread), biases 0. In place."""
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.uniform_(layer.weight, -spread, spread)
                nn.init.zeros_(layer.bias)


class DenseMaker(nn.Module):
    """Noise, and a condition where there is one -> vectors (B, d)."""

    def __init__(self, network: Dense, vectors: Vectors):
        super().__init__()
        self.network, self.vectors = network, vectors

    def forward(self, *inputs: Float[Tensor, "b _"]) -> Float[Tensor, "b d"]:
        return self.vectors.made(self.network(*inputs))


class DenseJudge(nn.Module):
    """Vectors, and a condition where there is one -> a number each, (B,)."""

    def __init__(self, network: Dense):
        super().__init__()
        self.network = network

    def forward(self, *inputs: Float[Tensor, "b _"]) -> Float[Tensor, " b"]:
        y: Tensor = self.network(*inputs)
        return y.squeeze(1)


def convolutional(network: str, shape: tuple[int, ...]) -> bool:
    """Are items of this shape, () of what is no picture, made by convolutions? `network`: convolutional | dense | auto,
    convolutional wherever it can be. Raises ValueError where convolutions are asked for and can't be."""
    fits = bool(shape) and min(shape[1:]) >= LEAST
    if network != "convolutional" or fits:
        return network != "dense" and fits
    if not shape:
        raise ValueError("--network convolutional: for pictures, and an item is none. Pass --network dense")
    given, nearest = ("x".join(map(str, s)) for s in (shape[1:], [max(side, LEAST) for side in shape[1:]]))
    raise ValueError(
        f"{given}: convolutions make {LEAST}x{LEAST} and larger. Pass the nearest, --size {nearest}, or --network dense"
    )


class PictureMaker(nn.Module):
    """The same of the DCGAN form: noise and condition are one vector."""

    def __init__(self, inputs: int, shape: tuple[int, ...], width: int, kernel: int = 4):
        super().__init__()
        self.network = Generator(inputs, shape, width, kernel)

    def forward(self, *inputs: Float[Tensor, "b _"]) -> Float[Tensor, "b d"]:
        z = torch.cat(inputs, 1) if len(inputs) > 1 else inputs[0]
        return self.network(z).flatten(1)  # type: ignore[no-any-return]


class PictureJudge(nn.Module):
    """The same of the DCGAN form: a condition is one more channel, a learnt picture for each of its numbers."""

    def __init__(self, shape: tuple[int, ...], told: int, width: int, kernel: int = 4, norm: bool = True):
        super().__init__()
        channels, *size = shape
        self.shape = shape
        self.plane = nn.Linear(told, size[0] * size[1], bias=False) if told else None
        self.network = Discriminator((channels + bool(told), *size), width, kernel, SLOPE, norm)

    def forward(self, x: Float[Tensor, "b d"], *condition: Float[Tensor, "b c"]) -> Float[Tensor, " b"]:
        picture = x.view(-1, *self.shape)
        if self.plane is not None:
            plane = self.plane(condition[0]).view(-1, 1, *self.shape[1:])
            picture = torch.cat([picture, plane], 1)
        return self.network(picture)  # type: ignore[no-any-return]


def judged(judge: nn.Module, real: Tensor, fake: Tensor, *condition: Tensor) -> tuple[Tensor, Tensor]:
    """What it says of real items and of made ones. Items that do not mix go through it as one batch; under batch norm
    each of the two has statistics of its own."""
    if any(isinstance(layer, BatchNorm) for layer in judge.modules()):
        return judge(real, *condition), judge(fake, *condition)
    on_real, on_fake = judge(torch.cat([real, fake]), *(torch.cat([c, c]) for c in condition)).chunk(2)
    return on_real, on_fake


Inputs = Callable[[int], tuple[Tensor, ...]]  # of batch k


def settle(maker: nn.Module, judge: nn.Module, noise: Inputs, real: Inputs) -> None:
    """Population statistics of both networks: the maker's from its inputs, the judge's from real and made items in
    equal parts, both with the same condition (`real`: items, and a condition where there is one)."""
    population_statistics(maker, [lambda k=k: maker(*noise(k)) for k in range(PASSES)])  # type: ignore[misc]

    def look(k: int) -> None:
        item, *condition = real(k)
        judge(item, *condition)
        judge(maker(*noise(k)), *condition)

    was = maker.training
    maker.eval()
    population_statistics(judge, [partial(look, k) for k in range(PASSES)])
    maker.train(was)
